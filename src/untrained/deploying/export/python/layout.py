"""Trees as code: on one line if it fits, else a part a line."""

from untrained.deploying.export.python.expressions import quoted
from untrained.deploying.export.python.functions import literal
from untrained.deploying.export.python.tree import MISSING, Argument, Call, Items, Repeat, Text, Tree, Value

WIDTH = 100


def laid_out(tree: Tree, indent: int, taken: int = 0) -> str:
    """Writes a tree.

    Args:
        tree: What to write.
        indent: Spaces before the line that it stands on.
        taken: Characters that stand before and after it on the line.

    Returns:
        The code; its first line is without the spaces.
    """
    line = written(tree)
    if indent + taken + len(line) <= WIDTH:
        return line
    match tree:
        case Call():
            opening, closing = f"{tree.function}(", ")"
            shown = _shown(tree)
            only = shown[0].value if len(shown) == 1 else None
            if isinstance(only, Items) and only.brackets:
                return f"{opening}{laid_out(only, indent, taken + len(opening) + 1)}{closing}"
            inside = written(tree)[len(opening) : -1]
            if not isinstance(only, Items) and indent + 4 + len(inside) <= WIDTH:
                return f"{opening}\n{' ' * (indent + 4)}{inside}\n{' ' * indent}{closing}"
            parts = _parts(tree, indent + 4)
        case Items():
            opening, closing = tree.brackets[:1], tree.brackets[1:]
            parts = _item_parts(tree, indent + 4)
        case Repeat():
            return f"*({laid_out(tree.item, indent, 30)} for _ in range({written(tree.count)}))"
        case _:
            return line
    inside = "".join(f"\n{' ' * (indent + 4)}{part}," for part in parts)
    return f"{opening}{inside}\n{' ' * indent}{closing}" if parts else line


def _parts(call: Call, indent: int) -> list[str]:
    parts = list[str]()
    for argument in _shown(call):
        start = f"{argument.name}=" if argument.by_name else ""
        if isinstance(argument.value, Items) and not argument.value.brackets:
            parts += _item_parts(argument.value, indent)
        else:
            parts.append(start + laid_out(argument.value, indent, len(start) + 1))
    return parts


def _item_parts(items: Items, indent: int) -> list[str]:
    if items.names:
        named = zip(items.names, items.items, strict=True)
        if items.brackets == "{}":
            return [f"{quoted(name)}: {laid_out(item, indent, len(name) + 5)}" for name, item in named]
        return [f"({quoted(name)}, {laid_out(item, indent, len(name) + 7)})" for name, item in named]
    if all(isinstance(item, Text) for item in items.items):  # numbers or names: as many as fit on a line
        return _packed(list(map(written, items.items)), WIDTH - indent - 1)
    return [laid_out(item, indent, 1) for item in items.items]


def _packed(parts: list[str], width: int) -> list[str]:
    """Parts side by side, as many as fit on a line."""
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + 2 + len(part) <= width:
            lines[-1] += f", {part}"
        else:
            lines.append(part)
    return lines


def written(tree: Tree) -> str:
    """Writes a tree on one line."""
    match tree:
        case Value():
            if isinstance(tree.value, tuple):
                inside = ", ".join(written(Value(part)) for part in tree.value)
                return f"({inside},)" if len(tree.value) == 1 else f"({inside})"
            return quoted(tree.value) if isinstance(tree.value, str) else literal(tree.value)
        case Text():
            return tree.text
        case Call():
            parts = [(f"{a.name}=" if a.by_name else "") + written(a.value) for a in _shown(tree)]
            return f"{tree.function}({', '.join(part for part in parts if part)})"
        case Items():
            if tree.names:
                form = "{}: {}" if tree.brackets == "{}" else "({}, {})"
                parts = zip(tree.names, tree.items, strict=True)
                inside = ", ".join(form.format(quoted(name), written(item)) for name, item in parts)
            elif tree.brackets and len(tree.items) == 1 and isinstance(tree.items[0], Repeat):
                return f"[{written(tree.items[0])[2:-1]}]"  # [f(x) for _ in range(n)]
            else:
                inside = ", ".join(map(written, tree.items))
            return f"{tree.brackets[:1]}{inside}{tree.brackets[1:]}"
        case Repeat():
            return f"*({written(tree.item)} for _ in range({written(tree.count)}))"


def _shown(call: Call) -> list[Argument]:
    """The arguments that differ from their defaults."""
    found = list[Argument]()
    for argument in call.arguments:
        value = argument.value.value if isinstance(argument.value, Value) else MISSING
        if argument.default is MISSING or type(value) is not type(argument.default) or value != argument.default:
            found.append(argument)
    return found

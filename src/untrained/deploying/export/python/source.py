"""Classes as text."""

import keyword
import re
import textwrap
from typing import Any

from untrained.deploying.export.python.classes import ClassCode
from untrained.deploying.export.python.expressions import TOKEN, quoted
from untrained.deploying.export.python.groups import Member
from untrained.deploying.export.python.layout import WIDTH, laid_out, written
from untrained.deploying.export.python.tree import MISSING, Argument, Call, Text, Tree, Value


def class_text(code: ClassCode) -> str:
    """Writes one class."""
    base = code.base.function
    lines = [f"class {code.name}({base}):"]
    if code.about:
        lines += docstring(code.about, 4)
    stored = _stored(code)
    init = [f"self.{name} = {name}" for name in stored]
    init += [_member(member) for member in code.members]
    init += code.extra
    if init or code.parameters or code.base.arguments:
        parent = laid_out(Call("super().__init__", code.base.arguments), 8)
        lines += [""] if code.about else []
        lines.append(f"    def __init__({', '.join(('self', *map(_parameter, code.parameters)))}):")
        lines += _indented([parent, *init], 8)
    if code.body is not None:
        lines += [""] if len(lines) > 1 else []
        lines.append(f"    def forward({', '.join(('self', *code.body.arguments))}):")
        lines += _indented([_wrapped(_numbered(line, code.numbers), 8) for line in code.body.lines], 8)
    if len(lines) == 1:
        lines.append("    pass")
    return "\n".join(lines) + "\n"


def docstring(text: str, indent: int) -> list[str]:
    """A docstring of any text."""
    safe = text.replace("\\", "\\\\").replace('"""', "'''").strip()
    safe = safe.replace('"', "'") if safe.endswith('"') else safe
    lines = [line for part in safe.split("\n") for line in textwrap.wrap(part, WIDTH - indent - 6) or [""]]
    if len(lines) == 1:
        return [f'{" " * indent}"""{lines[0]}"""']
    return [
        f'{" " * indent}"""{lines[0]}',
        *(f"{' ' * indent}{line}".rstrip() for line in lines[1:]),
        f'{" " * indent}"""',
    ]


def _parameter(parameter: tuple[str, Any]) -> str:
    name, default = parameter
    return name if default is MISSING else f"{name}={written(Value(default))}"


def _stored(code: ClassCode) -> list[str]:
    """The arguments that the forward pass uses."""
    used = " ".join(number.text for number in code.numbers if isinstance(number, Text))
    return [name for name, _ in code.parameters if re.search(rf"\b{name}\b", used)]


def _numbered(line: str, numbers: tuple[Tree, ...]) -> str:
    """A statement with the numbers, or the arguments that stand for them, in place of its tokens."""

    def text(found: re.Match[str]) -> str:
        number = numbers[int(found[1])]
        if not isinstance(number, Text):
            return written(number)
        code = re.sub(r"[A-Za-z_]\w*", lambda name: f"self.{name[0]}", number.text)
        return code if " " not in code else f"({code})"

    return TOKEN.sub(text, line)


def _member(member: Member) -> str:
    if member.kind == "buffer":
        return laid_out(Call("self.register_buffer", _named(member)), 8)
    if not member.name.isidentifier() or keyword.iskeyword(member.name):
        function = "self.register_parameter" if member.kind == "parameter" else "self.add_module"
        return laid_out(Call(function, _named(member)), 8)
    start = f"self.{member.name} = "
    return start + laid_out(member.tree, 8, len(start))


def _named(member: Member) -> tuple[Argument, ...]:
    return Argument("name", Text(quoted(member.name))), Argument("value", member.tree)


def _wrapped(line: str, indent: int) -> str:
    """A long statement, broken inside its outermost parentheses."""
    if indent + len(line) <= WIDTH or not line.endswith((")", "}", "]")):
        return line
    depth = 0
    for i in range(len(line) - 1, -1, -1):
        depth += (line[i] in ")]}") - (line[i] in "([{")
        if depth == 0:
            return f"{line[: i + 1]}\n    {line[i + 1 : -1]}\n{line[-1]}" if 0 < i < WIDTH else line
    return line


def _indented(parts: list[str], indent: int) -> list[str]:
    """Lines with spaces before them; what `laid_out` wrote has those of its later lines."""
    lines = list[str]()
    for part in parts:
        first, *rest = part.split("\n")
        lines.append(" " * indent + first)
        lines += [line if line.startswith(" " * indent) else " " * indent + line for line in rest]
    return lines

"""Modules that one class can stand for, and the numbers in which they differ as its arguments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from untrained.deploying.export.python.tree import MISSING, Argument, Hole, Text, Tree, Value, filled, holes, shape

MOST_PASSED = 2
"""Parts of a class that its constructor takes as they are, if they differ from module to module."""


@dataclass(frozen=True)
class Member:
    """Something that a module has: `self.name = tree`."""

    name: str
    tree: Tree
    kind: str = "module"
    """"module", "parameter" or "buffer"."""


@dataclass(frozen=True)
class Merged:
    """What modules of one class have in common, and how each is made."""

    parameters: tuple[tuple[str, Any], ...]
    """Name and default of each argument of the constructor."""
    members: tuple[Member, ...]
    numbers: tuple[Tree, ...]
    """What stands for each number of the forward pass."""
    arguments: tuple[tuple[Argument, ...], ...]
    """For each module, the arguments of its constructor."""


def merged(modules: Sequence[Sequence[Member]], numbers: Sequence[Sequence[Hole]]) -> Merged | None:
    """Finds arguments with which one class can make several modules.

    Args:
        modules: The members of each; all have the same names.
        numbers: The numbers in the forward pass of each.

    Returns:
        The class; None if the modules differ in more than arguments can say.
    """
    passed = [i for i, same in enumerate(zip(*modules, strict=True)) if len({shape(m.tree) for m in same}) > 1]
    if len(passed) > MOST_PASSED or any(modules[0][i].kind != "module" for i in passed):
        return None
    kept = [[member for i, member in enumerate(members) if i not in passed] for members in modules]
    found = [
        [hole for member in members for hole in holes(member.tree)] + list(own)
        for members, own in zip(kept, numbers, strict=True)
    ]
    names = _Names([member.name for member in modules[0]])
    vectors = [tuple(hole.value for hole in column) for column in zip(*found, strict=True)]
    hints: dict[tuple[Any, ...], list[str]] = {}
    defaults: dict[tuple[Any, ...], list[Any]] = {}
    for vector, hole in zip(vectors, found[0], strict=True):
        if _varies(vector):
            hints.setdefault(vector, []).append(hole.name)
            defaults.setdefault(vector, []).append(hole.default)
    code = _codes(hints, names)
    filling: Iterator[Tree] = iter([Text(code[v]) if _varies(v) else Value(v[0]) for v in vectors])
    members = list[Member]()
    for i, member in enumerate(modules[0]):
        tree = Text(member.name) if i in passed else filled(member.tree, filling)
        members.append(Member(member.name, tree, member.kind))
    own = sorted((v for v in hints if code[v].isidentifier()), key=lambda v: _rank(code[v]))
    default = {
        v: d[0] if all(other == d[0] for other in d) and _rank(code[v]) == LAST else MISSING
        for v, d in defaults.items()
    }
    arguments = list[tuple[Argument, ...]]()
    for k, one in enumerate(modules):
        by_number = [Argument(code[v], Value(v[k]), default[v], _rank(code[v]) == LAST) for v in own]
        by_number += [Argument(one[i].name, one[i].tree, by_name=True) for i in passed]
        arguments.append(tuple(sorted(by_number, key=lambda argument: argument.default is not MISSING)))
    parameters = tuple((argument.name, argument.default) for argument in arguments[0])
    return Merged(parameters, tuple(members), tuple(filling), tuple(arguments))


def _varies(vector: tuple[Any, ...]) -> bool:
    return any(value != vector[0] for value in vector)


LAST = 3


def _rank(name: str) -> int:
    """Where an argument stands: inputs, widths, outputs, the others (by name)."""
    if name.startswith("in_"):
        return 0
    if name.startswith("out_"):
        return 2
    return 1 if name.rstrip("0123456789") in ("channels", "features", "width") else LAST


class _Names:
    def __init__(self, taken: Sequence[str]) -> None:
        self._taken = {*taken, "self"}

    def new(self, hints: Sequence[str]) -> str:
        """A name for an argument that is used under the names `hints`."""
        known = set(hints)
        name = next((h for h in hints if h.startswith(("in_", "out_"))), hints[0])
        for stem in ("channels", "features"):
            if known >= {f"in_{stem}", f"out_{stem}"}:
                name = stem
        name = {"num_features": "channels", "normalized_shape": "width", "p": "dropout"}.get(name, name)
        base, number = name, 2
        while name in self._taken:
            name, number = f"{base}{number}", number + 1
        self._taken.add(name)
        return name


def _codes(hints: dict[tuple[Any, ...], list[str]], names: _Names) -> dict[tuple[Any, ...], str]:
    """Code for each vector of numbers: an argument, or a multiple or the half of one."""
    derived = dict[tuple[Any, ...], tuple[tuple[Any, ...], str]]()
    whole = sorted(v for v in hints if all(type(x) is int and x >= 0 for x in v))
    for vector in whole:
        for base in (v for v in whole if v is not vector and v not in derived):
            code = _derived(vector, base, hints)
            if code:
                derived[vector] = base, code
                break
    code = {vector: names.new(used) for vector, used in hints.items() if vector not in derived}
    return code | {vector: text.format(code[base]) for vector, (base, text) in derived.items()}


def _derived(vector: tuple[int, ...], base: tuple[int, ...], hints: dict[tuple[Any, ...], list[str]]) -> str:
    """How `vector` follows from `base`, with {} for it; "" if it does not."""
    if "padding" in hints[vector] and "kernel_size" in hints[base]:
        return "{} // 2" if all(x == y // 2 for x, y in zip(vector, base, strict=True)) else ""
    widths = ("channels", "features")
    are_widths = all(any(hint.endswith(widths) for hint in hints[v]) for v in (vector, base))
    factor = vector[0] // base[0] if base[0] else 0
    is_multiple = factor in range(2, 9) and all(x == factor * y for x, y in zip(vector, base, strict=True))
    return f"{factor} * {{}}" if are_widths and is_multiple else ""

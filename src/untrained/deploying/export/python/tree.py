"""Constructor calls as trees, whose numbers can be compared from module to module."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

MISSING: Any = object()
"""The default of an argument that has none."""


@dataclass(frozen=True)
class Value:
    """A constant: a number or a tuple of numbers may differ between modules of one class."""

    value: Any

    @property
    def is_number(self) -> bool:
        parts = self.value if isinstance(self.value, tuple) else (self.value,)
        return bool(parts) and all(isinstance(part, int | float) for part in parts)


@dataclass(frozen=True)
class Text:
    """Code as it is."""

    text: str


@dataclass(frozen=True)
class Argument:
    """An argument of a call; one that equals its default is not written."""

    name: str
    value: "Tree"
    default: Any = MISSING
    by_name: bool = False


@dataclass(frozen=True)
class Call:
    """A call of a class or function."""

    function: str
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True)
class Items:
    """The parts of a list or of `nn.Sequential`, with equal ones in a row as one `Repeat`; or named parts."""

    items: "tuple[Tree, ...]"
    names: tuple[str, ...] = ()
    brackets: str = "[]"
    """Around the parts: "[]", "{}" for names and parts as in a dictionary, or "" for arguments."""


@dataclass(frozen=True)
class Repeat:
    """The same call several times."""

    item: "Tree"
    count: Value | Text


Tree = Value | Text | Call | Items | Repeat


class Hole(NamedTuple):
    """A number in a tree."""

    name: str
    """Of the argument."""
    value: Any
    default: Any = MISSING
    """Of the argument, if it is a number."""


def items(parts: Iterable[Tree], names: tuple[str, ...] = (), brackets: str = "[]") -> Items:
    """A list, in which parts that are equal and follow each other become one."""
    if names:
        return Items(tuple(parts), names, brackets)
    joined = list[Tree]()
    for part in parts:
        last = joined[-1] if joined else None
        if last == part:
            joined[-1] = Repeat(part, Value(2))
        elif isinstance(last, Repeat) and last.item == part and isinstance(last.count, Value):
            joined[-1] = Repeat(part, Value(last.count.value + 1))
        else:
            joined.append(part)
    return Items(tuple(joined), (), brackets)


def holes(tree: Tree, name: str = "value", default: Any = MISSING) -> Iterator[Hole]:
    """The numbers of a tree, in the order in which they are written."""
    match tree:
        case Value() if tree.is_number:
            is_number = default is not MISSING and Value(default).is_number
            yield Hole(name, tree.value, default if is_number else MISSING)
        case Call():
            for argument in tree.arguments:
                yield from holes(argument.value, argument.name, argument.default)
        case Items():
            for item in tree.items:
                yield from holes(item)
        case Repeat():
            yield from holes(tree.item)
            yield from holes(tree.count, "depth")


def shape(tree: Tree) -> Any:
    """What is left of a tree without its numbers: equal for modules that one class can stand for."""
    match tree:
        case Value():
            return "number" if tree.is_number else ("value", repr(tree.value))
        case Text():
            return tree.text
        case Call():
            return tree.function, *((a.name, a.by_name, shape(a.value)) for a in tree.arguments)
        case Items():
            return tree.names, tree.brackets, *map(shape, tree.items)
        case Repeat():
            return "repeat", shape(tree.item)


def filled(tree: Tree, values: Iterator[Tree]) -> Tree:
    """The tree with the next of `values` in place of each of its numbers."""
    match tree:
        case Value() if tree.is_number:
            return next(values)
        case Call():
            arguments = (Argument(a.name, filled(a.value, values), a.default, a.by_name) for a in tree.arguments)
            return Call(tree.function, tuple(arguments))
        case Items():
            return Items(tuple(filled(item, values) for item in tree.items), tree.names, tree.brackets)
        case Repeat():
            item, count = filled(tree.item, values), filled(tree.count, values)
            assert isinstance(count, Value | Text)
            return Repeat(item, count)
    return tree

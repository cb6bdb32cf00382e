"""One node of a graph as an expression of Python."""

import inspect
import keyword
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import fx, nn
from torch.fx.node import map_arg

from untrained.deploying.export.python.functions import (
    BINARY,
    DROPOUTS,
    UNARY,
    Unnamed,
    function_name,
    literal,
    operator_name,
    without_defaults,
)

ATOM, UNARY_RANK = 20, 13
TOKEN = re.compile("\ue000([0-9]+)\ue001")
"""Stands for a number until it is known whether all modules of a class have the same."""


class Number(NamedTuple):
    """A number in the text of a forward pass."""

    hint: str
    value: int | float


@dataclass(frozen=True)
class Expression:
    """A piece of code."""

    text: str
    rank: int = ATOM
    """Precedence of the outermost operator."""
    depth: int = 0
    """How deep calls are nested in it."""
    nodes: frozenset[fx.Node] = frozenset()
    """The nodes that it computes."""

    def inside(self, rank: int) -> str:
        """The text, in parentheses if an operator of `rank` would take it apart."""
        return self.text if self.rank >= rank else f"({self.text})"


@dataclass
class Expressions:
    """Writes nodes as expressions.

    Args:
        module: The module whose forward pass it is.
        signatures: Module -> the arguments that its forward pass takes in the file, if it has a class there.
        of: What stands for a node that was written before.
        values: Node -> its value for the example.
    """

    module: nn.Module
    signatures: Mapping[nn.Module, tuple[str, ...]]
    of: Callable[[fx.Node], Expression]
    values: Mapping[fx.Node, Any]
    numbers: list[Number] = field(default_factory=list)
    """The numbers that the texts have tokens for."""

    def written(self, node: fx.Node) -> Expression:
        """The expression of a node, with those of its arguments inside."""
        target: Any = node.target
        if node.op == "call_module":
            return self._call(node, attribute(self.module, target), *self._taken(target, node))
        if node.op == "call_method":
            found = _operator_of(target)
            if found is not None and not node.kwargs:
                return self._operation(node, found, node.args)
            base = self.value(node.args[0])
            return self._call(node, f"{base.inside(ATOM)}.{target}", node.args[1:], node.kwargs, base.depth)
        name = operator_name(target)
        if target is getattr:
            return self._combined(node, f"{self.value(node.args[0]).inside(ATOM)}.{node.args[1]}", ATOM)
        if target is operator.getitem:
            base = self.value(node.args[0]).inside(ATOM)
            return self._combined(node, f"{base}[{self._index(node.args[1])}]", ATOM)
        if name is not None and not node.kwargs:
            return self._operation(node, name, node.args)
        kwargs = without_defaults(target, node.kwargs)
        if target in DROPOUTS:
            kwargs["training"] = _Written("self.training")
        return self._call(node, function_name(target), node.args, kwargs)

    def _taken(self, path: str, node: fx.Node) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a module's call, without those that its code in the file has as constants."""
        module = self.module.get_submodule(path)
        if module not in self.signatures:
            return node.args, dict(node.kwargs)
        taken = self.signatures[module]
        names = list[str]()
        for name, parameter in inspect.signature(type(module).forward).parameters.items():
            several = parameter.kind is parameter.VAR_POSITIONAL
            names += [f"{name}__{i}" for i in range(len(node.args))] if several else [name]
        args = tuple(arg for name, arg in zip(names[1:], node.args, strict=False) if name in taken)
        kwargs = {name: value for name, value in node.kwargs.items() if name in taken}
        if len(args) + len(kwargs) != len(taken):
            raise Unnamed(f"it calls {type(module).__name__} in several ways")
        return args, kwargs

    def value(self, value: Any, hint: str = "value") -> Expression:
        """The expression of an argument."""
        match value:
            case fx.Node():
                return self.of(value)
            case _Written():
                return Expression(value.text)
            case bool():
                return Expression(literal(value))
            case int() | float() if value == value and abs(value) != float("inf"):
                self.numbers.append(Number(hint, value))
                return Expression(f"\ue000{len(self.numbers) - 1}\ue001", ATOM if value >= 0 else UNARY_RANK)
            case str():
                return Expression(quoted(value))
            case slice():
                parts = [self.value(p).text if p is not None else "" for p in (value.start, value.stop, value.step)]
                return Expression(f"slice({', '.join(part or 'None' for part in parts)})")
            case tuple() if not hasattr(value, "_fields"):
                parts = [self.value(part, hint).text for part in value]
                return Expression(f"({', '.join(parts)}{',' if len(parts) == 1 else ''})")
            case list():
                return Expression(f"[{', '.join(self.value(part, hint).text for part in value)}]")
            case dict():
                entries = [f"{self.value(key).text}: {self.value(entry).text}" for key, entry in value.items()]
                return Expression(f"{{{', '.join(entries)}}}")
        return Expression(literal(value))

    def _index(self, index: Any) -> str:
        if isinstance(index, slice):
            start, stop, step = (
                "" if part is None else self.value(part).text for part in (index.start, index.stop, index.step)
            )
            return f"{start}:{stop}{':' + step if step else ''}"
        if isinstance(index, tuple) and index:
            return ", ".join(map(self._index, index)) + ("," if len(index) == 1 else "")
        return self.value(index).text

    def _operation(self, node: fx.Node, name: str, args: tuple[Any, ...]) -> Expression:
        if name in UNARY:
            return self._combined(node, UNARY[name] + self.value(args[0]).inside(UNARY_RANK), UNARY_RANK)
        if name not in BINARY:
            return self._call(node, function_name(node.target), args, {})  # pyright: ignore[reportArgumentType]
        if name == "add" and type(args[0]) is int and args[0] == 0:  # of `sum`
            return self.value(args[1])
        symbol, rank = BINARY[name]
        left, right = map(self.value, args)
        right_first = name == "pow"
        return self._combined(
            node, f"{left.inside(rank + right_first)} {symbol} {right.inside(rank + 1 - right_first)}", rank
        )

    def _call(
        self, node: fx.Node, function: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], depth: int = 0
    ) -> Expression:
        parts = [self.value(arg).text for arg in args]
        parts += [f"{name}={self.value(arg, name).text}" for name, arg in kwargs.items()]
        return self._combined(node, f"{function}({', '.join(parts)})", ATOM, 1)

    def _combined(self, node: fx.Node, text: str, rank: int, deeper: int = 0) -> Expression:
        parts = [self.of(argument) for argument in arguments(node)]
        depth = max((part.depth for part in parts), default=0) + deeper
        return Expression(text, rank, depth, frozenset([node]).union(*(part.nodes for part in parts)))


class _Written(NamedTuple):
    text: str


def _operator_of(method: str) -> str | None:
    """`__mul__` -> "mul"; None for methods that are no operators."""
    name = method.removeprefix("__").removesuffix("__")
    return name if name != method and (name in BINARY or name in UNARY) else None


def arguments(node: fx.Node) -> list[fx.Node]:
    """The nodes that a node takes, in the order in which they stand in its code, as often as they do."""
    found = list[fx.Node]()
    map_arg((node.args, node.kwargs), lambda argument: found.append(argument) or argument)
    return found


def attribute(module: nn.Module, path: str) -> str:
    """The code of a part of a module: "cells.0.weight" -> "self.cells[0].weight"."""
    code = "self"
    owner: Any = module
    for part in path.split("."):
        if isinstance(owner, nn.Sequential | nn.ModuleList | nn.ParameterList) and part.isdecimal():
            code += f"[{part}]"
        elif isinstance(owner, nn.ModuleDict | nn.ParameterDict):
            code += f"[{quoted(part)}]"
        elif part.isidentifier() and not keyword.iskeyword(part):
            code += f".{part}"
        else:
            code = f"getattr({code}, {quoted(part)})"
        owner = getattr(owner, part, None)
    return code


def quoted(text: str) -> str:
    """A string in double quotes, if it has none inside."""
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in plain else plain

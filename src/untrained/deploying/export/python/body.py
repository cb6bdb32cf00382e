"""The statements of a forward pass, written from its graph.

Nodes become expressions inside each other as long as the order in which they are computed stays the same; what is used
twice, or would be hard to read, gets a variable.
"""

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from untrained.deploying.export.python.expressions import (
    Expression,
    Expressions,
    Number,
    arguments,
    attribute,
)
from untrained.deploying.export.python.functions import IN_PLACE, operator_name
from untrained.deploying.export.python.loops import Loops, rolled
from untrained.deploying.export.python.names import SIZES, fresh, of_module, of_parts
from untrained.deploying.export.python.traced import Traced

WIDTH, DEPTH = 84, 3
"""The longest expression inside another, and how deep calls are nested."""


@dataclass(frozen=True)
class Body:
    """A forward pass in Python."""

    arguments: tuple[str, ...]
    lines: tuple[str, ...]
    """Statements, with a token for each number."""
    numbers: tuple[Number, ...]


def body_of(module: nn.Module, traced: Traced, signatures: Mapping[nn.Module, tuple[str, ...]]) -> Body:
    """Writes the forward pass of a module.

    Args:
        module: The module.
        traced: Its graph.
        signatures: Module -> the arguments that its forward pass takes in the file, if it has a class there.

    Returns:
        The statements.
    """
    return _Writer(module, traced, signatures).body()


class _Writer:
    def __init__(self, module: nn.Module, traced: Traced, signatures: Mapping[nn.Module, tuple[str, ...]]) -> None:
        self._traced = traced
        self._values = traced.values
        self._module = module
        self._nodes = _needed(traced)
        self._needed = set(self._nodes)
        self._expressions = Expressions(module, signatures, self._expression, traced.values)
        self._pending = list[fx.Node]()  # expressions that no statement has yet, in the order of their computation
        self._texts = dict[fx.Node, Expression]()
        self._names = dict[fx.Node, str]()
        self._done = set[fx.Node]()
        self._lines = list[str]()
        self._loops = Loops(module, self._nodes)

    def body(self) -> Body:
        for node in self._nodes:
            if node.op == "placeholder":
                self._names[node] = str(node.target).replace("__", "")
                if self._is_unpacked(node, users := self._users(node)):
                    self._texts[node] = Expression(self._names[node])
                    self._unpack(node, users)
            elif node.op == "get_attr":
                path = str(node.target)
                self._texts[node] = Expression(attribute(self._module, path))
            elif node.op == "output":
                self._finish(node)
            elif node not in self._names and node not in self._done:
                self._add(node)
        arguments = tuple(name.replace("__", "") for name in self._traced.inputs)
        taken = set(self._names.values())
        lines, numbers = rolled(self._lines, self._expressions.numbers, self._loops, taken)
        return Body(arguments, tuple(lines), tuple(numbers))

    def _expression(self, node: fx.Node) -> Expression:
        return Expression(self._names[node]) if node in self._names else self._texts[node]

    def _users(self, node: fx.Node) -> list[fx.Node]:
        """Who uses a node, as often as they do."""
        return [user for user in node.users if user in self._needed for used in arguments(user) if used is node]

    def _add(self, node: fx.Node) -> None:
        if node in self._loops.starts:
            self._flush()
        if operator_name(node.target) in IN_PLACE:
            return self._change(node)
        if node.target is operator.setitem:
            return self._set_item(node)
        expression = self._inlined(node)
        users = self._users(node)
        self._texts[node] = expression
        if not users:
            self._flush()
            self._emit(expression.text, expression)
        elif self._is_unpacked(node, users):
            self._unpack(node, users)
        elif len(users) == 1 and node not in self._loops.ends:
            self._pending.append(node)
        else:
            self._assign(node)
        return None

    def _inlined(self, node: fx.Node) -> Expression:
        """The expression of a node; its arguments go inside, unless that would change an order or be hard to read."""
        used = [argument for argument in arguments(node) if argument in self._pending]
        if used and self._traced.changing and self._pending[-len(used) :] != used:
            self._flush()  # the order matters: something is changed in place
            used = []
        kept = len(self._expressions.numbers)
        expression = self._expressions.written(node)
        while used and (len(expression.text) > WIDTH or expression.depth > DEPTH):
            del self._expressions.numbers[kept:]
            if self._traced.changing:
                self._flush()
            else:
                longest = max(used, key=lambda argument: len(self._texts[argument].text))
                self._pending.remove(longest)
                self._assign(longest, flush=False)
            used = [argument for argument in used if argument in self._pending]
            kept = len(self._expressions.numbers)
            expression = self._expressions.written(node)
        self._pending = [argument for argument in self._pending if argument not in used]
        return expression

    def _flush(self) -> None:
        """Gives every pending expression a variable."""
        pending, self._pending = self._pending, []
        for node in pending:
            self._assign(node)

    def _assign(self, node: fx.Node, flush: bool = True) -> None:
        if flush:
            self._flush()
        expression = self._texts[node]
        name = self._name(node, expression)
        self._emit(f"{name} = {expression.text}", expression)
        self._names[node] = name

    def _emit(self, line: str, expression: Expression) -> None:
        self._lines.append(line)
        self._done |= expression.nodes

    def _change(self, node: fx.Node) -> None:
        """`x += y` of tensors."""
        target, other = node.args
        assert isinstance(target, fx.Node)
        if target in self._pending:
            last = [self._pending.pop()] if self._pending[-1] is other else []
            self._flush()
            self._pending = last
        expression = self._last(other)
        name = self._expression(target).text
        self._emit(f"{name} {IN_PLACE[operator_name(node.target) or '']} {expression.text}", expression)
        self._done.add(node)
        self._names[node] = name

    def _set_item(self, node: fx.Node) -> None:
        """`x[i] = y`."""
        if any(argument in self._pending for argument in arguments(node)[:-1]):
            self._flush()
        value = self._last(node.args[2])
        item = fx.Node(node.graph, "item", "call_function", operator.getitem, node.args[:2], {})
        self._emit(f"{self._expressions.written(item).text} = {value.text}", value)
        self._done.add(node)

    def _last(self, value: Any) -> Expression:
        """The right side of a statement, after all that comes before it."""
        if isinstance(value, fx.Node) and self._pending and self._pending[-1] is value:
            self._pending.pop()
            expression = self._texts[value]
            self._flush()
            return expression
        self._flush()
        return self._expressions.value(value)

    def _is_unpacked(self, node: fx.Node, users: list[fx.Node]) -> bool:
        value = self._values[node]
        items = {u.args[1] for u in users if u.target is operator.getitem and isinstance(u.args[1], int)}
        if isinstance(value, Tensor):  # `q, k, v = x`
            return value.ndim > 0 and len(users) > 1 and items == set(range(len(value))) and len(items) == len(users)
        return isinstance(value, tuple | list) and len(users) > 1 and len(items) == len(users)

    def _unpack(self, node: fx.Node, users: list[fx.Node]) -> None:
        self._flush()
        expression = self._texts[node]
        self._emit(f"{self._parts(node, users)} = {expression.text}", expression)

    def _parts(self, node: fx.Node, users: list[fx.Node]) -> str:
        """The names that a tuple is unpacked to; those of tuples in it are in parentheses."""
        value = self._values[node]
        by_index = {user.args[1] % len(value): user for user in users}  # pyright: ignore[reportOperatorIssue]
        parts = list[str]()
        for i, wanted in enumerate(of_parts(value)):
            if i not in by_index:
                parts.append("_")
                continue
            part = by_index[i]
            self._done.add(part)
            if self._is_unpacked(part, below := self._users(part)):
                self._names[part] = f"({self._parts(part, below)})"
            else:
                self._names[part] = fresh(wanted, set(self._names.values()))
            parts.append(self._names[part])
        return ", ".join(parts)

    def _name(self, node: fx.Node, expression: Expression) -> str:
        """The name of a variable: that of an argument that is not needed any more, if there is one."""
        value = self._values[node]
        taken = set(self._names.values())
        if not isinstance(value, Tensor):
            return fresh(self._size_name(node) if isinstance(value, int) else "value", taken)
        if (looped := self._loops.operand(expression.nodes)) in self._names and self._is_free(looped, expression):
            return self._names[looped]
        hint = self._hint(node)
        read = [a for one in self._nodes if one in expression.nodes for a in arguments(one) if a in self._names]
        for variable in sorted(dict.fromkeys(read), key=lambda v: self._names[v] not in ("x", "out")):
            branches = len(set(self._users(variable)) - expression.nodes) > 0
            alone = len(set(read)) == 1 and variable.op != "placeholder"
            plain = self._names[variable] in ("x", "out") or alone
            is_tensor = isinstance(self._values[variable], Tensor)
            if plain and is_tensor and not (branches and hint) and self._is_free(variable, expression):
                return self._names[variable]
        for name in ("x", "out"):
            holders = [n for n, held in self._names.items() if held == name]
            if holders and not hint and all(self._is_free(n, expression) for n in holders):
                return name
        return fresh(hint, taken)

    def _hint(self, node: fx.Node) -> str:
        """The name of the module or the attribute that a value comes from, if it says something."""
        base = arguments(node)[0] if node.target is operator.getitem else node
        return of_module(str(base.target)) if base.op in ("call_module", "get_attr") else ""

    def _size_name(self, node: fx.Node) -> str:
        """The name of a number that is the size of a tensor, such as `n` for the first."""
        if node.target not in (operator.getitem, "size") or len(node.args) < 2:
            return "size"
        index, of = node.args[1], self._values[arguments(node)[0]]
        names = SIZES.get(len(of) if isinstance(of, torch.Size) else getattr(of, "ndim", 0), "")
        return names[index] if isinstance(index, int) and -len(names) <= index < len(names) else "size"

    def _is_free(self, variable: fx.Node, expression: Expression) -> bool:
        """Whether nothing reads a variable after a statement."""
        name = self._names[variable]
        holders = [node for node, held in self._names.items() if held == name]
        return all(user in self._done or user in expression.nodes for v in holders for user in self._users(v))

    def _finish(self, node: fx.Node) -> None:
        used = [argument for argument in arguments(node) if argument in self._pending]
        if self._traced.changing and self._pending != used:
            self._flush()
        result = self._result(node)
        if len(result) > WIDTH:
            self._flush()
            result = self._result(node)
        self._lines.append(f"return {result}")

    def _result(self, node: fx.Node) -> str:
        text = self._expressions.value(node.args[0]).text
        return text[1:-1] if isinstance(node.args[0], tuple) and len(node.args[0]) > 1 else text


def _needed(traced: Traced) -> list[fx.Node]:
    """The nodes without those whose value nobody uses."""
    needed = set[fx.Node]()
    for node in reversed(traced.graph.nodes):
        keep = node.op in ("placeholder", "output") or node in traced.changing
        if keep or any(user in needed for user in node.users):
            needed.add(node)
    return [node for node in traced.graph.nodes if node in needed]

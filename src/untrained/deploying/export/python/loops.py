"""Loops over lists of modules, found again in the statements that they unroll to."""

import re
from collections.abc import Collection, Sequence

from torch import fx, nn

from untrained.deploying.export.python.expressions import TOKEN, Number, arguments, attribute
from untrained.deploying.export.python.names import fresh, singular


class Loops:
    """The lists of which each module is called once, with what the one before it led to.

    Args:
        module: The module whose forward pass it is.
        nodes: The nodes of its graph.
    """

    def __init__(self, module: nn.Module, nodes: Sequence[fx.Node]) -> None:
        self.module = module
        self.lists = dict[str, int]()
        """Path of a list -> its length."""
        self.starts = set[fx.Node]()
        """The first node of each turn: its argument is a variable."""
        self.ends = set[fx.Node]()
        """The last node of each turn, which is given a variable."""
        place = {node: i for i, node in enumerate(nodes)}
        for path, part in module.named_modules():
            if not isinstance(part, nn.ModuleList) or len(part) < 2:
                continue
            calls = [node for node in nodes if node.op == "call_module" and str(node.target).rpartition(".")[0] == path]
            if [str(node.target) for node in calls] != [f"{path}.{i}" for i in range(len(part))]:
                continue
            operands = [arguments(node)[:1] for node in calls]
            if not all(operands) or any(place[b[0]] < place[a] for a, b in zip(calls, operands[1:], strict=False)):
                continue
            first_end = operands[1][0]
            steps = place[first_end] - place[calls[0]]
            if place[calls[-1]] + steps >= len(nodes):
                continue
            ends = [nodes[place[call] + steps] for call in calls]
            if ends[:-1] != [operand[0] for operand in operands[1:]]:
                continue
            self.lists[path] = len(part)
            self.starts |= set(calls)
            self.ends |= set(ends)

    def operand(self, nodes: Collection[fx.Node]) -> fx.Node | None:
        """What a turn starts with, if its call is among `nodes`."""
        return next((arguments(node)[0] for node in nodes if node in self.starts), None)


def rolled(
    lines: Sequence[str], numbers: Sequence[Number], loops: Loops, taken: Collection[str]
) -> tuple[list[str], list[Number]]:
    """Writes statements that only differ in the module of a list as one loop.

    Args:
        lines: Statements.
        numbers: Those that tokens in the statements stand for.
        loops: The lists.
        taken: Names of variables.

    Returns:
        The statements, and the numbers that are left in them.
    """
    lines = list(lines)
    for path, count in loops.lists.items():
        code = attribute(loops.module, path)
        first = next((i for i, line in enumerate(lines) if f"{code}[0](" in line), None)
        second = next((i for i, line in enumerate(lines) if f"{code}[1](" in line), None)
        if first is None or second is None or second == first:
            continue
        turn = second - first
        turns = [lines[first + i * turn : first + (i + 1) * turn] for i in range(count)]
        name = fresh(singular(path.rpartition(".")[2]), taken)
        bodies = [[line.replace(f"{code}[{i}](", f"{name}(") for line in body] for i, body in enumerate(turns)]
        if all(_filled(body, numbers) == _filled(bodies[0], numbers) for body in bodies):
            lines[first : first + turn * count] = [f"for {name} in {code}:", *(f"    {line}" for line in bodies[0])]
    return _renumbered(lines, numbers)


def _filled(lines: Sequence[str], numbers: Sequence[Number]) -> list[str]:
    return [TOKEN.sub(lambda found: repr(numbers[int(found[1])].value), line) for line in lines]


def _renumbered(lines: Sequence[str], numbers: Sequence[Number]) -> tuple[list[str], list[Number]]:
    left = list[Number]()

    def again(found: re.Match[str]) -> str:
        left.append(numbers[int(found[1])])
        return f"\ue000{len(left) - 1}\ue001"

    return [TOKEN.sub(again, line) for line in lines], left

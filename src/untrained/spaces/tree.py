"""The decisions of a function as a tree: which decision is asked for next depends on the values before it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from untrained.errors import InputError
from untrained.runtime.interrupts import check_interrupt
from untrained.spaces.asking import Answer
from untrained.spaces.decision import Decision

REMEMBERED = 20_000
"""Architectures whose way through the tree is remembered."""


@dataclass(frozen=True)
class Leaf:
    """What one run of the function gave.

    Attributes:
        path: the decisions asked for, in this order, with the texts of their values.
        decisions: those of them that the architecture takes.
        params: name of such a decision -> value.
        text: the architecture as a string.
        modules: how many modules the network has.
        size: bytes of its parameters and buffers.
        structure: equal for two networks only if they are built alike; None if that cannot be told.
        refused: why these values make no architecture; "" if they do.
    """

    path: tuple[tuple[Decision, str], ...]
    decisions: Mapping[str, Decision]
    params: Mapping[str, Any]
    text: str
    modules: int = 0
    size: int = 0
    structure: bytes | None = None
    refused: str = ""


@dataclass
class _Node:
    decision: Decision
    children: dict[str, "_Node | Leaf"] = field(default_factory=dict)


class Tree:
    """Runs the function only along ways that are not known yet.

    Args:
        run: runs the function with answers to its questions.
    """

    def __init__(self, run: Callable[[Answer], Leaf]) -> None:
        self.run = run
        self._root: _Node | Leaf | None = None
        self._count = 0

    def leaf(self, answer: Answer) -> Leaf:
        """What the function makes of some answers.

        Args:
            answer: gives the value of each decision, asked once for each.

        Raises:
            InputError: if an answer is none of the decision's values; if the function cannot be run, or asks something
                else than before after the same answers.
        """
        given, node = dict[str, Any](), self._root

        def once(decision: Decision) -> Any:
            if decision.name not in given:
                given[decision.name] = decision.read(decision.write(decision.rounded(answer(decision))))
            return given[decision.name]

        while isinstance(node, _Node):
            node = node.children.get(node.decision.write(once(node.decision)))
        if node is not None:
            return node
        check_interrupt()  # many runs may take a while
        leaf = self.run(once)
        self._insert(leaf)
        return leaf

    def _insert(self, leaf: Leaf) -> None:
        if self._count >= REMEMBERED:
            self._root, self._count = None, 0
        steps, place, key = iter(leaf.path), vars(self), "_root"
        for decision, text in steps:
            node = place.get(key)
            if node is None:
                node = place[key] = _Node(decision)
            if not isinstance(node, _Node) or node.decision.name != decision.name:
                raise self._unsteady(node, decision)
            place, key = node.children, text
        if isinstance(place.get(key), _Node):
            raise self._unsteady(place[key], None)
        place[key] = leaf
        self._count += 1

    def _unsteady(self, node: "_Node | Leaf", now: Decision | None) -> InputError:
        names = (node.decision.name if isinstance(node, _Node) else None), now and now.name
        asked = " and then for ".join("nothing more" if name is None else repr(name) for name in names)
        return InputError(f"after the same values it asks for {asked}: every choice must come from the trial")


def leaves_of(leaf: Callable[[Answer], Leaf]) -> Iterator[Leaf]:
    """Every leaf of a tree, the last decision changing first.

    Args:
        leaf: `Tree.leaf`.

    Raises:
        InputError: if a decision is continuous.
    """
    path = list[int]()
    while True:
        taken = list[tuple[Decision, int]]()

        def answer(decision: Decision, taken: list[tuple[Decision, int]] = taken, path: list[int] = path) -> Any:
            if decision.values is None:
                raise InputError(f"decision {decision.name!r} is continuous: it can be sampled, not enumerated")
            taken.append((decision, path[len(taken)] if len(taken) < len(path) else 0))
            return decision.values[taken[-1][1]]

        yield leaf(answer)
        while taken and taken[-1][1] + 1 == taken[-1][0].count:
            taken.pop()
        if not taken:
            return
        path = [place for _, place in taken]
        path[-1] += 1

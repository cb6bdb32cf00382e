"""Finding the decisions of a function, and all its architectures if they are few."""

import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from untrained.errors import InputError
from untrained.spaces.asking import Answer
from untrained.spaces.decision import Decision
from untrained.spaces.tree import Leaf, Tree, leaves_of

MOST_LISTED = 5_000
"""A space of more architectures is not listed."""
MOST_BUILT = 40_000
"""Modules that listing a space may build: about ten seconds."""
DIVES = 32
"""Random architectures from which the size is estimated."""
REPEATED = 4
"""Architectures that are made twice, to see whether the same comes out."""
MOST_TRIED = 1_000
"""Runs that look for decisions in a space that is not listed."""
BASES = 3
"""Architectures in which each value of a decision is tried."""
LONGEST = 600.0
"""Seconds that all this may take."""
FEW = 16
"""Of a decision with more values, only the ends and the middle are tried."""


@dataclass(frozen=True)
class Explored:
    """What is known of a function's space.

    Attributes:
        decisions: every decision that was met, in the order in which they were.
        conditional: whether an architecture was met that does not take all of them.
        archs: all architectures in order; None if they are too many, or a decision is continuous.
        alike: structure -> the architectures of this structure, in order, if all are known.
        idle: decisions that changed nothing in at least one architecture.
    """

    decisions: Mapping[str, Decision]
    conditional: bool
    archs: dict[str, None] | None
    alike: Mapping[bytes, list[str]]
    idle: frozenset[str]


class _Timed:
    """A tree that is asked until the time is up."""

    def __init__(self, tree: Tree) -> None:
        self.tree, self.asked, self.deadline = tree, 0, time.monotonic() + LONGEST

    def leaf(self, answer: Answer) -> Leaf:
        self.asked += 1
        if time.monotonic() > self.deadline:
            raise InputError(f"{self.asked} networks took {LONGEST:g} s: to find its decisions it must be faster")
        return self.tree.leaf(answer)


def explored(known: Tree, run: Callable[..., Leaf]) -> Explored:
    """Explores a function; the same function gives the same in every process.

    Args:
        known: the tree of its decisions.
        run: runs it past the tree, with answers.

    Raises:
        InputError: if it asks for nothing, makes something else of the same values in a second run, or takes too long.
    """
    rng, tree = random.Random(0), _Timed(known)
    first = tree.leaf(lambda decision: decision.first)
    if not first.path:
        raise InputError("it asks for nothing: use trial.suggest_int, trial.suggest_categorical or untrained.choice")
    estimates, dives = list[float](), list[Leaf]()
    for _ in range(DIVES):
        leaf, ways = _dive(tree, rng)
        dives.append(leaf)
        estimates.append(ways)
    for leaf in [first, *dives[:REPEATED]]:
        _check_steady(leaf, run)
    modules = max(leaf.modules for leaf in (first, *dives))
    most = min(MOST_LISTED, MOST_BUILT // max(modules, 1))
    # Knuth (Mathematics of Computation 1975): the mean of these products is the number of leaves.
    leaves = _listed(tree, most) if sum(estimates) / DIVES <= 4 * most else None
    if leaves is not None:
        archs = dict.fromkeys(leaf.text for leaf in leaves if not leaf.refused)
        alike = dict[bytes, list[str]]()
        for leaf in {leaf.text: leaf for leaf in leaves}.values():
            if leaf.structure is not None:
                alike.setdefault(leaf.structure, []).append(leaf.text)
        return Explored(*_met(leaves), archs, alike, frozenset())
    leaves, idle = _searched(tree, [first, *dives], min(MOST_TRIED, most))
    return Explored(*_met(leaves), None, {}, frozenset(idle))


def _dive(tree: _Timed, rng: random.Random) -> tuple[Leaf, float]:
    """A random leaf, and the product of the numbers of values on the way."""
    ways = 1.0

    def answer(decision: Decision) -> Any:
        nonlocal ways
        ways *= float("inf") if decision.count is None else decision.count
        return decision.draw(rng)

    return tree.leaf(answer), ways


def _check_steady(leaf: Leaf, run: Callable[..., Leaf]) -> None:
    texts = {decision.name: text for decision, text in leaf.path}
    again = run(lambda decision: decision.read(texts[decision.name]) if decision.name in texts else decision.first)
    if [d.name for d, _ in again.path] != [d.name for d, _ in leaf.path]:
        raise InputError("it asks for other decisions at a second run: every choice must come from the trial")
    if (again.modules, again.size) != (leaf.modules, leaf.size):
        raise InputError(f"it makes another network of {leaf.text!r:.80} at a second run: take choices from the trial")


def _listed(tree: _Timed, most: int) -> list[Leaf] | None:
    found = list[Leaf]()
    for leaf in leaves_of(tree.leaf):
        if len(found) == most:
            return None
        found.append(leaf)
    return found


def _met(leaves: list[Leaf]) -> tuple[dict[str, Decision], bool]:
    decisions = dict[str, Decision]()
    for leaf in leaves:
        decisions |= {name: decision for name, decision in leaf.decisions.items() if name not in decisions}
    return decisions, any(len(leaf.decisions) < len(decisions) for leaf in leaves)


def _searched(tree: _Timed, leaves: list[Leaf], most: int) -> tuple[list[Leaf], set[str]]:
    """Tries each value of each decision in a few architectures, and of the decisions that this brings, and so on."""
    idle, tried = set[str](), dict[tuple[str, str], int]()
    waiting = deque(leaves)
    while waiting and len(leaves) < most:
        base = waiting.popleft()
        for name, decision in base.decisions.items():
            for value in _some(decision):
                key = name, decision.write(value)
                if tried.get(key, 0) >= BASES or len(leaves) >= most:
                    continue
                tried[key] = tried.get(key, 0) + 1
                changed = {**base.params, name: value}
                leaf = tree.leaf(lambda d, changed=changed: changed.get(d.name, d.first))
                leaves.append(leaf)
                if leaf.text != base.text and leaf.structure is not None and leaf.structure == base.structure:
                    idle.add(name)
                if any((other.name, text) not in tried for other, text in leaf.path):
                    waiting.append(leaf)
    return leaves, idle


def _some(decision: Decision) -> list[Any]:
    if decision.count is not None and decision.count <= FEW:
        return list(decision.values or ())
    if decision.values is None:
        return [decision.first]
    values = decision.values
    return [values[0], values[(decision.count or 1) // 2], values[(decision.count or 1) - 1]]

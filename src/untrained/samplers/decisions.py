"""The pool of a table as points in the space of decisions: what mutation, policies and models of encodings need.

| name | shape | what |
|---|---|---|
| codes | n x D | the pool's decisions: the position of a category, or a number scaled to [0, 1]; `INACTIVE` for a \
decision that an architecture does not take |
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from untrained.errors import InputError
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace
from untrained.spaces.decision import Choices, Decision

Array = NDArray[np.float64]

INACTIVE = -1.0
"""Code of a decision that an architecture does not take: at least 1 off every value."""


class DecisionPool:
    """Finds members of a pool by what they are made of.

    Args:
        archs: the pool.
        space: knows the decisions.
    """

    def __init__(self, archs: tuple[str, ...], space: SearchSpace) -> None:
        self.archs = archs
        self.space = space
        self._members = frozenset(archs)
        self._choices = np.array([isinstance(d, Choices) for d in space.decisions.values()])

    def member(self, arch: str) -> str | None:
        """`arch` if it is in the pool, else the pool's architecture with the same network; None without one."""
        if arch in self._members:
            return arch
        try:
            return self._twins.get(self.space.canonical(arch))
        except InputError:  # decisions that break the rules of the space
            return None

    def neighbours(self, arch: str) -> Iterator[str]:
        """The members that differ from `arch` in one decision of few values, or have a twin that does.

        If decisions depend on others, a member may also differ in those that only one of the two takes.
        """
        if self.space.conditional:
            yield from self._alike(arch)
            return
        params = self.space.to_params(arch)
        found = {arch}
        for key, decision in self.space.decisions.items():
            for value in decision.few_values or ():
                near = self.member(self.space.to_arch(params | {key: value}))
                if near is not None and near not in found:
                    found.add(near)
                    yield near

    def _alike(self, arch: str) -> Iterator[str]:
        """The members that differ from `arch` in one of the decisions that both take."""
        own = encode(self.space.to_params(arch), self.space.decisions)
        both = (self.codes != INACTIVE) & (own != INACTIVE)
        differ = (both & (self.codes != own)).sum(1) == 1
        yield from (member for member, is_near in zip(self.archs, differ, strict=True) if is_near)

    def nearest(self, params: Mapping[str, Any], taken: set[str], rng: np.random.Generator) -> str:
        """The member that is not in `taken` and nearest to `params`; ties at random.

        Each choice that differs counts 1, each number how far it is off, as a part of its range; a decision that only
        one of the two takes counts 1.
        """
        free = np.array([arch not in taken for arch in self.archs])
        gap = np.minimum(np.abs(self.codes - encode(params, self.space.decisions)), 1)
        gap[:, self._choices] = gap[:, self._choices] > 0
        distance = np.where(free, gap.sum(1), np.inf)
        return self.archs[int(rng.choice(np.flatnonzero(distance <= distance.min() + 1e-9)))]

    @cached_property
    def codes(self) -> Array:
        """The codes of the pool, n x D."""
        decisions = self.space.decisions
        return np.array([encode(self.space.to_params(arch), decisions) for arch in self.archs])

    @cached_property
    def _twins(self) -> dict[str, str]:
        """Canonical architecture -> the first of the pool with its network."""
        return {self.space.canonical(arch): arch for arch in reversed(self.archs)}


_POOLS: WeakKeyDictionary[ScoreTable, DecisionPool] = WeakKeyDictionary()


def decision_pool(table: ScoreTable, space: SearchSpace) -> DecisionPool:
    """The pool of a table, made once and shared by the samplers of any seed.

    Args:
        table: its architectures are the pool.
        space: knows their decisions.
    """
    pool = _POOLS.get(table)
    if pool is None or (pool.space.source, pool.space.options) != (space.source, space.options):
        pool = _POOLS[table] = DecisionPool(table.archs, space)
    return pool


def encode(params: Mapping[str, Any], decisions: Mapping[str, Decision]) -> Array:
    """D numbers: the position of a choice; a number's place between its bounds, of a logarithmic one by its logarithm.

    A decision that the architecture does not take is `INACTIVE`.

    Args:
        params: decision -> value.
        decisions: the decisions of the space.
    """
    places = [decision.place(params[key]) if key in params else INACTIVE for key, decision in decisions.items()]
    return np.array(places)

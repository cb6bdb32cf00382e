"""The pool of a table as points in the space of decisions: what mutation, policies and models of encodings need.

| name | shape | what |
|---|---|---|
| codes | n x D | the pool's decisions: the position of a category, or a number scaled to [0, 1] |
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from untrained.errors import InputError
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace

Array = NDArray[np.float64]


class DecisionPool:
    """Finds members of a pool of `archs` by what they are made of."""

    def __init__(self, archs: tuple[str, ...], space: SearchSpace) -> None:
        self.archs = archs
        self.space = space
        self._members = frozenset(archs)
        self._categorical = np.array([isinstance(d, CategoricalDistribution) for d in space.distributions.values()])

    def member(self, arch: str) -> str | None:
        """`arch` where it stands in the pool, else the pool's architecture with the same network; None without one."""
        if arch in self._members:
            return arch
        try:
            return self._twins.get(self.space.canonical(arch))
        except InputError:  # decisions that break the rules of the space
            return None

    def neighbours(self, arch: str) -> Iterator[str]:
        """The members that differ from `arch` in one discrete decision, or have a twin that does."""
        params = self.space.to_params(arch)
        found = {arch}
        for key, dist in self.space.distributions.items():
            for value in discrete_values(dist) or ():
                near = self.member(self.space.to_arch(params | {key: value}))
                if near is not None and near not in found:
                    found.add(near)
                    yield near

    def nearest(self, params: Mapping[str, Any], taken: set[str], rng: np.random.Generator) -> str:
        """The member out of `taken` with the fewest decisions unlike `params` (numbers: by how far); ties at random."""
        free = np.array([arch not in taken for arch in self.archs])
        gap = np.abs(self.codes - encode(params, self.space.distributions))
        gap[:, self._categorical] = gap[:, self._categorical] > 0
        distance = np.where(free, gap.sum(1), np.inf)
        return self.archs[int(rng.choice(np.flatnonzero(distance <= distance.min() + 1e-9)))]

    @cached_property
    def codes(self) -> Array:
        dists = self.space.distributions
        return np.array([encode(self.space.to_params(arch), dists) for arch in self.archs])

    @cached_property
    def _twins(self) -> dict[str, str]:
        """Canonical architecture -> the first of the pool with its network."""
        return {self.space.canonical(arch): arch for arch in reversed(self.archs)}


_POOLS: WeakKeyDictionary[ScoreTable, DecisionPool] = WeakKeyDictionary()


def decision_pool(table: ScoreTable, space: SearchSpace) -> DecisionPool:
    """The pool of `table`, made once and shared by the samplers of any seed."""
    pool = _POOLS.get(table)
    if pool is None or (type(pool.space), pool.space.options) != (type(space), space.options):
        pool = _POOLS[table] = DecisionPool(table.archs, space)
    return pool


def discrete_values(dist: BaseDistribution) -> list[Any] | range | None:
    """The values of a decision, None where they are continuous."""
    match dist:
        case CategoricalDistribution():
            return list(dist.choices)
        case IntDistribution():
            return range(dist.low, dist.high + 1, dist.step)
    return None


def encode(params: Mapping[str, Any], dists: Mapping[str, BaseDistribution]) -> Array:
    """D numbers: the position of a category, a number's place between its bounds."""
    return np.array([_code(params[key], dist) for key, dist in dists.items()])


def _code(value: Any, dist: BaseDistribution) -> float:
    if isinstance(dist, CategoricalDistribution):
        return float(dist.choices.index(value))
    assert isinstance(dist, IntDistribution | FloatDistribution)
    low, high = np.log([dist.low, dist.high]) if dist.log else (dist.low, dist.high)
    return float(((np.log(value) if dist.log else value) - low) / ((high - low) or 1.0))

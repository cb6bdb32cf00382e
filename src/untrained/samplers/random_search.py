"""Random search, the baseline of every search."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from untrained.runtime.seeding import derive_seed
from untrained.samplers.base import Choice, PoolSampler
from untrained.samplers.query import Query
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace


class RandomSearch(PoolSampler):
    """Draws uniformly from the pool, without replacement.

    Args:
        table: The scores; only the architectures are used.
        space: The search space of its architectures.
        seed: Decides the order; nothing else does.
        costs: Not used: a search for a front may have this sampler.

    Example:
        >>> from untrained import ArchitectureList, ScoreTable
        >>> table = ScoreTable(("a", "b"), ("m",), np.zeros((2, 1)))
        >>> sampler = RandomSearch(table, ArchitectureList(["a", "b"]), seed=1)
        >>> first = sampler.choose([]).architecture
        >>> {first, sampler.choose([Query(first, 0.5)]).architecture} == {"a", "b"}
        True
    """

    def __init__(self, table: ScoreTable, space: SearchSpace, *, seed: int = 0, costs: Any = None) -> None:
        super().__init__(table, space, seed=seed)

    @property
    def options(self) -> dict[str, Any]:
        """Empty: the choices depend on table, seed and history alone."""
        return {}

    @property
    def most_objectives(self) -> None:
        """Any number: it looks at none."""

    def choose(self, history: Sequence[Query]) -> Choice:
        known = {query.architecture for query in history}
        order = np.random.default_rng(derive_seed(self.seed, "random search")).permutation(len(self.table))
        return Choice(next(a for a in (self.table.archs[i] for i in order) if a not in known), "explore")

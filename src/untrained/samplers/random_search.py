"""Random search, the baseline of every search."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from untrained.runtime.seeding import derive_seed
from untrained.samplers.base import Choice, PoolSampler
from untrained.samplers.query import Query


class RandomSearch(PoolSampler):
    """Uniformly from the pool, without replacement, in an order that depends on the seed alone."""

    @property
    def options(self) -> dict[str, Any]:
        return {}

    def choose(self, history: Sequence[Query]) -> Choice:
        known = {query.architecture for query in history}
        order = np.random.default_rng(derive_seed(self.seed, "random search")).permutation(len(self.table))
        return Choice(next(a for a in (self.table.archs[i] for i in order) if a not in known), "explore")

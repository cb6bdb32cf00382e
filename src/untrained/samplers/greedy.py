"""Rankings of the pool that are fixed before the first query, walked down from the top: nothing is learnt."""

from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from untrained.errors import InputError, listed
from untrained.samplers.base import Choice, PoolSampler
from untrained.samplers.query import Query
from untrained.scores import ScoreTable
from untrained.scores.aggregate import az_nas_aggregate, rank_average
from untrained.spaces import SearchSpace

Array = NDArray[np.float64]

AZ_NAS = ("az_expressivity", "az_progressivity", "az_trainability", "flops")
VKDNW = (
    ("vkdnw(part=both)",),
    ("jacov", "jacob_cov"),
    *((name,) for name in ("az_expressivity", "az_trainability", "flops")),
)
"""Of each group one name: two are the same metric."""


class Greedy(PoolSampler):
    """Queries the pool in the order of a merit.

    Args:
        table: The scores; only the architectures are used.
        space: The search space of its architectures.
        merit: n numbers; the highest is queried first, NaN last.
        seed: Decides the order of architectures with equal merit.

    Raises:
        InputError: If there is not one number for each architecture.

    Example:
        >>> from untrained import ArchitectureList, ScoreTable
        >>> table = ScoreTable(("a", "b"), ("m",), np.array([[1.0], [2.0]]))
        >>> Greedy(table, ArchitectureList(["a", "b"]), table.values[:, 0]).choose([]).architecture
        'b'
    """

    def __init__(self, table: ScoreTable, space: SearchSpace, merit: ArrayLike, *, seed: int = 0) -> None:
        super().__init__(table, space, seed=seed)
        self.merit: Array = np.asarray(merit, dtype=np.float64)
        if self.merit.shape != (len(table),):
            raise InputError(f"merit of shape {self.merit.shape} for a pool of {len(table)}: give one number each")

    @property
    def options(self) -> dict[str, Any]:
        return {"merit": blake2b(self.merit.tobytes(), digest_size=8).hexdigest()}

    @cached_property
    def _order(self) -> NDArray[np.intp]:
        ties = np.random.default_rng(self.seed).permutation(len(self.table))
        return np.lexsort((ties, -np.where(np.isnan(self.merit), -np.inf, self.merit)))

    def choose(self, history: Sequence[Query]) -> Choice:
        known = {query.architecture for query in history}
        return Choice(next(a for a in (self.table.archs[i] for i in self._order) if a not in known), "exploit")


def single(table: ScoreTable, space: SearchSpace, *, budget: int, seed: int = 0, metric: str) -> Greedy:
    """Down the ranking of one metric, its best score first."""
    return Greedy(table, space, upward(table, [metric])[:, 0], seed=seed)


def by_rank_average(table: ScoreTable, space: SearchSpace, *, budget: int, seed: int = 0) -> Greedy:
    """Down the mean rank over all metrics."""
    return Greedy(table, space, rank_average(upward(table)), seed=seed)


def by_rank_product(table: ScoreTable, space: SearchSpace, *, budget: int, seed: int = 0) -> Greedy:
    """Down the sum of log ranks over all metrics."""
    return Greedy(table, space, az_nas_aggregate(upward(table)), seed=seed)


def by_az_nas(table: ScoreTable, space: SearchSpace, *, budget: int, seed: int = 0) -> Greedy:
    """Down AZ-NAS' aggregate of its four metrics."""
    return Greedy(table, space, az_nas_aggregate(upward(table, AZ_NAS)), seed=seed)


def by_vkdnw(table: ScoreTable, space: SearchSpace, *, budget: int, seed: int = 0) -> Greedy:
    """Down VKDNW's aggregate of its five metrics."""
    names = [next(name for name in group if name in table.metrics) for group in VKDNW]
    return Greedy(table, space, az_nas_aggregate(upward(table, names)), seed=seed)


def upward(table: ScoreTable, metrics: Sequence[str] | None = None) -> Array:
    """The scores to go by: n x K, higher is held to be better, see `ScoreTable.merits`.

    Args:
        table: the scores.
        metrics: some of its metrics; all by default.

    Raises:
        InputError: none of the metrics has a score for any architecture.
    """
    values = table.merits if metrics is None else table.select(metrics=metrics).merits
    if np.isnan(values).all():
        names = listed(table.metrics if metrics is None else metrics)
        raise InputError(f"{names}: no score for any architecture, so there is nothing to go by")
    return values

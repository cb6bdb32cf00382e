"""HNAS: one gradient metric M and the condition number kappa of the tangent kernel, with two numbers to learn.

Shu, Dai, Wu & Low, "Unifying and Boosting Gradient-Based Training-Free Neural Architecture Search", NeurIPS 2022.

| name | shape | what |
|---|---|---|
| M, kappa | n | the pool's scores; M is scaled so that its largest is `SCALE` |
| nu, mu | | the target for M, and the weight of missing it |
| p | t x 2 | proposals in the unit square: nu / SCALE, and log10 mu from `LOW` to `HIGH` |
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from untrained.errors import InputError
from untrained.runtime.seeding import derive_seed
from untrained.samplers.base import Choice, PoolSampler, known_values
from untrained.samplers.greedy import upward
from untrained.samplers.query import Query
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace

Array = NDArray[np.float64]

GRADIENT_METRICS = ("ntk_trace", "grad_norm", "snip", "grasp")
"""What M can be, the usual choice first."""
CONDITION = "ntk_condition_number"
SCALE = 5_000.0
LOW, HIGH = -4.0, 0.0
KAPPA = 2.576


class HNAS(PoolSampler):
    """Queries argmin_A mu |M(A)^2 - nu^2| + kappa(A) / M(A); Bayesian optimisation proposes (nu, log10 mu).

    The first quarter of the budget (10 queries at most) has nu evenly spaced and mu = 0.01, as in the authors' script,
    which also gives the ranges and takes known architectures out of the argmin. The script maximises the expected
    improvement over a growing sample of the pool; this sampler takes the upper confidence bound of RoBoT's process over
    the whole pool. A failed score counts as the worst.

    Args:
        table: The scores; M and the condition number must be among them.
        space: The search space of its architectures.
        budget: How many queries the search is to make.
        seed: Decides every random draw.
        metric: The name of M; by default the first of `GRADIENT_METRICS` that the table has.

    Raises:
        InputError: If the condition number has no score, or M no positive one.
    """

    def __init__(
        self, table: ScoreTable, space: SearchSpace, *, budget: int, seed: int = 0, metric: str | None = None
    ) -> None:
        super().__init__(table, space, seed=seed)
        metric = metric or next((name for name in GRADIENT_METRICS if name in table.metrics), GRADIENT_METRICS[0])
        upward(table, [CONDITION])  # there is something to go by
        self.metric = metric
        self.start = min(budget // 4, 10)

    @property
    def options(self) -> dict[str, Any]:
        return {"metric": self.metric, "start": self.start}

    @cached_property
    def _scores(self) -> tuple[Array, Array]:
        """M and kappa; NaN if a score failed or M is not positive."""
        m, kappa = (self.table.values[:, self.table.metrics.index(name)] for name in (self.metric, CONDITION))
        if not (m > 0).any():
            raise InputError(f"sampler 'hnas' needs a positive score: {self.metric} has none")
        return np.where(m > 0, m, np.nan) * (SCALE / np.nanmax(m)), kappa

    def choose(self, history: Sequence[Query]) -> Choice:
        known = known_values(history)
        made = [query for query in history if query.sampler_state is not None]
        points = np.array([query.sampler_state for query in made]).reshape(-1, 2)
        point = self._propose(points, np.array([known[query.architecture] for query in made]))
        nu, mu = SCALE * point[0], 10 ** (LOW + (HIGH - LOW) * point[1])
        m, kappa = self._scores
        merit = mu * np.abs(m**2 - nu**2) + kappa / m
        merit[np.isnan(merit)] = np.finfo(float).max
        merit[[self.table.index[arch] for arch in known if arch in self.table.index]] = np.inf
        arch = self.table.archs[int(np.argmin(merit))]
        return Choice(arch, "explore", {"nu": float(nu), "log10_mu": float(np.log10(mu))}, point.tolist())

    def _propose(self, points: Array, values: Array) -> Array:
        from untrained.samplers.ucb import propose  # with SciPy's optimiser, which takes long to import

        rng = np.random.RandomState(derive_seed(self.seed, "hnas", len(points)) % 2**32)
        if len(points) < self.start:
            return np.array([len(points) / max(self.start - 1, 1), (-2 - LOW) / (HIGH - LOW)])
        if not len(points):
            return rng.uniform(0, 1, 2)
        return propose(points, values, 0, 1, KAPPA, rng)

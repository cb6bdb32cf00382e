"""A sampler that weighs many hypotheses of how the objective depends on the metrics."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from untrained.metrics import METRICS
from untrained.samplers.base import Choice, PoolSampler, Query, check_learnable
from untrained.samplers.hypotheses import SIZE, Hypotheses, expected_improvement, scale_values
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace

AVERAGED = 6
"""Hypotheses whose expected improvement is averaged while exploring."""
EXPLORE = 10
"""Queries that explore, at most; never more than half of the budget."""
OPTIMISM = 0.5
"""Standard deviations added to the mean while exploiting."""


class Mixture(PoolSampler):
    """RoBoT's idea, robust: learn from few queries how far to trust each metric, without betting on one answer.

    Where RoBoT searches for one weight vector and follows its argmax, this keeps a bank of Gaussian processes over
    the metrics (`hypotheses`), which differ in the metrics that they trust, how those are scaled and how straight the
    dependence is, and lets the observations weigh them.

    Explore: the highest expected improvement, averaged over the likeliest hypotheses. Exploit: draw one hypothesis by
    its weight and take the highest optimistic mean (Thompson sampling over hypotheses). `weights` of a query are the
    relevances of the metrics, averaged over the hypotheses by their weight.

    Metrics are held to point their registered way beforehand (upwards where unknown), which few queries overrule.
    With one or two metrics it can be worse than random search, as a corner of their ranking is all that it sees.
    """

    def __init__(self, table: ScoreTable, space: SearchSpace, *, budget: int, seed: int = 0) -> None:
        super().__init__(table, space, seed=seed)
        check_learnable(table, budget)
        self.budget = budget

    @property
    def options(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _hypotheses(self) -> Hypotheses:
        upward = [METRICS[name].direction if name in METRICS else 1 for name in self.table.metrics]
        return Hypotheses(self.table.values, np.array(upward, dtype=np.float64), self.seed)

    def choose(self, history: Sequence[Query]) -> Choice:
        bank = self._hypotheses
        seen = [query for query in history if query.architecture in self.table.index]
        rng = np.random.default_rng((self.seed, 1, len(seen)))
        if not seen:
            s = int(rng.integers(SIZE))
            return self._choice(bank.prior_mean(s), "explore", bank.relevance[s])
        rows = np.array([self.table.index[query.architecture] for query in seen])
        y = scale_values(np.array([np.nan if query.value is None else query.value for query in seen]))
        posterior = bank.observe(rows, y)
        weights = posterior.weights
        if len(seen) < min(EXPLORE, self.budget // 2):
            phase, score = "explore", np.zeros(len(self.table))
            likeliest = np.argsort(-weights, kind="stable")[:AVERAGED]
            for s in likeliest[weights[likeliest] > 0.01 * weights[likeliest].sum()]:
                score += weights[s] * expected_improvement(*bank.predict(int(s), posterior), best=y.max())
        else:
            mean, std = bank.predict(int(rng.choice(SIZE, p=weights)), posterior)
            phase, score = "exploit", mean + OPTIMISM * std
        score[rows] = -np.inf
        return self._choice(score, phase, weights @ bank.relevance)

    def _choice(self, score: np.ndarray, phase: str, relevance: np.ndarray) -> Choice:
        weights = dict(zip(self.table.metrics, relevance.tolist(), strict=True))
        return Choice(self.table.archs[int(np.argmax(score))], phase, weights)

"""A sampler that weighs many hypotheses of how the objective depends on the metrics and on the architecture."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from untrained.errors import InputError
from untrained.samplers.base import Choice, PoolSampler
from untrained.samplers.features import Encoder, spread_top
from untrained.samplers.hypotheses import (
    INFORMS,
    LEARNT,
    SIZE,
    Hypotheses,
    Kind,
    Points,
    expected_improvement,
    favoured,
    scale_values,
)
from untrained.samplers.query import Query
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace

Array = NDArray[np.float64]
Index = NDArray[np.intp]

AVERAGED = 32
"""Hypotheses whose expected improvement is averaged, at most: the likeliest."""
NEGLIGIBLE = 0.01
"""Part of the likeliest one's weight from which a hypothesis is left out."""
START = 5
"""A search starts with this part of its budget."""
AT_RANDOM = 4
"""Queries, at most, with which a short search may start at random."""
FEW = 2
"""So many metrics that inform are no reason yet to follow them from the first query on."""
CANDIDATES = 20_000
"""Most architectures that are looked at before each query."""


class Mixture(PoolSampler):
    """RoBoT's idea, robust: learn from few queries how far to trust each metric, without betting on one answer.

    Where RoBoT searches for one weight vector and follows its argmax, this keeps a bank of Gaussian processes
    (`hypotheses`), which differ in the metrics that they trust and how far, in whether they go by the architecture's
    encoding beside or instead of the metrics, in whether they count how often each option of its decisions is taken,
    and in how much remains each architecture's own; the observations weigh them. A bank holds that nothing is known,
    too: where that is what the observations say, this is random search.

    For each query, a hypothesis is drawn by its weight. If it is that nothing is known, the query is random; so are
    some at the start (`_at_random`). Else the first query is the favourite of the one drawn, and each further one has
    the highest expected improvement, averaged over the likeliest by their weight.

    A failed query counts as the worst value seen. A running one counts as known, with the value that is expected of
    it: so parallel queries spread. Metrics are held to point the way that the table says beforehand,
    which few queries overrule. `weights` of a query are the trust in the metrics, averaged over the hypotheses.

    In a pool of more than `CANDIDATES`, half of those are the favourites of the hypotheses, half are random.
    """

    def __init__(self, table: ScoreTable, space: SearchSpace, *, budget: int, seed: int = 0) -> None:
        super().__init__(table, space, seed=seed)
        if budget < 1:
            raise InputError(f"budget {budget}: give at least 1 query")
        self.budget = budget

    @property
    def options(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _metrics(self) -> Array:
        return spread_top(self.table.merits)

    @cached_property
    def _order(self) -> Index:
        """The pool in random order: whom random search queries, and who comes first of equals."""
        return np.random.default_rng((self.seed, 1)).permutation(len(self.table))

    @cached_property
    def _candidates(self) -> Index:
        """The rows that are looked at before each query, in random order."""
        if len(self.table) <= CANDIDATES:
            return self._order
        favourites = favoured(self._metrics, CANDIDATES // 2, self.seed)
        others = self._order[~np.isin(self._order, favourites)]
        return np.concatenate([favourites, others[: CANDIDATES - len(favourites)]])

    @cached_property
    def _few_inform(self) -> float:
        """Prior probability that no more than FEW metrics have anything to say about the objective."""
        return float(binom.cdf(FEW, self._metrics.any(0).sum(), INFORMS))

    @cached_property
    def _encode(self) -> Encoder:
        return Encoder(self.space, [self.table.archs[row] for row in self._candidates])

    @cached_property
    def _hypotheses(self) -> Hypotheses:
        return Hypotheses(self._points(self._candidates), self.seed, self.budget)

    def _points(self, rows: Index) -> Points:
        codes = self._encode([self.table.archs[row] for row in rows])
        return Points(self._metrics[rows], codes, self._encode.counts(codes))

    def choose(self, history: Sequence[Query]) -> Choice:
        bank = self._hypotheses
        # Values first, then the running queries.
        seen = sorted((q for q in history if q.architecture in self.table.index), key=lambda q: q.running)
        rows = np.array([self.table.index[query.architecture] for query in seen], dtype=np.intp)
        values = np.array([np.nan if q.value is None else q.value for q in seen if not q.running], dtype=np.float64)
        rng = np.random.default_rng((self.seed, 2, len(seen)))
        bank.observe(self._points(rows))
        y = scale_values(values)
        weights = bank.weigh(y)
        trust = weights @ bank.trust
        drawn = int(rng.choice(SIZE, p=weights))
        taken = np.isin(self._candidates, rows)
        if bank.kind[drawn] == Kind.NOTHING or self._at_random(len(seen), bank.kind[drawn], rng) or taken.all():
            queried = set(rows.tolist())
            return self._choice(next(row for row in self._order if row not in queried), "explore", trust)
        phase = "exploit" if seen else "explore"
        if not seen:
            score = bank.predict(drawn)[0]
        else:
            score = np.zeros(len(self._candidates))
            likeliest = np.argsort(-weights, kind="stable")[:AVERAGED]
            for s in likeliest[weights[likeliest] > NEGLIGIBLE * weights[likeliest[0]]]:
                score += weights[s] * expected_improvement(*bank.predict(int(s)), best=y.max(initial=0.0))
        score[taken] = -np.inf
        return self._choice(self._candidates[int(np.argmax(score))], phase, trust)

    def _at_random(self, t: int, kind: int, rng: np.random.Generator) -> bool:
        """Is query t of the start random, where a hypothesis of `kind` was drawn?

        What a few metrics like best is often a poor corner of the space. In a short search, where most hypotheses go
        without the encoding, only queries elsewhere lead out of it: they are as likely as it is that no more than `FEW`
        metrics inform. In a long one the encoding does, once there is enough to learn it from.
        """
        if t >= self.budget // START:
            return False
        if self.budget >= LEARNT:
            return kind == Kind.ENCODING
        return t < AT_RANDOM and rng.random() < self._few_inform

    def _choice(self, row: int, phase: str, trust: Array) -> Choice:
        return Choice(self.table.archs[row], phase, dict(zip(self.table.metrics, trust.tolist(), strict=True)))

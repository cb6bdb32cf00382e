"""A sampler that weighs many hypotheses of how the objective depends on the metrics and on the architecture."""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from untrained.errors import InputError
from untrained.samplers.base import Choice, PoolSampler
from untrained.samplers.features import Encoder, spread_evenly, spread_top
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
from untrained.samplers.tradeoffs import Costs
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace

Array = NDArray[np.float64]
Floats = NDArray[np.floating]
Index = NDArray[np.intp]

AVERAGED = 32
"""The expected improvement is averaged over so many hypotheses at most, the likeliest."""
NEGLIGIBLE = 0.01
"""A hypothesis with less than this part of the likeliest one's weight is left out."""
START = 5
"""One in so many queries of the budget belongs to the start of a search."""
AT_RANDOM = 4
"""A short search starts with so many random queries at most."""
FEW = 2
"""If no more metrics inform than these, they are not followed from the first query on."""
CANDIDATES = 20_000
"""The most architectures that are looked at before each query."""


class Mixture(PoolSampler):
    """Learns from few queries how far to trust each metric, without betting on one answer.

    RoBoT searches for one weight vector and follows its argmax. This sampler keeps a bank of Gaussian processes
    (`hypotheses`) and lets the observations weigh them. The hypotheses differ in the metrics that they trust and how
    far, in whether they go by the architecture's encoding beside or instead of the metrics, in whether they count how
    often each option of its decisions is taken, and in how much they leave unexplained. Some hold that nothing is
    known: if the observations agree, this is random search.

    For each query, a hypothesis is drawn by its weight. If the drawn hypothesis holds that nothing is known, the query
    is random; so are some queries at the start (`_at_random`). Otherwise a query that is chosen before any value is
    known is the favourite of the drawn hypothesis, and each further one has the highest expected improvement, averaged
    over the likeliest hypotheses by their weights.

    A failed query counts as the worst value seen. A running query counts as known, with the value that is expected of
    it, so parallel queries spread. Before the first query, metrics are expected to point the way that the table says;
    few queries overrule that. `metric_weights` of a query are the trust in the metrics, averaged over the hypotheses.

    With `costs`, which are known of every architecture before, it looks for a front instead of one best: each query has
    the highest expected gain in hypervolume (`tradeoffs`).

    In a pool of more than `CANDIDATES` architectures, half of the candidates are favourites of the hypotheses and half
    are random.

    Args:
        table: The scores to learn from; there may be none.
        space: The search space of its architectures.
        budget: How many queries the search is to make.
        seed: Decides every random draw.
        costs: What each architecture of the table costs, n x m, lower is better; None to look for the best value alone.

    Raises:
        InputError: If the budget is below 1, or the costs are not those of the table.

    Example:
        >>> from untrained import ArchitectureList, ScoreTable, search
        >>> archs = [f"{n}" for n in range(100)]
        >>> table = ScoreTable(tuple(archs), ("m",), np.arange(100.0)[:, None])
        >>> space = ArchitectureList(archs)
        >>> sampler = Mixture(table, space, budget=20)
        >>> search(space, lambda arch: float(arch), budget=20, sampler=sampler, scores=table).value
        99.0
    """

    def __init__(
        self, table: ScoreTable, space: SearchSpace, *, budget: int, seed: int = 0, costs: Array | None = None
    ) -> None:
        super().__init__(table, space, seed=seed)
        if budget < 1:
            raise InputError(f"budget {budget}: give at least 1 query")
        self.budget = budget
        self._costs = None if costs is None else Costs(np.asarray(costs, dtype=np.float64), len(table))

    @property
    def options(self) -> dict[str, Any]:
        """Empty: the choices depend on table, seed and history alone; and on the costs, if there are any."""
        return {} if self._costs is None else {"costs": self._costs.fingerprint}

    @property
    def most_objectives(self) -> int:
        """The value, and each cost."""
        return 1 if self._costs is None else 1 + self._costs.costs.shape[1]

    @cached_property
    def _metrics(self) -> Array:
        return (spread_top if self._costs is None else spread_evenly)(self.table.merits)

    @cached_property
    def _order(self) -> Index:
        """The rows of the pool in random order: the order of random queries, and of equally good candidates."""
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
        """Prior probability that no more than FEW metrics say anything about the objective."""
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
        y, failed = scale_values(values), np.isnan(values)
        weights = bank.weigh(y)
        trust = weights @ bank.trust
        drawn = int(rng.choice(SIZE, p=weights))
        taken = np.isin(self._candidates, rows)
        if bank.kind[drawn] == Kind.NOTHING or self._at_random(len(seen), bank.kind[drawn], rng) or taken.all():
            queried = set(rows.tolist())
            return self._choice(next(row for row in self._order if row not in queried), "explore", trust)
        phase = "exploit" if len(y) else "explore"
        if not len(y):  # an improvement on nothing would be expected of the oddest architectures
            score = bank.predict(drawn)[0]
            score = score if self._costs is None else self._costs.alone(self._candidates, score)
        else:
            score, gain = np.zeros(len(self._candidates)), self._gain(rows[: len(y)][~failed], y[~failed])
            likeliest = np.argsort(-weights, kind="stable")[:AVERAGED]
            for s in likeliest[weights[likeliest] > NEGLIGIBLE * weights[likeliest[0]]]:
                score += weights[s] * gain(*bank.predict(int(s)))
        score[taken] = -np.inf
        return self._choice(self._candidates[int(np.argmax(score))], phase, trust)

    def _gain(self, queried: Index, y: Array) -> Callable[[Floats, Floats], Floats]:
        """What a candidate of a mean and a standard deviation is expected to bring, given the values so far."""
        if self._costs is None or not len(y):
            return partial(expected_improvement, best=y.max(initial=0.0))
        return self._costs.gain(self._candidates, queried, y)

    def _at_random(self, t: int, kind: int, rng: np.random.Generator) -> bool:
        """Whether query t is random, given the kind of the hypothesis that was drawn.

        The favourites of a few metrics often lie in a poor corner of the space. In a short search most hypotheses do
        not go by the encoding, so only random queries lead out of the corner: they are made with the probability that
        no more than `FEW` metrics inform. In a long search the encoding leads out, once there is enough to learn it.
        """
        if t >= self.budget // START:
            return False
        if self.budget >= LEARNT:
            return kind == Kind.ENCODING
        most = AT_RANDOM if self._costs is None else AT_RANDOM // 2  # the costs lead to different corners anyway
        return t < most and rng.random() < self._few_inform

    def _choice(self, row: int, phase: str, trust: Array) -> Choice:
        return Choice(self.table.archs[row], phase, dict(zip(self.table.metrics, trust.tolist(), strict=True)))

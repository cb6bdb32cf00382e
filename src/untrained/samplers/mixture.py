"""A sampler that weighs many hypotheses of how the objective depends on the metrics and on the architecture."""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from untrained.errors import InputError
from untrained.samplers.base import Choice, PoolSampler
from untrained.samplers.features import Encoder, Points, placed_among, spread_evenly, spread_top
from untrained.samplers.gaussian import expected_improvement
from untrained.samplers.hypotheses import (
    INFORMS,
    LEARNT,
    MEMORY,
    SIZE,
    TRUST,
    Hypotheses,
    Kind,
    scale_values,
)
from untrained.samplers.query import Query
from untrained.samplers.representatives import representatives
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
"""The most architectures that are looked at before each query, of those that were drawn."""
SCREENED = 100_000
"""So many rows of a large pool are screened at a time: their sums take 10 MB."""
JOINED = 8_000
"""The most of those that joined: of more, the latter half stays."""
LEAST, MOST = 128, 256
"""The most queries that are learnt from: how many exactly depends on the size of the pool."""


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

    Of many queries it learns from some (`representatives`), so that neither the time nor the memory of a query grows
    with the history: from all if there are no more than `MOST`, in a large pool fewer, but at least `LEAST`.

    In a pool of more than `CANDIDATES` architectures, half of the candidates are favourites of the hypotheses and half
    are random. What joins the pool later (`grow`) is a candidate, too, but no random query. Its metrics are ranked
    among the pool that the sampler was made with.

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
        self._drawn = table
        self._codes = dict[int, Array]()  # of each row that was encoded

    grows = True

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
        """F of the pool; rows are added as it grows."""
        spread = spread_top if self._costs is None else spread_evenly
        return spread(self._drawn.merits, self._drawn.quantiles)

    @cached_property
    def _order(self) -> Index:
        """The rows drawn in random order: the order of random queries, and of equally good candidates."""
        return random_order(len(self._drawn), self.seed)

    @cached_property
    def _candidates(self) -> Index:
        """The rows that are looked at before each query: of those drawn in random order, then those that joined."""
        if len(self._drawn) <= CANDIDATES:
            return self._order
        return candidates_of(lambda rows: self._metrics[rows], self._order, CANDIDATES, self.seed)

    @property
    def _of_drawn(self) -> int:
        """How many of the candidates are of those drawn."""
        return min(len(self._drawn), CANDIDATES)

    @cached_property
    def _few_inform(self) -> float:
        """Prior probability that no more than FEW metrics say anything about the objective."""
        from scipy.stats import binom  # takes longer than all else that a search imports

        return float(binom.cdf(FEW, self._metrics.any(0).sum(), INFORMS))

    @cached_property
    def _encode(self) -> Encoder:
        return Encoder(self.space, [self.table.archs[row] for row in self._candidates])

    @cached_property
    def _hypotheses(self) -> Hypotheses:
        return Hypotheses(self._points(self._candidates), self.seed, self.budget)

    def _points(self, rows: Index) -> Points:
        unknown = [row for row in rows.tolist() if row not in self._codes]
        self._codes |= zip(unknown, self._encode([self.table.archs[row] for row in unknown]), strict=True)
        codes = np.array([self._codes[row] for row in rows.tolist()]).reshape(len(rows), self._encode([]).shape[1])
        return Points(self._metrics[rows], codes, self._encode.counts(codes))

    def grow(self, table: ScoreTable, history: Sequence[Query]) -> None:
        if self._costs is not None:
            raise InputError("the costs are those of the pool that was drawn: a pool with costs does not grow")
        rows = np.arange(len(self.table), len(table))
        bank = self._hypotheses  # of those drawn
        of_drawn, merits = self._drawn.upward, table.upward[rows]
        for k in np.flatnonzero(table.unread[rows].any(0) & ~np.isnan(of_drawn).all(0)):
            merits[table.unread[rows, k], k] = np.nanmedian(of_drawn[:, k])
        self._metrics = np.concatenate([self._metrics, placed_among(merits, self._drawn.merits)])
        self._candidates = np.concatenate([self._candidates, rows])
        self.table = table
        if len(self._candidates) <= self._of_drawn + JOINED:
            bank.add(self._points(rows), sum(query.architecture in table.index for query in history))
        else:
            joined = self._candidates[self._of_drawn :]
            self._candidates = np.concatenate([self._candidates[: self._of_drawn], joined[-(JOINED // 2) :]])
            bank.replace(self._points(self._candidates))

    def favourites(self, history: Sequence[Query], n: int) -> list[str]:
        """Those with the highest expected improvement and those of the highest expected value, in turn.

        Queried ones may be among the latter.
        """
        now = self._posterior(history)
        means = np.zeros(len(self._candidates))
        for s in self._likeliest(now.weights):
            means += now.weights[s] * self._hypotheses.predict(s)[0]
        hoped = self._improvement(now) if len(now.y) else means.copy()
        hoped[np.isin(self._candidates, now.rows)] = -np.inf
        orders = (np.argsort(-score, kind="stable") for score in (hoped, means))
        rows = dict.fromkeys(int(row) for pair in zip(*orders, strict=True) for row in pair)
        return [self.table.archs[self._candidates[row]] for row in list(rows)[:n]]

    def choose(self, history: Sequence[Query]) -> Choice:
        now, bank = self._posterior(history), self._hypotheses
        weights, rows, t = now.weights, now.rows, len(now.rows)
        rng = np.random.default_rng((self.seed, 2, t))
        trust = weights @ bank.trust
        drawn = int(rng.choice(SIZE, p=weights))
        taken = np.isin(self._candidates, rows)
        if bank.kind[drawn] == Kind.NOTHING or self._at_random(t, bank.kind[drawn], rng) or taken.all():
            queried = set(rows.tolist())
            everyone = (*self._order, *range(len(self._drawn), len(self.table)))
            return self._choice(next(row for row in everyone if row not in queried), "explore", trust)
        if len(now.y):
            score = self._improvement(now)
        else:  # an improvement on nothing would be expected of the oddest architectures
            score = bank.predict(drawn)[0]
            score = score if self._costs is None else self._costs.alone(self._candidates, score)
        score[taken] = -np.inf
        return self._choice(self._candidates[int(np.argmax(score))], "exploit" if len(now.y) else "explore", trust)

    def _posterior(self, history: Sequence[Query]) -> "_Posterior":
        """Takes in a history: values first, then the running queries."""
        seen = sorted((q for q in history if q.architecture in self.table.index), key=lambda q: q.running)
        rows = np.array([self.table.index[query.architecture] for query in seen], dtype=np.intp)
        values = np.array([np.nan if q.value is None else q.value for q in seen if not q.running], dtype=np.float64)
        learnt, base, stands_for = representatives(values, self._most, self.seed)
        known = np.concatenate([learnt, np.arange(len(values), len(rows))])
        self._hypotheses.observe(self._points(rows[known]), base, stands_for)
        y = scale_values(values)
        return _Posterior(rows, y, ~np.isnan(values), self._hypotheses.weigh(y[learnt]))

    @property
    def _most(self) -> int:
        """How many queries are learnt from: what is kept of so many has room in memory."""
        n = self._of_drawn + JOINED * (len(self.table) > len(self._drawn))
        return min(max(MEMORY // (4 * AVERAGED * n), LEAST), MOST)

    def _improvement(self, now: "_Posterior") -> Array:
        """What each candidate is expected to bring."""
        gain = self._gain(now.rows[: len(now.y)][now.succeeded], now.y[now.succeeded])
        score = np.zeros(len(self._candidates))
        for s in self._likeliest(now.weights):
            score += now.weights[s] * gain(*self._hypotheses.predict(s))
        return score

    def _likeliest(self, weights: Array) -> list[int]:
        likeliest = np.argsort(-weights, kind="stable")[:AVERAGED]
        return likeliest[weights[likeliest] > NEGLIGIBLE * weights[likeliest[0]]].tolist()

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


def candidates_of(metrics: Callable[[slice], Floats], order: Index, most: int, seed: int) -> Index:
    """Chooses the candidates of a pool that has more than so many: half of them favourites, half random.

    Args:
        metrics: Gives F of some rows.
        order: The rows in random order.
        most: How many, about.
        seed: Decides the favourites.

    Returns:
        The favourites in ascending order, then the others in random order.
    """
    favourites = favoured(metrics, len(order), most // 2, seed)
    is_left = np.ones(len(order), bool)
    is_left[favourites] = False
    return np.concatenate([favourites, order[is_left[order]][: most - len(favourites)]])


def random_order(n: int, seed: int) -> Index:
    """The rows of a pool in the order of random queries."""
    return np.random.default_rng((seed, 1)).permutation(n)


def favoured(metrics: Callable[[slice], Floats], n: int, m: int, seed: int) -> Index:
    """Screens a large pool by many weighted sums of its metrics, weighted as the hypotheses trust them.

    Args:
        metrics: Gives F of some rows, which is rounded to single precision.
        n: How many rows there are.
        m: How many rows to find, about.
        seed: Decides the weights.

    Returns:
        The rows that come first under one of the sums, in ascending order.
    """
    rng = np.random.default_rng((seed, 3))
    columns = metrics(slice(0, 1)).shape[1]
    trust = np.exp(TRUST * rng.normal(size=(columns, SIZE // 4))).astype(np.float32)
    share = -(-m // trust.shape[1])
    rows, sums = np.empty((trust.shape[1], 0), np.intp), np.empty((trust.shape[1], 0), np.float32)
    for start in range(0, n, SCREENED):
        of_part = trust.T @ metrics(slice(start, min(start + SCREENED, n))).astype(np.float32, copy=False).T
        first = np.argpartition(of_part, -min(share, of_part.shape[1]), axis=1)[:, -share:]
        rows = np.concatenate([rows, first + start], axis=1)
        sums = np.concatenate([sums, np.take_along_axis(of_part, first, 1)], axis=1)
        kept = np.argpartition(sums, -min(share, sums.shape[1]), axis=1)[:, -share:]
        rows, sums = np.take_along_axis(rows, kept, 1), np.take_along_axis(sums, kept, 1)
    return np.unique(rows)


class _Posterior(NamedTuple):
    """What a history says.

    Args:
        rows: The rows queried, those with a value first.
        y: The standardised values of these.
        succeeded: Which of them did not fail.
        weights: Of the hypotheses.
    """

    rows: Index
    y: Array
    succeeded: NDArray[np.bool_]
    weights: Array

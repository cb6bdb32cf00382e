"""A bank of Gaussian processes, each a hypothesis of how the objective depends on metrics and encoding.

| name | shape | what |
|---|---|---|
| F, c, h | n x K, n x P, n x C | metrics, codes and counts of the candidates (`features`) |
| S | | hypotheses in the bank |
| r | S x K | `trust`: how far each hypothesis trusts each metric; rows of unit length; z = r F |
| e | S x A x 3 | `options`: points that stand for the options of a decision; alike options are close |
| q | S x P | `decision_weights`: how much each decision matters to a hypothesis; rows of sum 1 |
| d | | sum over p of q_p (1 - exp(-|e(c_p) - e(c'_p)|^2 / 4)): the distance of two codes, 0 to 1 |
| t, y | t | queries made, and the standardised values of those that have one |
| L | S x t x t | Cholesky factor of the covariance of the queries; its rows (w, d) and its inverse are kept |
| v | t x n | L^-1 k, with k the covariance of queries and candidates, of one hypothesis |

Hypothesis s models the objective as slope . z, plus a process of covariance

    LEVEL + linear <z, z'> + smooth matern52(|z - z'| / length) + counting matern52(|h - h'| / count_length)
          + additive (1 - d) + joint exp(-d / joint_length)

plus an independent term of variance `residual` for each architecture. A hypothesis of METRICS has no additive and joint
part, one of ENCODING no slope, linear and smooth part, one of NOTHING none of them. Half of the hypotheses that go by
the encoding have a counting part, and of METRICS one in 1 + the number of metrics that are expected to inform. Nothing
is fitted: observations speak through each hypothesis' marginal likelihood (Rasmussen & Williams, "Gaussian Processes
for Machine Learning", 2006, eq. 2.30), raised to the power `TEMPER`. One more query costs one more row of L^-1 and v.
If there are many, a part of them stands for the first ones (`representatives`), and its rows are computed at once.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from untrained.errors import InputError
from untrained.runtime.interrupts import interrupts_held
from untrained.samplers.candidates import Candidates, Pool, View
from untrained.samplers.features import Points
from untrained.samplers.gaussian import matern52, squared_distances, untouched_zeros

Array = NDArray[np.float64]
Floats = NDArray[np.floating]
Index = NDArray[np.intp]

SIZE = 128
"""S; a power of two, for Sobol's sequence."""
LEVEL = 3.0
"""Prior variance of the objective's level."""
TEMPER = 0.25
"""Power of the likelihood (Grunwald 2012, "The Safe Bayesian"): no hypothesis is true, and 1 bets on one too early."""
CLIP = 4.0
"""A value counts as no worse than median - CLIP (best - median): the poor tail must not dominate the model."""
TRUST = 1.2
"""Spread (of the logarithm) of the trust in metrics, over hypotheses and metrics."""
INFORMS = 0.5
"""Prior probability that a metric has anything to say about the objective, each for itself."""
LEARNT = 25
"""Budget at which half of the hypotheses of metrics that inform go by the encoding, too: it takes so many queries to
learn from; with T, T / (T + LEARNT) of them do."""
MEMORY = 2**29
"""Bytes that all v may take, before the longest unused are given up, to be computed again."""
AT_ONCE = 512
"""Candidates whose columns of v are computed together."""


class Kind(IntEnum):
    """What a hypothesis goes by."""

    METRICS = 0
    BOTH = 1
    ENCODING = 2
    NOTHING = 3


def scale_values(values: Array) -> Array:
    """Clips the poor tail of t observed values, then standardises them.

    Args:
        values: t values, NaN if the query failed, which counts as the worst seen.

    Returns:
        y, t numbers of mean 0 and standard deviation 1; zeros if all values are equal or NaN.

    Example:
        >>> scale_values(np.array([1.0, np.nan, 3.0])).round(3).tolist()
        [-0.707, -0.707, 1.414]
    """
    if np.isnan(values).all():
        return np.zeros_like(values)
    y = np.where(np.isnan(values), np.nanmin(values), values)
    y = np.maximum(y, np.median(y) - CLIP * (y.max() - np.median(y))) if y.max() > np.median(y) else y
    return (y - y.mean()) / (y.std() or 1.0)


class Hypotheses:
    """The bank: `SIZE` hypotheses, drawn from a fixed prior by a scrambled Sobol sequence.

    The share of each kind of hypothesis is its prior probability: all kinds that ignore the metrics have
    (1 - INFORMS)^K together. Call `observe`, `weigh` and `predict` in this order. Results of earlier calls are kept to
    save time; they change no digit, because every array grows by one query at a time in any case.

    Args:
        candidates: The architectures that will be predicted.
        seed: Decides the draws.
        budget: T. It decides how many hypotheses go by the encoding, and how far options lie apart.
    """

    def __init__(self, candidates: Points, seed: int, budget: int) -> None:
        from scipy.special import ndtr, ndtri

        codes = candidates.codes
        k, p = candidates.metrics.shape[1], codes.shape[1]
        rng = np.random.default_rng((seed, 0))
        u = _draw(k + p + 11, rng)
        normal = ndtri(u)
        trust, minded, rest = normal[:, :k], normal[:, k : k + p], normal[:, k + p :]
        informative = int(candidates.metrics.any(0).sum())
        self.kind = np.searchsorted(
            np.cumsum(_prior(informative, p, budget / (budget + LEARNT))),
            (rng.permutation(SIZE) + 0.5) / SIZE,
        )
        metrics = np.isin(self.kind, (Kind.METRICS, Kind.BOTH))
        encoding = np.isin(self.kind, (Kind.BOTH, Kind.ENCODING))
        trust = np.exp(TRUST * trust)
        self.trust = trust / np.linalg.norm(trust, axis=1, keepdims=True)
        self.slope = metrics * 2 * ndtri(0.5 + 0.5 * u[:, -1])  # half-normal: metrics point upwards
        self.slope /= np.maximum(self.trust.sum(1), np.finfo(float).tiny)  # 0 without metrics
        self.linear = metrics * np.exp(1 + rest[:, 0])
        self.smooth = metrics * np.exp(1 + rest[:, 1])
        self.length = np.exp(0.5 + 0.7 * rest[:, 2])
        minded = np.exp(0.5 * minded)
        self.decision_weights = minded / minded.sum(1, keepdims=True)
        options = 2 + int(np.ceil(codes.max(initial=0)))  # the first is the unknown one, of code -1
        spread = 1 + min((LEARNT / budget) ** 2, 2)  # few queries cannot tell which options are alike
        self.options = np.random.default_rng((seed, 4)).normal(0, spread, (SIZE, options, 3))
        share = np.where(encoding, 0.5, 1 / (1 + INFORMS * informative))
        counts = (ndtr(rest[:, 9]) < share) & (self.kind != Kind.NOTHING) & (p > 0)
        self.counting = counts * np.exp(1.4 + rest[:, 7])
        self.count_length = np.exp(0.4 + 0.7 * rest[:, 8])
        self.additive = encoding * np.exp(rest[:, 3])
        self.joint = encoding * np.exp(1 + rest[:, 4])
        self.joint_length = np.exp(-0.5 + 0.7 * rest[:, 5])
        self.residual = np.where(self.kind == Kind.NOTHING, 1.0, np.exp(-3 + rest[:, 6]))
        self._queries = candidates.take(np.arange(0))
        self._base, self._stands_for = 0, 0
        self._inverse = np.zeros((SIZE, 0, 0))
        self._factor = list[tuple[Pool, Pool]]()
        self.candidates = Candidates(candidates)
        self._views = dict[int, View]()

    def observe(self, queries: Points, base: int = 0, stands_for: int = 0) -> None:
        """Takes in the t queries of the history; a prefix that was observed before is not computed again.

        Args:
            queries: What is to be known.
            base: The first so many are computed at once, and all that was known before is forgotten.
            stands_for: How many queries of the search these stand for.
        """
        old, t = self._queries, len(queries.metrics)
        differs = np.ones(t, dtype=bool)
        m = min(len(old.metrics), t)
        differs[:m] = (old.metrics[:m] != queries.metrics[:m]).any(1) | (old.codes[:m] != queries.codes[:m]).any(1)
        same = int(np.argmax(differs)) if differs.any() else t
        same = min(same, len(self._factor))  # fewer rows than queries if an interrupt came in between
        self._queries = queries
        if self._base != base or same < base:
            self._begin_with(base)
            same = base
        self._stands_for = stands_for
        del self._factor[same:]
        for view in self._views.values():
            view.known = min(view.known, same)
        for row in range(same, t):
            self._grow(row)

    def _begin_with(self, base: int) -> None:
        """Forgets all rows, and takes in the first ones at once."""
        from scipy.linalg import solve_triangular

        self._base = -1  # if an interrupt comes in between, it begins once more
        self._views.clear()
        self._factor.clear()
        queries, lower = self._queries.take(np.arange(base)), np.zeros((SIZE, base, base), np.float32)
        self._inverse = untouched_zeros(SIZE, 2 * base, 2 * base)
        for s in range(SIZE if base else 0):
            covariance = self._between(s, queries, queries) + self.residual[s] * np.eye(base)
            factor = np.linalg.cholesky(covariance)
            self._inverse[s, :base, :base] = solve_triangular(factor, np.eye(base), lower=True)
            lower[s] = factor
        self._factor += [(lower[:, row, :row], lower[:, row, row]) for row in range(base)]
        self._base = base

    def _grow(self, t: int) -> None:
        """Adds row t of L^-1. With w = L^-1 k and d^2 = k(x, x) - w.w, the row is (-w L^-1, 1) / d."""
        metrics, codes = self._queries.metrics[: t + 1], self._queries.codes[: t + 1]
        z = metrics * self.trust[:, None, :]  # S x (t + 1) x K
        new = z[:, -1:]
        by_decision = self.option_distances(slice(None), codes, codes[-1:])
        distances = np.einsum("stp,sp->st", by_decision, self.decision_weights)
        counts = self._queries.counts[: t + 1]
        counted = ((counts - counts[-1]) ** 2).sum(1)
        cov = self._covariance(slice(None), (z * new).sum(2), ((z - new) ** 2).sum(2), counted, distances)
        inverse = self._inverse[:, :t, :t]
        w = np.einsum("stu,su->st", inverse, cov[:, :t])
        d = np.sqrt(cov[:, t] + self.residual - (w * w).sum(1))
        self._make_room(t + 1)
        self._inverse[:, t, :t] = -np.einsum("su,sut->st", w, inverse) / d[:, None]
        self._inverse[:, t, t] = 1 / d
        self._factor.append((w.astype(np.float32), d.astype(np.float32)))

    def _make_room(self, t: int) -> None:
        """Makes room for at least t rows of L^-1, with zeros above the diagonal."""
        old = self._inverse
        if t > old.shape[1]:
            self._inverse = untouched_zeros(SIZE, t + t // 2, t + t // 2)
            for row in range(old.shape[1]):
                self._inverse[:, row, : row + 1] = old[:, row, : row + 1]

    def weigh(self, y: Array) -> Array:
        """Weighs the hypotheses by what they make of the values.

        Args:
            y: Standardised values of the first queries. The queries after these are running: they reduce the
                uncertainty like known ones, and leave every mean as it is.

        Returns:
            S posterior probabilities.
        """
        t, valued = len(self._queries.metrics), len(y)
        prior = self.slope[:, None] * (self.trust @ self._queries.metrics[:valued].T)
        self._white = np.zeros((SIZE, t))
        self._white[:, :valued] = np.einsum("stu,su->st", self._inverse[:, :valued, :valued], y - prior)
        diagonal = np.einsum("stt->st", self._inverse[:, :valued, :valued])
        evidence = np.log(diagonal).sum(1) - 0.5 * (self._white**2).sum(1)
        weights = np.exp(TEMPER * (evidence - evidence.max()))
        return weights / weights.sum()

    def predict(self, s: int) -> tuple[Pool, Pool]:
        """Predicts the candidates' values.

        Args:
            s: The hypothesis to predict by.

        Returns:
            n means and n standard deviations, which include the term that is independent for each architecture.
        """
        t = len(self._factor)
        # As if each row and each candidate had come in its time: a width for each row, whenever it is computed.
        joined = [(self._base + max(known - self._stands_for, 0), n) for known, n in self.candidates.joined]
        view = self._views.pop(s, None) or self._begin_view(s, [n for known, n in joined if known <= self._base][-1])
        self._views[s] = view  # the last used stands last
        for known, n in joined:
            if len(view.z) < n:
                self._extend(s, view, min(known, t))
                self._join(s, view, n)
        self._extend(s, view, t)
        while sum(view.v[: view.known].nbytes for view in self._views.values()) > MEMORY and len(self._views) > 1:
            del self._views[next(iter(self._views))]
        explained = np.einsum("tn,tn->n", view.v[:t], view.v[:t])
        mean = view.mean + self._white[s].astype(np.float32) @ view.v[:t]
        return mean, np.sqrt(np.maximum(view.variance - explained, 1e-6))

    def add(self, candidates: Points, known: int) -> None:
        """Adds candidates, which stand behind the others.

        Args:
            candidates: Further architectures that will be predicted.
            known: How many queries are known now; whenever these are computed again, it is as if it were now.
        """
        self.candidates.add(candidates, known)

    def replace(self, candidates: Points) -> None:
        """Has other candidates in place of all; as if they had been there from the beginning."""
        self.candidates = Candidates(candidates)
        self._views.clear()

    def _start(self, s: int, rows: slice) -> View:
        metrics = self.candidates.points.metrics[rows]
        z = metrics * self.trust[s]
        norms = np.einsum("nk,nk->n", z, z)
        variance = LEVEL + self.linear[s] * norms + self.smooth[s] + self.counting[s] + self.additive[s] + self.joint[s]
        variance += self.residual[s]
        mean = self.slope[s] * (z @ np.ones(z.shape[1]))
        z, norms, mean, variance = (x.astype(np.float32) for x in (z, norms, mean, variance))
        return View(z, norms, mean, variance, np.empty((0, len(z)), np.float32))

    def _extend(self, s: int, view: View, t: int) -> None:
        """Adds the rows of v up to t: (k - w.v) / d."""
        n = len(view.z)
        for row in range(view.known, t):
            query = (self._queries.metrics[row] * self.trust[s]).astype(np.float32)
            inner = view.z @ query
            squares = np.maximum(view.norms + query @ query - 2 * inner, 0)
            distances = np.zeros_like(inner)
            if self.kind[s] in (Kind.BOTH, Kind.ENCODING):
                levels = self.option_distances(s, self.candidates.levels[:, None], self._queries.codes[row])
                levels *= self.decision_weights[s]
                for level, by_level in zip(self.candidates.level, levels.T.astype(np.float32), strict=True):
                    distances += by_level[level[:n]]
            counted = self.candidates.count_distances(n, self._queries.counts[row].astype(np.float32))
            cov = self._covariance(s, inner, squares, counted, distances)
            w, d = self._factor[row]
            if row == len(view.v):
                view.v = np.concatenate([view.v, np.empty((max(row, 16), n), np.float32)])
            view.v[row] = (cov - w[s] @ view.v[:row]) / d[s]
            view.known = row + 1

    def _join(self, s: int, view: View, n: int) -> None:
        """Adds the columns of v up to n at once: L^-1 k."""
        rows, t = slice(len(view.z), n), view.known
        new = self._start(s, rows)
        cov = self._between(s, self._queries.take(np.arange(t)), self.candidates.points.take(rows))
        new.v, new.known = (self._inverse[s, :t, :t] @ cov).astype(np.float32), t
        view.append(new)

    def _begin_view(self, s: int, n: int) -> View:
        """The first n candidates, with the rows of v that are computed at once."""
        view, t = self._start(s, slice(n)), self._base
        queries, inverse = self._queries.take(np.arange(t)), self._inverse[s, :t, :t]
        view.v = np.empty((2 * t, n), np.float32)
        for start in range(0, n if t else 0, AT_ONCE):
            rows = slice(start, min(start + AT_ONCE, n))
            view.v[:t, rows] = inverse @ self._between(s, queries, self.candidates.points.take(rows))
        view.known = t
        return view

    def _between(self, s: int, queries: Points, others: Points) -> Floats:
        """The covariances of t queries and m architectures, t x m."""
        z, queried = others.metrics * self.trust[s], queries.metrics * self.trust[s]
        distances = np.zeros((len(queried), len(z)))
        if self.kind[s] in (Kind.BOTH, Kind.ENCODING):
            occurring, place = np.unique(others.codes, return_inverse=True)
            apart = self.option_distances(s, occurring[:, None, None], queries.codes)  # of each code, t x P
            for p, at in enumerate(place.reshape(len(z), -1).T):
                distances += self.decision_weights[s, p] * apart[at, :, p].T
        squares, counted = squared_distances(queried, z), squared_distances(queries.counts, others.counts)
        return self._covariance(s, queried @ z.T, squares, counted, distances)

    def option_distances(self, s: int | slice, codes: Array, other: Array) -> Array:
        """1 - exp(-|e(c) - e(c')|^2 / 4) for each decision: from 0, the same option, to 1."""
        return 1 - np.exp(-0.25 * ((self._place(s, codes) - self._place(s, other)) ** 2).sum(-1))

    def _place(self, s: int | slice, codes: Array) -> Array:
        """e(c), ... x 3. A number, which is from 0 to 1, stands between options 0 and 1."""
        below = np.floor(codes)
        start, end = (
            self.options[s].take(1 + whole.astype(np.intp), axis=-2, mode="clip") for whole in (below, np.ceil(codes))
        )
        return start + (codes - below)[..., None] * (end - start)

    def _covariance(self, s: int | slice, inner: Floats, squares: Floats, counted: Floats, distances: Floats) -> Floats:
        """The covariances of m pairs (or S x m).

        Args:
            s: The hypothesis, or all.
            inner: Inner products <z, z'>.
            squares: Squared distances |z - z'|^2.
            counted: Squared distances |h - h'|^2.
            distances: Distances d of the codes.
        """
        amplitudes = (self.linear, self.smooth, self.counting, self.additive, self.joint)
        lengths = (self.length, self.count_length, self.joint_length)
        linear, smooth, counting, additive, joint, length, count_length, joint_length = (
            x[s, ..., None].astype(inner.dtype) for x in (*amplitudes, *lengths)
        )
        by_metrics = linear * inner + smooth * matern52(squares, length)
        by_counts = counting * matern52(counted, count_length)
        return LEVEL + by_metrics + by_counts + additive * (1 - distances) + joint * np.exp(-distances / joint_length)


def _draw(dimensions: int, rng: np.random.Generator) -> Array:
    """SIZE x dimensions numbers in (0, 1) of Sobol's sequence, scrambled."""
    from scipy.stats import qmc

    # scipy swallows an interrupt while it reads its direction numbers, and goes on with empty ones for good.
    with interrupts_held():
        u = qmc.Sobol(dimensions, scramble=True, rng=rng).random(SIZE)
    # In each dimension, each of SIZE equal intervals holds one number: of empty direction numbers, it would not.
    if (np.sort(np.floor(u * SIZE), axis=0) != np.arange(SIZE)[:, None]).any():
        raise InputError("scipy's Sobol sequence is broken, as an interrupt leaves it: start a new process")
    return np.clip(u, 1e-6, 1 - 1e-6)


def _prior(k: int, p: int, both: float) -> Array:
    """The prior probability of each kind.

    Args:
        k: How many metrics tell any architectures apart.
        p: How many decisions there are; may be 0.
        both: The share of the hypotheses of metrics that goes by the encoding, too.
    """
    none = (1 - INFORMS) ** k
    if p == 0:
        return np.array([1 - none, 0, 0, none])
    return np.array([(1 - both) * (1 - none), both * (1 - none), 0.9 * none, 0.1 * none])

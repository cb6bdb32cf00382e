"""What a sampler can know of an architecture before any query: its metrics and its encoding, as numbers.

| name | shape | what |
|---|---|---|
| F | n x K | metrics of the pool, by rank with the top spread out (for a front: both ends); of mean 0, unit spread |
| c | n x P | codes: a column a decision of the space; see `Encoder` |
| h | n x C | counts: how many decisions take each option; see `Encoder.counts` |
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from untrained.samplers.decisions import encode
from untrained.spaces import SearchSpace
from untrained.spaces.decision import Choices

Array = NDArray[np.float64]
Index = NDArray[np.intp]

TAIL = 10
"""One in so many of the architectures that were drawn makes up the tail by which those beyond are placed."""
FURTHEST = 20.0
"""The most F there is: nothing is held to be rarer than one in half a billion."""
TWINS = 5_000
"""Most architectures whose canonical twins are looked up: that takes up to 0.1 ms each."""
FEW = 16
"""A part of an opaque string with more different values than this is read letter by letter."""


class Points(NamedTuple):
    """Architectures as the hypotheses see them: metrics n x K, codes n x P, counts n x C."""

    metrics: Array
    codes: Array
    counts: Array

    def take(self, rows: Index | slice) -> "Points":
        """The points of some rows."""
        return Points(*(x[rows] for x in self))


def spread_top(values: Array, known: Array | None = None) -> Array:
    """F of raw scores: -ln(1 - quantile) - 1, as of an exponential variable.

    Plain ranks tell the best from the thousandth hardly more than any two neighbours, but the search is about the
    best. A metric that is the same for every architecture says nothing and is 0 throughout.

    Args:
        values: n x K scores, higher is better; NaN (failed) counts as the worst.
        known: Their `quantiles`, if they are those of a larger pool.

    Returns:
        n x K numbers.
    """
    return _spread(values, known, lambda quantile: -np.log1p(-quantile) - 1)


def spread_evenly(values: Array, known: Array | None = None) -> Array:
    """F for a front, which is as much about cheap and poor architectures as about dear and good ones.

    It is the mean of a normal and a uniform variable of unit spread: both ends are told apart, and so is the middle.

    Args:
        values: As in `spread_top`.
        known: As there.

    Returns:
        n x K numbers.
    """
    from scipy.special import ndtri

    return _spread(values, known, lambda quantile: (ndtri(quantile) + 12**0.5 * (quantile - 0.5)) / 2)


def _spread(values: Array, known: Array | None, of_quantile: Callable[[Array], Array]) -> Array:
    spread = np.zeros(values.shape)
    for k, raw in enumerate(values.T):
        of_column = quantiles(raw) if known is None else known[:, k]
        if not np.isnan(of_column).any():
            spread[:, k] = of_quantile(of_column)
    return spread


def quantiles(scores: Array) -> Array:
    """The place of each score among all, between 0 and 1; NaN for each if they are all the same.

    Args:
        scores: n numbers, NaN for the worst.
    """
    known = np.where(np.isnan(scores), -np.inf, scores)
    if not known.min() < known.max():
        return np.full(len(scores), np.nan)
    # As scipy's rankdata, in half of its time: each run of equal scores has its mean rank.
    order = np.argsort(known)
    known = known[order]
    starts = np.flatnonzero(np.append(True, known[1:] != known[:-1]))
    ends = np.append(starts[1:], len(known))
    places = np.empty(len(known))
    places[order] = np.repeat((starts + ends) / 2 / len(known), ends - starts)
    return places


def placed_among(values: Array, drawn: Array) -> Array:
    """F of architectures that were not drawn at random, by their place among those that were.

    So the F of an architecture does not depend on how many of its relatives are there. The tail beyond the best drawn
    is a generalised Pareto distribution, fitted to the best drawn by probability-weighted moments (Hosking & Wallis,
    Technometrics 1987) and no shorter than exponential.

    Args:
        values: m x K scores, higher is better; NaN (failed) counts as the worst.
        drawn: n x K scores of the architectures drawn at random.

    Returns:
        m x K numbers: where a score is among those drawn, what `spread_top` gives to it there.

    Example:
        >>> drawn = np.arange(100.0)[:, None]
        >>> placed_among(np.array([[10.0], [99.0], [110.0]]), drawn).round(2).ravel().tolist()
        [-0.89, 4.3, 6.3]
    """
    found = np.zeros(values.shape)
    for k, (raw, of_drawn) in enumerate(zip(values.T, drawn.T, strict=True)):
        known = np.sort(np.where(np.isnan(of_drawn), -np.inf, of_drawn))
        if known[0] == known[-1]:
            continue
        best, score = known[-1], np.where(np.isnan(raw), -np.inf, raw)
        ends = (np.searchsorted(known, np.minimum(score, best), side) for side in ("left", "right"))
        place = sum(ends) / 2  # of equals the middle one
        found[:, k] = -np.log1p(-place / len(known)) - 1
        found[score > best, k] += _beyond(score[score > best], known[np.isfinite(known)])
    return np.minimum(found, FURTHEST)


def _beyond(score: Array, drawn: Array) -> Array:
    """How much rarer scores above all of `drawn`, which is sorted, are than the best of it: a log of probabilities."""
    m = min(max(len(drawn) // TAIL, TAIL), len(drawn) - 1)
    over = drawn[len(drawn) - m :] - drawn[len(drawn) - m - 1]
    mean = over.mean() if m else 0.0
    if mean == 0:  # the best is attained so often that the scores beyond can be anything
        return (score - drawn[-1]) / (drawn.std() or max(abs(drawn[-1]), 1.0))
    weighted = ((1 - (np.arange(1, m + 1) - 0.35) / m) * over).mean()
    shape = 2 - mean / (mean - 2 * weighted)
    if shape <= 1e-6:
        return (score - drawn[-1]) / mean
    scale = 2 * mean * weighted / (mean - 2 * weighted)
    return (np.log1p(shape * (score - drawn[-1] + over[-1]) / scale) - np.log1p(shape * over[-1] / scale)) / shape


class Encoder:
    """Codes of architectures: two of them differ in decision p by min(1, |c_p - c'_p|).

    Choices are numbered, so that any two differ by 1; a number is scaled to [0, 1] over its range, a logarithmic one in
    its logarithm. Of up to `TWINS` architectures the canonical twins are encoded: one network, one code.

    The strings of an opaque space are taken apart: words at the same place are compared, or their letters if `archs`
    have more than `FEW` different words there. What is the same in all of them is left out.

    Args:
        space: the space of the architectures.
        archs: the candidates of a search.
    """

    def __init__(self, space: SearchSpace, archs: Sequence[str]) -> None:
        self.space = space
        self._twins = len(archs) <= TWINS
        self._width: dict[int, int] = {}
        self._places: dict[int, dict[str, int]] = {}
        if space.opaque:
            columns = _columns([_words(arch) for arch in archs])
            self._width = {place: max(map(len, words)) for place, words in columns.items() if len(set(words)) > FEW}
            columns = _columns([self._parts(arch) for arch in archs])
            number = dict[str, int]()  # the same in every place
            self._places = {
                place: {part: number.setdefault(part, len(number)) for part in column}
                for place, column in columns.items()
                if len(set(column)) > 1
            }
            self._first = np.zeros(len(self._places), dtype=np.intp)
            self._options = len(number)
        else:
            decisions, first, self._options = list(space.decisions.values()), list[int](), 0
            dists = [decision.distribution for decision in decisions]
            for p, decision in enumerate(decisions):
                alike = dists.index(dists[p])
                first.append(first[alike] if alike < p else self._options)
                if alike == p:
                    self._options += len(decision.choices) if isinstance(decision, Choices) else 2
            self._first = np.array(first, dtype=np.intp)

    def __call__(self, archs: Sequence[str]) -> Array:
        """Encodes architectures.

        Args:
            archs: m architectures of the space.

        Returns:
            Their codes, m x P.
        """
        if not self.space.opaque:
            return np.array([self._encode(arch) for arch in archs]).reshape(len(archs), len(self.space.decisions))
        parts = [self._parts(arch) for arch in archs]
        columns = [[float(known.get(_at(p, place), -1)) for p in parts] for place, known in self._places.items()]
        return np.array(columns, dtype=np.float64).T.reshape(len(archs), len(columns))

    def counts(self, codes: Array) -> Array:
        """How many of the decisions with the same options take each option, divided by the root of P.

        The operations of a cell are counted over all its edges, for example; of a string, its words over all places.
        A number x from 0 to 1 counts as 1 - x of its lower bound and x of its upper one, an unknown word as nothing.

        Args:
            codes: m x P codes.

        Returns:
            m x C numbers.
        """
        counts, rows = np.zeros((len(codes), self._options)), np.arange(len(codes))
        for column, first in zip(codes.T, self._first, strict=True):
            option = np.floor(column).astype(np.intp)
            part = column - option
            known = option >= 0
            counts[rows[known], first + option[known]] += 1 - part[known]
            between = part > 0
            counts[rows[between], first + option[between] + 1] += part[between]
        return counts / np.sqrt(max(codes.shape[1], 1))

    def _encode(self, arch: str) -> Array:
        arch = self.space.canonical(arch) if self._twins else arch
        return encode(self.space.to_params(arch), self.space.decisions)

    def _parts(self, arch: str) -> list[str]:
        """The words of `arch`, or letters in place of some."""
        parts = list[str]()
        for place, word in enumerate(_words(arch)):
            parts += list(word.ljust(self._width[place])) if place in self._width else [word]
        return parts


def _words(arch: str) -> list[str]:
    return re.findall(r"\w+", arch)


def _at(parts: Sequence[str], place: int) -> str:
    return parts[place] if place < len(parts) else ""


def _columns(rows: Sequence[Sequence[str]]) -> dict[int, list[str]]:
    """Place -> the word at this place in each row, "" if a row is too short."""
    return {place: [_at(row, place) for row in rows] for place in range(max(map(len, rows), default=0))}

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
from scipy.special import ndtri
from scipy.stats import rankdata

from untrained.samplers.decisions import encode
from untrained.spaces import SearchSpace
from untrained.spaces.decision import Choices

Array = NDArray[np.float64]
Index = NDArray[np.intp]

TWINS = 5_000
"""Most architectures whose canonical twins are looked up: that takes up to 0.1 ms each."""
FEW = 16
"""A part of an opaque string with more different values than this is read letter by letter."""


class Points(NamedTuple):
    """Architectures as the hypotheses see them: metrics n x K, codes n x P, counts n x C."""

    metrics: Array
    codes: Array
    counts: Array

    def take(self, rows: Index) -> "Points":
        """The points of some rows."""
        return Points(*(x[rows] for x in self))


def spread_top(values: Array) -> Array:
    """F of raw scores: -ln(1 - quantile) - 1, as of an exponential variable.

    Plain ranks tell the best from the thousandth hardly more than any two neighbours, but the search is about the
    best. A metric that is the same for every architecture says nothing and is 0 throughout.

    Args:
        values: n x K scores, higher is better; NaN (failed) counts as the worst.

    Returns:
        n x K numbers.
    """
    return _spread(values, lambda quantile: -np.log1p(-quantile) - 1)


def spread_evenly(values: Array) -> Array:
    """F for a front, which is as much about cheap and poor architectures as about dear and good ones.

    It is the mean of a normal and a uniform variable of unit spread: both ends are told apart, and so is the middle.

    Args:
        values: As in `spread_top`.

    Returns:
        n x K numbers.
    """
    return _spread(values, lambda quantile: (ndtri(quantile) + 12**0.5 * (quantile - 0.5)) / 2)


def _spread(values: Array, of_quantile: Callable[[Array], Array]) -> Array:
    spread = np.zeros(values.shape)
    for k, raw in enumerate(values.T):
        known = np.where(np.isnan(raw), -np.inf, raw)
        if known.min() < known.max():
            spread[:, k] = of_quantile((rankdata(known) - 0.5) / len(raw))
    return spread


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

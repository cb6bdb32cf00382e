"""The architectures that hypotheses predict, and what is kept of each prediction (see `hypotheses`)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from untrained.samplers.features import Points

Pool = NDArray[np.float32]
"""Arrays as long as the pool are single precision."""


class Candidates:
    """Architectures in the order in which they joined.

    Args:
        points: Those that are there from the beginning.

    Attributes:
        joined: Pairs: once so many queries are known, there are so many candidates.
        levels: The codes that occur.
        level: P x n: the place of each candidate's code among these.
    """

    def __init__(self, points: Points) -> None:
        self.joined = [(0, len(points.metrics))]
        self._take(points)

    def add(self, points: Points, known: int) -> None:
        """Adds architectures.

        Args:
            points: They stand behind the others.
            known: How many queries are known now.
        """
        self._take(Points(*(np.concatenate(pair) for pair in zip(self.points, points, strict=True))))
        self.joined.append((known, len(self.points.metrics)))

    def _take(self, points: Points) -> None:
        self.points = points
        # The distances of codes are computed once for each code that occurs, and looked up for the candidates.
        self.levels, level = np.unique(points.codes, return_inverse=True)
        self.level = np.ascontiguousarray(level.reshape(points.codes.shape).T)
        self._counts = points.counts.astype(np.float32)
        self._norms = np.einsum("nc,nc->n", self._counts, self._counts)

    def count_distances(self, n: int, counts: Pool) -> Pool:
        """|h - h'|^2 of the first n candidates and one query."""
        return np.maximum(self._norms[:n] + counts @ counts - 2 * (self._counts[:n] @ counts), 0)


@dataclass
class View:
    """The candidates under one hypothesis: z and |z|^2, prior mean and variance, and `known` rows of v."""

    z: Pool
    norms: Pool
    mean: Pool
    variance: Pool
    v: Pool
    known: int = 0

    def append(self, other: "View") -> None:
        """Adds the candidates of another view, of which as many rows are known."""
        v = np.empty((len(self.v), len(self.z) + len(other.z)), np.float32)
        v[: self.known] = np.hstack([self.v[: self.known], other.v[: self.known]])
        self.v = v
        for name in ("z", "norms", "mean", "variance"):
            setattr(self, name, np.concatenate([getattr(self, name), getattr(other, name)]))

"""The architectures that hypotheses predict, and what is kept of each prediction (see `hypotheses`)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from untrained.samplers.features import Points

Pool = NDArray[np.float32]
"""Arrays as long as the pool are single precision."""


class Block:
    """Candidates that came at once.

    Those that come later are a block of their own: every array of a block has one width for good, so that its digits do
    not depend on when it was computed.

    Args:
        points: The candidates.

    Attributes:
        levels: The codes that occur.
        level: P x n: the place of each candidate's code among these.
    """

    def __init__(self, points: Points) -> None:
        self.points = points
        # The distances of codes are computed once for each code that occurs, and looked up for the candidates.
        self.levels, level = np.unique(points.codes, return_inverse=True)
        self.level = np.ascontiguousarray(level.reshape(points.codes.shape).T)
        self._counts = points.counts.astype(np.float32)
        self._norms = np.einsum("nc,nc->n", self._counts, self._counts)

    def count_distances(self, counts: Pool) -> Pool:
        """|h - h'|^2 of the candidates and one query, n."""
        return np.maximum(self._norms + counts @ counts - 2 * (self._counts @ counts), 0)


@dataclass
class View:
    """The candidates under one hypothesis: z and |z|^2, prior mean and variance, and `known` rows of v."""

    z: Pool
    norms: Pool
    mean: Pool
    variance: Pool
    v: Pool
    known: int = 0

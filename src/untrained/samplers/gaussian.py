"""Formulas of Gaussian processes."""

import math
import mmap

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Floats = NDArray[np.floating]


def expected_improvement(mean: Floats, std: Floats, best: float) -> Floats:
    """E[max(f - best, 0)] for f ~ N(mean, std^2) (Jones, Schonlau & Welch 1998, eq. 15).

    Args:
        mean: n means.
        std: n standard deviations, above 0.
        best: The best value so far.

    Example:
        >>> expected_improvement(np.array([0.0]), np.array([1.0]), best=0.0).round(4).tolist()
        [0.3989]
    """
    from scipy.special import ndtr

    gap = (mean - mean.dtype.type(best)) / std
    return std * (gap * ndtr(gap) + np.exp(-0.5 * gap * gap) / mean.dtype.type(np.sqrt(2 * np.pi)))


def squared_distances(one: Array, other: Array) -> Array:
    """|a - b|^2 of each row of both."""
    return ((one[:, None] - other) ** 2).sum(2)


def matern52(squares: Floats, length: Floats) -> Floats:
    d = np.sqrt(5 * squares) / length
    return (1 + d + d * d / 3) * np.exp(-d)


def untouched_zeros(*shape: int) -> Array:
    """Zeros of which only those pages take memory that are written to: half of a triangular matrix takes none.

    Those of numpy do not do: it asks for pages so large that each holds a part of the diagonal.
    """
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    return np.frombuffer(mmap.mmap(-1, 8 * math.prod(shape), flags)).reshape(shape)

"""Bringing metrics of different scales to [0, 1] over a pool."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Scaling = Literal["minmax", "rank", "log"]
Column = NDArray[np.float64]


def minmax(column: Column) -> Column:
    """(x - min) / (max - min): the paper's choice. A constant column is left alone."""
    low, high = np.nanmin(column), np.nanmax(column)
    return column.copy() if low == high else (column - low) / (high - low)


def rank(column: Column) -> Column:
    """The rank among the pool, 0 for the lowest and 1 for the highest; equal scores share their mean rank."""
    known = np.flatnonzero(~np.isnan(column))
    order = known[np.argsort(column[known])]
    # As scipy's rankdata, in half of its time: where each run of equal scores starts and ends.
    starts = np.flatnonzero(np.append(True, column[order[1:]] != column[order[:-1]])[: len(order)])
    ends = np.append(starts[1:], len(order))
    ranks = np.full_like(column, np.nan)
    ranks[order] = np.repeat((starts + ends - 1) / 2 / max(len(order) - 1, 1), ends - starts)
    return ranks


def log(column: Column) -> Column:
    """`minmax` of sign(x) ln(1 + |x|/s), s the smallest |x| above 0: for scores that span orders of magnitude."""
    sizes = np.abs(column)
    smallest = np.min(sizes[sizes > 0], initial=np.inf)
    if np.isinf(smallest):
        return column.copy()
    # ln(1 + |x|/s) without forming |x|/s, which can overflow
    return minmax(
        np.sign(column)
        * np.logaddexp(0.0, np.log(np.where(sizes > 0, sizes, smallest)) - np.log(smallest))
        * (sizes > 0)
    )


SCALINGS: dict[str, Callable[[Column], Column]] = {"minmax": minmax, "rank": rank, "log": log}


def scale(values: NDArray[np.float64], scaling: Scaling) -> NDArray[np.float64]:
    """`values` (architectures x metrics, NaN = failed) with each column scaled over the pool.

    A failed score is 0 after scaling, the worst value; so is every entry of a column that failed throughout.
    """
    scaled = np.zeros(values.shape)
    for k, column in enumerate(values.T):
        if not np.isnan(column).all():
            scaled[:, k] = np.nan_to_num(SCALINGS[scaling](column), nan=0.0)
    return scaled

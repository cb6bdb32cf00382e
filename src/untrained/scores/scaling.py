"""Bringing metrics of different scales to [0, 1] over a pool."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Scaling = Literal["minmax", "rank", "log"]
"""How a column of scores is scaled: see `SCALINGS`."""
Column = NDArray[np.float64]


def minmax(column: Column) -> Column:
    """Returns (x - min) / (max - min), the paper's choice; a constant column as it is."""
    low, high = np.nanmin(column), np.nanmax(column)
    return column.copy() if low == high else (column - low) / (high - low)


def rank(column: Column) -> Column:
    """Returns the rank among the pool, 0 for the lowest and 1 for the highest; equal scores share their mean rank."""
    known = np.flatnonzero(~np.isnan(column))
    order = known[np.argsort(column[known])]
    # As scipy's rankdata, in half of its time: each run of equal scores from its start to its end.
    starts = np.flatnonzero(np.append(True, column[order[1:]] != column[order[:-1]])[: len(order)])
    ends = np.append(starts[1:], len(order))
    ranks = np.full_like(column, np.nan)
    ranks[order] = np.repeat((starts + ends - 1) / 2 / max(len(order) - 1, 1), ends - starts)
    return ranks


def log(column: Column) -> Column:
    """Returns `minmax` of sign(x) ln(1 + |x|/s), s the smallest |x| above 0: for scores over orders of magnitude."""
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
"""Name -> scaling: to 0..1, by rank, by the logarithm first."""


def scale(
    values: NDArray[np.float64], scaling: Scaling, unread: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Scales each column over the pool.

    Args:
        values: architectures x metrics, NaN for a missing score.
        scaling: "minmax", "rank" or "log".
        unread: architectures x metrics: which missing scores say nothing of the network.

    Returns:
        Architectures x metrics. An unread score is the column's median, any other missing one 0, the worst; a column
        without any score is 0 throughout.
    """
    scaled = np.full(values.shape, np.nan)
    for k, column in enumerate(values.T):
        if not np.isnan(column).all():
            scaled[:, k] = SCALINGS[scaling](column)
    return np.nan_to_num(scaled if unread is None else placed(scaled, unread), nan=0.0)


def placed(values: NDArray[np.float64], unread: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Gives unread scores a place in the middle of their column, among neither the best nor the worst.

    Args:
        values: architectures x metrics, NaN for a missing score.
        unread: architectures x metrics: which missing scores say nothing of the network.

    Returns:
        A copy of `values`, its unread entries replaced by the median of the known scores of the column.
    """
    found = values.copy()
    for k in np.flatnonzero(unread.any(0)):
        column = values[:, k]
        if not np.isnan(column).all():
            found[unread[:, k], k] = np.nanmedian(column)
    return found

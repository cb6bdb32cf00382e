"""One score out of several: the ranks of a pool under each metric, put together without any evaluation."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
"""n architectures x K metrics, higher is better; NaN counts as the worst. `ScoreTable.merits` is such."""


def ranks(values: Values) -> Values:
    """Ranks the pool under each metric.

    Args:
        values: n x K, higher is better, NaN is the worst.

    Returns:
        n x K ranks, 1 for the worst and n for the best of a column; equal scores share their mean rank.

    Raises:
        ValueError: `values` is empty or not a matrix.
    """
    from scipy.stats import rankdata  # a process that trains imports this module, and has no use for it

    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"the scores have shape {values.shape}: they must be architectures x metrics")
    return rankdata(np.where(np.isnan(values), -np.inf, values), axis=0)


def az_nas_aggregate(values: Values) -> Values:
    """Adds up sum_k ln(rank_k / n) (Lee & Ham, AZ-NAS, CVPR 2024).

    The logarithm punishes an architecture for every metric under which it stands near the bottom. The paper sums over
    `az_expressivity`, `az_progressivity`, `az_trainability` and `flops`; more is better for all four.

    Args:
        values: n x K, higher is better, NaN is the worst.

    Returns:
        n scores of at most 0, higher is better.

    Example:
        >>> import numpy as np
        >>> az_nas_aggregate(np.array([[1.0, 8.0], [2.0, 9.0]])).round(3).tolist()
        [-1.386, 0.0]
    """
    r = ranks(values)
    return np.log(r / len(r)).sum(axis=1)


def rank_average(values: Values) -> Values:
    """Averages rank_k / n over the metrics.

    Args:
        values: n x K, higher is better, NaN is the worst.

    Returns:
        n scores in (0, 1], higher is better.

    Example:
        >>> import numpy as np
        >>> rank_average(np.array([[1.0, 9.0], [2.0, 8.0]])).tolist()
        [0.75, 0.75]
    """
    r = ranks(values)
    return (r / len(r)).mean(axis=1)

"""One score out of several: the ranks of a pool under each metric, put together without any evaluation."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Values = NDArray[np.float64]
"""n architectures x K metrics, higher is better; NaN = failed, which counts as the worst."""


def ranks(values: Values) -> Values:
    """n x K ranks in each column, 1 for the worst and n for the best; equal scores share their mean rank."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"the scores have shape {values.shape}: they must be architectures x metrics")
    return rankdata(np.where(np.isnan(values), -np.inf, values), axis=0)


def az_nas_aggregate(values: Values) -> Values:
    """sum_k ln(rank_k / n): n scores of at most 0, higher is better (Lee & Ham, AZ-NAS, CVPR 2024).

    The logarithm punishes an architecture for every metric under which it stands near the bottom. The paper sums over
    `az_expressivity`, `az_progressivity`, `az_trainability` and `flops`, for all of which more is better.
    """
    r = ranks(values)
    return np.log(r / len(r)).sum(axis=1)


def rank_average(values: Values) -> Values:
    """mean_k rank_k / n: n scores in (0, 1], higher is better."""
    r = ranks(values)
    return (r / len(r)).mean(axis=1)

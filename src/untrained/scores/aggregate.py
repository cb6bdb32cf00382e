"""One score out of several: the ranks of a pool under each metric, put together without any evaluation."""

from collections.abc import Sequence

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
    `az_expressivity`, `az_progressivity`, `az_trainability` and `flops`; more is better for all four. VKDNW's aggregate
    (Tybl & Neumann, CVPR 2025) is the same sum over `vkdnw(part=both)`, `jacov`, `az_expressivity`, `az_trainability`
    and `flops`.

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


def libra(values: Values, objective: Sequence[float], params: Sequence[float], *, bins: int = 10) -> list[int]:
    """Chooses up to three metrics by networks whose objective is known (LIBRA: Casarin et al., L-SWAG, CVPR 2025).

    The first has the highest absolute rank correlation r with the objective. Of those whose r is less than 0.1 below,
    the second tells least about the objective that the first does not (the least H(y | z1) - H(y | z1, z2)), and the
    third, of those that are left, is related to size as the objective is: their rank correlations with `params` differ
    least.

    Args:
        values: n x K scores, NaN is the worst.
        objective: n numbers, higher is better.
        params: n sizes.
        bins: The entropies are of so many groups of equal numbers of networks, by rank; the paper does not say how it
            has them.

    Returns:
        The columns that were chosen, in this order; fewer than three if no others come near the first.

    Raises:
        ValueError: If `values` is empty or not a matrix, there is not one objective and one size for each row, or no
            metric has a rank correlation with the objective.

    Example:
        >>> import numpy as np
        >>> accuracy = [1.0, 2.0, 3.0, 4.0]
        >>> libra(np.array([[1.0, 4.0], [2.0, 1.0], [3.0, 3.0], [4.0, 2.0]]), accuracy, [5.0, 6.0, 7.0, 8.0])
        [0]
    """
    z = ranks(values)
    n = len(z)
    if len(objective) != n or len(params) != n:
        raise ValueError(f"{n} architectures, {len(objective)} objectives and {len(params)} sizes: give one each")
    y, size = ranks(np.stack([objective, params], axis=1)).T
    of_objective = np.abs([_correlation(column, y) for column in z.T])
    if np.isnan(of_objective).all():
        raise ValueError("no metric has a rank correlation with the objective: there is nothing to choose by")
    first = int(np.nanargmax(of_objective))
    near = [k for k in range(z.shape[1]) if k != first and of_objective[k] > of_objective[first] - LIBRA_RANGE]
    chosen = [first]
    if near:
        groups = np.stack([_groups(column, bins) for column in (*z.T, y)], axis=1)
        known = _entropy(groups[:, [-1, first]]) - _entropy(groups[:, [first]])
        gains = [known - (_entropy(groups[:, [-1, first, k]]) - _entropy(groups[:, [first, k]])) for k in near]
        chosen.append(near.pop(int(np.argmin(gains))))
    if near:
        bias = _correlation(y, size)
        chosen.append(min(near, key=lambda k: abs(_correlation(z[:, k], size) - bias)))
    return chosen


LIBRA_RANGE = 0.1


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale else np.nan


def _groups(column: NDArray[np.float64], bins: int) -> NDArray[np.intp]:
    """Which of `bins` groups each rank, from 1 to n, belongs to."""
    return np.ceil(column * bins / len(column)).astype(np.intp)


def _entropy(groups: NDArray[np.intp]) -> float:
    """Returns the joint entropy of the columns, in nats."""
    counts = np.unique(groups, axis=0, return_counts=True)[1]
    p = counts / len(groups)
    return float(-(p * np.log(p)).sum())

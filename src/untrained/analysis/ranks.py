"""Ranks, and how far the top of one ranking agrees with the top of another.

| name | shape | what |
|---|---|---|
| f | n | the objective, higher is better, NaN if it failed |
| M | n | a metric or a weighted sum of metrics, higher is better, NaN if it failed |
| R_f | n | ranks under f, 1 is best |
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Array = NDArray[np.float64]
Index = NDArray[np.intp]


def objective_ranks(f: Array) -> Index:
    """R_f, the ranks under an objective.

    Args:
        f: n values, higher is better, NaN if they failed.

    Returns:
        1 + how many are strictly better: equals share the better rank, failed ones share the last.

    Example:
        >>> objective_ranks(np.array([3.0, np.nan, 5.0, 5.0])).tolist()
        [3, 4, 1, 1]
    """
    return rankdata(-_failed_last(f), method="min").astype(np.intp)


def walk(m: Array) -> Index:
    """The order in which a greedy search takes the rows of a pool.

    Args:
        m: n scores, higher is better, NaN if they failed.

    Returns:
        n rows: down the scores, equals in the order of the pool, failed ones last.

    Example:
        >>> walk(np.array([1.0, np.nan, 3.0])).tolist()
        [2, 0, 1]
    """
    return np.argsort(-_failed_last(m), kind="stable")


def precision_at(t: int, m: Array, f: Array) -> float:
    """Precision @ T, rho_T(M, f) = |{A : R_M(A) <= T and R_f(A) <= T}| / T (He et al., ICLR 2024, eq. 2).

    Args:
        t: T, from 1 to n.
        m: M, n scores, higher is better, NaN if they failed.
        f: n values, likewise.

    Returns:
        The share of the T best among the T architectures that a walk down M takes.

    Raises:
        ValueError: If T is out of range.

    Example:
        >>> precision_at(2, np.array([1.0, 5.0, 4.0]), np.array([9.0, 8.0, 7.0]))
        0.5
    """
    if not 1 <= t <= len(f):
        raise ValueError(f"T = {t}: give 1 to {len(f)}")
    return float((objective_ranks(f)[walk(m)[:t]] <= t).mean())


def expected_best_rank(t: int, hits: int, n: int) -> float:
    """The best rank, on average, of T architectures of which some are among the T best.

    The least of h numbers drawn from 1..T without replacement is (T + 1) / (h + 1) on average. With no hit it is the
    least of T numbers drawn from T + 1..n: T + (n - T + 1) / (T + 1).

    Args:
        t: T.
        hits: h, how many of them are among the T best, in random places.
        n: The size of the pool.

    Returns:
        The average, 1 is best.

    Example:
        >>> expected_best_rank(9, 4, 100)
        2.0
    """
    return (t + 1) / (hits + 1) if hits else t + (n - t + 1) / (t + 1)


def _failed_last(values: Array) -> Array:
    return np.where(np.isnan(values), -np.inf, values)

"""Ranks, and how far the top of one ranking agrees with the top of another.

| name | shape | what |
|---|---|---|
| f | n | the objective, higher is better, NaN where it failed |
| M | n | a metric or a weighted sum of metrics, higher is better, NaN where it failed |
| R_f | n | ranks under f, 1 is best |
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Array = NDArray[np.float64]
Index = NDArray[np.intp]


def objective_ranks(f: Array) -> Index:
    """R_f: 1 + how many are strictly better, so that equals share the better rank; failed ones share the last."""
    return rankdata(-_failed_last(f), method="min").astype(np.intp)


def walk(m: Array) -> Index:
    """The n rows in the order in which a greedy search takes them: down M, failed ones last, equals as they stand."""
    return np.argsort(-_failed_last(m), kind="stable")


def precision_at(t: int, m: Array, f: Array) -> float:
    """Precision @ T, rho_T(M, f) = |{A : R_M(A) <= T and R_f(A) <= T}| / T (He et al., ICLR 2024, eq. 2).

    Of the T architectures that a walk down M takes, the share that is among the T best. Raises `ValueError` for a T
    below 1 or above n.
    """
    if not 1 <= t <= len(f):
        raise ValueError(f"T = {t}: give 1 to {len(f)}")
    return float((objective_ranks(f)[walk(m)[:t]] <= t).mean())


def expected_best_rank(t: int, hits: int, n: int) -> float:
    """The best rank to be expected of T architectures of which `hits` are among the T best, in random places.

    The least of h numbers drawn from 1..T without replacement is (T + 1) / (h + 1) on average. With no hit it is the
    least of T numbers drawn from T + 1..n: T + (n - T + 1) / (T + 1).
    """
    return (t + 1) / (hits + 1) if hits else t + (n - t + 1) / (t + 1)


def _failed_last(values: Array) -> Array:
    return np.where(np.isnan(values), -np.inf, values)

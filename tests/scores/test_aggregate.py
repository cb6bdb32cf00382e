"""Rank aggregation, against values worked out by hand."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

from untrained.scores.aggregate import az_nas_aggregate, libra, rank_average

# Ranks: column 0: 1, 2.5, 2.5, 4; column 1: 1 (failed), 4, 3, 2.
VALUES = np.array([[1.0, np.nan], [2.0, 30.0], [2.0, 20.0], [9.0, -7.0]])


def test_az_nas_aggregate_sums_the_logarithms_of_relative_ranks() -> None:
    expected = [
        math.log(1 / 4) + math.log(1 / 4),
        math.log(2.5 / 4) + math.log(4 / 4),
        math.log(2.5 / 4) + math.log(3 / 4),
        math.log(4 / 4) + math.log(2 / 4),
    ]
    np.testing.assert_allclose(az_nas_aggregate(VALUES), expected, rtol=1e-14)


def test_rank_average_is_the_mean_relative_rank() -> None:
    np.testing.assert_allclose(rank_average(VALUES), [2 / 8, 6.5 / 8, 5.5 / 8, 6 / 8], rtol=1e-14)


def test_a_low_rank_costs_more_under_the_logarithm_than_under_the_mean() -> None:
    # 9 architectures; one is best and worst (ranks 9 and 1), another in the middle twice (5 and 5).
    values = np.array([[9, 1], [5, 5], *([k, 10 - k] for k in (1, 2, 3, 4, 6, 7, 8))], dtype=float)
    assert rank_average(values)[0] == pytest.approx(rank_average(values)[1])
    assert az_nas_aggregate(values)[0] < az_nas_aggregate(values)[1]


@pytest.mark.parametrize("aggregate", [az_nas_aggregate, rank_average])
def test_only_the_order_within_a_metric_counts(aggregate: object) -> None:
    assert callable(aggregate)
    np.testing.assert_array_equal(aggregate(VALUES), aggregate(np.exp(VALUES) - 5))


def test_a_wrong_shape_is_named() -> None:
    with pytest.raises(ValueError, match=r"\(3,\)"):
        rank_average(np.arange(3.0))


def entropy(rows: list[tuple[int, ...]]) -> float:
    return -sum(rows.count(row) / len(rows) * math.log(rows.count(row) / len(rows)) for row in set(rows))


def correlation(a: Any, b: Any) -> float:
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def test_libra_by_loops() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        y = rng.normal(size=40)
        values = y[:, None] + rng.normal(size=(40, 6)) * np.array([0.3, 0.35, 0.4, 0.45, 0.5, 2])
        values[:, 1] *= -1  # a metric that orders the other way round tells as much
        params = y + rng.normal(size=40)
        bins = {k: [int(4 * (column < x).sum() / 40) for x in column] for k, column in enumerate([*values.T, y])}
        rho = [abs(correlation(column, y)) for column in values.T]
        first = rho.index(max(rho))
        others = [k for k in range(6) if k != first and rho[k] > rho[first] - 0.1]

        def told(*known: int, bins: dict[int, list[int]] = bins) -> float:
            """H(y | known)"""
            joint = list(zip(*(bins[k] for k in (6, *known)), strict=True))
            return entropy(joint) - entropy([row[1:] for row in joint])

        second = min(others, key=lambda k, z=first: told(z) - told(z, k))
        others.remove(second)
        bias = correlation(y, params)
        off = {k: abs(correlation(values[:, k], params) - bias) for k in others}
        third = sorted(off, key=lambda k, off=off: off[k])[:1]
        assert libra(values, y.tolist(), params.tolist(), bins=4) == [first, second, *third]


def test_libra_refuses_what_it_cannot_choose_by() -> None:
    with pytest.raises(ValueError, match="3 objectives"):
        libra(VALUES, [1.0, 2.0, 3.0], [1.0] * 4)
    with pytest.raises(ValueError, match="nothing to choose by"):
        libra(VALUES, [1.0] * 4, [1.0] * 4)

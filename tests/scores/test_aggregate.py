"""Rank aggregation, against values worked out by hand."""

import math

import numpy as np
import pytest

from untrained.scores.aggregate import az_nas_aggregate, rank_average

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

"""The mixture of hypotheses, against scikit-learn, scipy and its purpose."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from scipy.stats import multivariate_normal, spearmanr
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern

from untrained.benchmarks import BENCHMARKS
from untrained.objectives import TabularObjective
from untrained.samplers import Mixture, mixture
from untrained.samplers.base import Query
from untrained.samplers.features import Encoder, quantile, spread_top
from untrained.samplers.hypotheses import (
    LEVEL,
    SIZE,
    TEMPER,
    Hypotheses,
    Kind,
    Points,
    expected_improvement,
    favoured,
    scale_values,
)
from untrained.scores import ScoreTable
from untrained.searches import search
from untrained.spaces import ArchitectureList, NASBench201, TransNASMicro
from toy import MLPs

N, K, P = 60, 2, 3
RNG = np.random.default_rng(0)
POOL = Points(spread_top(RNG.normal(size=(N, K))), RNG.integers(0, 3, size=(N, P)).astype(float))
ROWS = np.array([3, 17, 40, 41, 8])
Y = np.array([-1.0, 0.5, 1.5, -0.2, -0.8])


def bank(rows: np.ndarray = ROWS) -> Hypotheses:
    hypotheses = Hypotheses(POOL, seed=4)
    hypotheses.observe(POOL.take(rows))
    return hypotheses


def naive(hypotheses: Hypotheses, s: int) -> tuple[np.ndarray, np.ndarray]:
    """Prior mean N and covariance N x N of the pool's values under hypothesis s, written out."""
    z = POOL.metrics * hypotheses.trust[s]
    d = np.array(
        [[sum(hypotheses.mind[s][p] * (a[p] != b[p]) for p in range(P)) for b in POOL.codes] for a in POOL.codes]
    )
    kernel: Any = ConstantKernel(LEVEL)
    if hypotheses.kind[s] in (Kind.METRICS, Kind.BOTH):
        kernel += ConstantKernel(hypotheses.linear[s]) * DotProduct(1e-12)
        kernel += ConstantKernel(hypotheses.smooth[s]) * Matern(hypotheses.length[s], nu=2.5)
    covariance = kernel(z)
    if hypotheses.kind[s] in (Kind.BOTH, Kind.ENCODING):
        covariance = (
            covariance + hypotheses.additive[s] * (1 - d) + hypotheses.joint[s] * np.exp(-d / hypotheses.reach[s])
        )
    trusted = (quantile(POOL.metrics) * hypotheses.trust[s]).sum(1) / hypotheses.trust[s].sum()
    own = hypotheses.own[s] * np.exp(hypotheses.taper[s] * (2 * trusted - 1))
    return hypotheses.slope[s] * z.sum(1), covariance + np.diag(own)


def one_of_each_kind(hypotheses: Hypotheses) -> list[int]:
    found = [int(np.flatnonzero(hypotheses.kind == kind)[0]) for kind in Kind if kind in hypotheses.kind]
    assert len(found) == len(Kind)
    return found


def test_a_hypothesis_is_the_gaussian_process_it_says() -> None:
    hypotheses = bank()
    hypotheses.weigh(Y)
    for s in one_of_each_kind(hypotheses):
        mean, covariance = naive(hypotheses, s)
        gain = covariance[:, ROWS] @ np.linalg.inv(covariance[np.ix_(ROWS, ROWS)])
        others = np.setdiff1d(np.arange(N), ROWS)
        expected_mean = (mean + gain @ (Y - mean[ROWS]))[others]
        expected_std = np.sqrt(np.diag(covariance - gain @ covariance[ROWS])[others])
        ours = hypotheses.predict(s)
        assert ours[0][others] == pytest.approx(expected_mean, rel=1e-3, abs=1e-3)
        assert ours[1][others] == pytest.approx(expected_std, rel=1e-3)


def test_hypotheses_are_weighed_by_their_tempered_marginal_likelihood() -> None:
    hypotheses = bank()
    likelihoods = []
    for s in range(SIZE):
        mean, covariance = naive(hypotheses, s)
        likelihoods.append(multivariate_normal(mean[ROWS], covariance[np.ix_(ROWS, ROWS)]).pdf(Y) ** TEMPER)
    assert hypotheses.weigh(Y) == pytest.approx(np.array(likelihoods) / sum(likelihoods), rel=1e-6)


def test_a_running_query_counts_with_its_expected_value() -> None:
    """The weights know nothing of it, and a value just as expected would leave the same predictions."""
    hypotheses = bank(ROWS[:3])
    weights = hypotheses.weigh(Y[:3])
    s = one_of_each_kind(hypotheses)[Kind.BOTH]
    mean, covariance = naive(hypotheses, s)
    known = ROWS[:3]
    gain = covariance[:, known] @ np.linalg.inv(covariance[np.ix_(known, known)])
    expected = mean + gain @ (Y[:3] - mean[known])
    hypotheses.observe(POOL.take(ROWS))
    assert hypotheses.weigh(Y[:3]) == pytest.approx(weights, rel=1e-9)
    running = hypotheses.predict(s)
    hypotheses.weigh(np.concatenate([Y[:3], expected[ROWS[3:]]]))
    known_values = hypotheses.predict(s)
    assert running[0] == pytest.approx(known_values[0], abs=1e-4)
    assert running[1] == pytest.approx(known_values[1], abs=1e-6)


def test_what_is_kept_changes_no_digit() -> None:
    kept = bank(np.array([50, 51, 52, 53]))
    kept.weigh(Y[:4])
    for s in (5, 6):
        kept.predict(s)
    kept.observe(POOL.take(np.array([50, 51, 7])))
    kept.weigh(Y[:3])
    kept.predict(6)
    kept.observe(POOL.take(ROWS))
    fresh = bank()
    assert kept.weigh(Y).tolist() == fresh.weigh(Y).tolist()
    for s in (5, 6, 7):
        for ours, theirs in zip(kept.predict(s), fresh.predict(s), strict=True):
            assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize(("k", "share"), [(1, 0.5), (3, 0.125)])
def test_the_fewer_metrics_the_more_hypotheses_ignore_them(k: int, share: float) -> None:
    for p, kinds in ((2, (Kind.ENCODING, Kind.NOTHING)), (0, (Kind.NOTHING,))):
        kind = Hypotheses(Points(np.zeros((4, k)), np.zeros((4, p))), seed=0).kind
        assert np.isin(kind, (Kind.ENCODING, Kind.NOTHING)).mean() == pytest.approx(share, abs=1 / SIZE)
        assert set(kinds) <= set(kind)


def test_expected_improvement_by_sampling() -> None:
    draws = np.random.default_rng(0).normal(0.3, 0.7, 2_000_000)
    sampled = np.maximum(draws - 0.5, 0).mean()
    assert expected_improvement(np.array([0.3]), np.array([0.7]), 0.5)[0] == pytest.approx(sampled, abs=0.002)


def test_values_are_clipped_below_and_standardised() -> None:
    # median 10, best 12: nothing counts as worse than 10 - 4 * 2 = 2
    clipped = np.array([2.0, 10.0, 12.0])
    assert scale_values(np.array([-1000.0, 10.0, 12.0])) == pytest.approx((clipped - 8) / clipped.std())
    assert scale_values(np.array([5.0, 5.0])).tolist() == [0.0, 0.0]
    assert scale_values(np.array([np.nan])).tolist() == [0.0]
    assert scale_values(np.array([1.0, np.nan, 3.0])) == pytest.approx(np.array([-1, -1, 2]) / np.sqrt(2))

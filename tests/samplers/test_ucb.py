"""One step of the optimiser, against scikit-learn's own predictions and finite differences."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from untrained.samplers import ucb


def data(t: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(t)
    x = rng.uniform(-1, 1, (t, d))
    return x, np.round(5 * np.sin(3 * x[:, 0]) + x[:, -1])


@pytest.mark.parametrize(("t", "d"), [(1, 2), (4, 3), (15, 6)])
def test_the_bound_and_its_gradient(t: int, d: int) -> None:
    x, y = data(t, d)
    bound = ucb._Acquisition(x, y, 2.576, np.random.RandomState(3))
    improvement = ucb._Acquisition(x, y, None, np.random.RandomState(3))
    process: Any = GaussianProcessRegressor(Matern(nu=2.5), alpha=1e-6, normalize_y=True, n_restarts_optimizer=5)
    process.random_state = np.random.RandomState(3)
    process.fit(x, y)
    w = np.random.default_rng(0).uniform(-1, 1, (50, d))
    mean, std = process.predict(w, return_std=True)
    spread = y.std() or 1.0
    assert bound(w) == pytest.approx((mean + 2.576 * std - y.mean()) / spread, rel=1e-6, abs=1e-7)
    above = (mean - y.max()) / spread
    expected = above * norm.cdf(above / std * spread) + std / spread * norm.pdf(above / std * spread)
    assert improvement(w) == pytest.approx(expected, rel=1e-5, abs=1e-7)
    for acquisition in (bound, improvement):
        for point in w[:5]:
            value, gradient = acquisition.negative(point)
            assert value == pytest.approx(-acquisition(point[None])[0])
            shifted = [[acquisition.negative(point + s * e)[0] for s in (1, -1)] for e in 1e-6 * np.eye(d)]
            assert gradient == pytest.approx([(up - down) / 2e-6 for up, down in shifted], rel=1e-4, abs=1e-5)


def test_a_step_is_the_one_bayesian_optimization_takes() -> None:
    """Its `acq_max`, written out: 10,000 random points, then 10 L-BFGS-B runs with numeric gradients."""
    x, y = data(8, 3)
    ours = ucb.propose(x, y, -1, 1, 2.576, np.random.RandomState(11))

    stream = np.random.RandomState(11)
    process: Any = GaussianProcessRegressor(
        Matern(nu=2.5), alpha=1e-6, normalize_y=True, n_restarts_optimizer=5, random_state=stream
    ).fit(x, y)

    def acquisition(w: np.ndarray) -> np.ndarray:
        mean, std = process.predict(w, return_std=True)
        return mean + 2.576 * std

    tries = stream.uniform(-1, 1, size=(10_000, 3))
    theirs, highest = tries[acquisition(tries).argmax()], acquisition(tries).max()
    for start in stream.uniform(-1, 1, size=(10, 3)):
        found = minimize(lambda w: -acquisition(w.reshape(1, -1))[0], start, bounds=[(-1, 1)] * 3, method="L-BFGS-B")
        if found.success and -found.fun >= highest:
            theirs, highest = found.x, -found.fun
    assert ours == pytest.approx(theirs, abs=1e-4)
    # Both have drawn equally much: the next step goes on with the same stream.
    counted = np.random.RandomState(11)
    counted.random_sample(ucb.draws(3))
    assert counted.random_sample() == stream.random_sample()

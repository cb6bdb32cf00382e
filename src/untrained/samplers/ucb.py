"""One step of Gaussian-process optimisation in a box, as bayesian-optimization 1.2.0 takes it.

| name | shape | what |
|---|---|---|
| x | t x d | points tried |
| y | t | their values, to be maximised |
| w | d | the point to try next |
"""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import get_lapack_funcs
from scipy.optimize import minimize
from scipy.spatial.distance import pdist, squareform
from scipy.special import ndtr

Array = NDArray[np.float64]

NOISE = 1e-6
RESTARTS = 5
BOUNDS = (np.log(1e-5), np.log(1e5))
"""Least and greatest logarithm of the length scale."""
RANDOM_POINTS = 10_000
DESCENTS = 10
CHUNK = 500
"""Points that are evaluated together, so that their intermediate results stay in the cache."""

_potrf, _potrs, _trtrs = cast(Any, get_lapack_funcs(("potrf", "potrs", "trtrs"), dtype=np.float64))


def draws(d: int) -> int:
    """The number of random numbers that `propose` draws in d dimensions; it depends on nothing else."""
    return RESTARTS + (RANDOM_POINTS + DESCENTS) * d


def propose(x: Array, y: Array, low: float, high: float, kappa: float | None, rng: np.random.RandomState) -> Array:
    """Maximises mu(w) + kappa sigma(w), or the expected improvement, over [low, high]^d.

    mu and sigma are of a Gaussian process: Matern-5/2 with one length scale (maximum likelihood, `RESTARTS` restarts),
    noise `NOISE`, targets standardised. The maximum is the best of `RANDOM_POINTS` uniform points and of `DESCENTS`
    L-BFGS-B runs from uniform starts.

    Args:
        x: Points tried, t x d.
        y: Their values, t numbers.
        low: The lower bound in every dimension.
        high: The upper bound in every dimension.
        kappa: The weight of sigma; None maximises the expected improvement instead.
        rng: The stream to draw from.

    Returns:
        w, d numbers.

    Example:
        >>> x = np.linspace(0, 1, 6)[:, None]
        >>> w = propose(x, -((x[:, 0] - 0.5) ** 2), 0, 1, None, np.random.RandomState(0))
        >>> bool(0.4 < w[0] < 0.6)
        True
    """
    acquisition = _Acquisition(x, y, kappa, rng)
    d = x.shape[1]
    tries = rng.uniform(low, high, (RANDOM_POINTS, d))
    values = acquisition(tries)
    best, best_value = tries[np.argmax(values)], values.max()
    for start in rng.uniform(low, high, (DESCENTS, d)):
        result = minimize(acquisition.negative, start, jac=True, bounds=[(low, high)] * d, method="L-BFGS-B")
        if result.success and -result.fun >= best_value:
            best, best_value = result.x, -result.fun
    return np.clip(best, low, high)


class _Likelihood:
    """Marginal likelihood of the length scale (Rasmussen & Williams 2006, algorithm 2.1 and eq. 5.9).

    The steps are those of scikit-learn's GaussianProcessRegressor, without the checks that it makes at each.
    """

    def __init__(self, x: Array, y: Array) -> None:
        self.x = x
        self.y = y

    def factor(self, theta: float) -> tuple[Array, Array, Array] | None:
        """(chol, alpha, distances in length scales); None if the covariance is not positive definite."""
        distances = cast(Array, pdist(self.x / np.exp(theta)))
        s = np.sqrt(5) * distances
        cov = squareform((1 + s + s**2 / 3) * np.exp(-s))
        np.fill_diagonal(cov, 1 + NOISE)
        chol, failed = _potrf(cov, lower=True, clean=True)
        return None if failed else (chol, _potrs(chol, self.y, lower=True)[0], distances)

    def negative(self, theta: Array) -> tuple[float, Array]:
        """(-log likelihood, -its slope in theta)."""
        factored = self.factor(theta[0])
        if factored is None:
            return np.inf, np.zeros(1)
        chol, alpha, distances = factored
        value = 0.5 * np.einsum("i,i", self.y, alpha) + np.log(np.diag(chol)).sum() + len(alpha) / 2 * np.log(2 * np.pi)
        inverse = _potrs(chol, np.eye(len(alpha)), lower=True)[0]
        squares = squareform(distances**2)
        s = np.sqrt(5 * squares)
        slope = 5 / 3 * squares * (s + 1) * np.exp(-s)  # dcov/dtheta
        return value, -0.5 * np.einsum("ij,ji->", np.multiply.outer(alpha, alpha) - inverse, slope)[None]

    def fit(self, rng: np.random.RandomState) -> float:
        """The likeliest theta: from 0, and from `RESTARTS` uniform starts."""
        starts = (np.zeros(1), *(rng.uniform(*BOUNDS, 1) for _ in range(RESTARTS)))
        runs = [minimize(self.negative, start, jac=True, bounds=[BOUNDS], method="L-BFGS-B") for start in starts]
        return float(min(runs, key=lambda run: run.fun).x[0])


class _Acquisition:
    """mu + kappa sigma in the units of the standardised targets, or the expected improvement; and the gradient."""

    def __init__(self, x: Array, y: Array, kappa: float | None, rng: np.random.RandomState) -> None:
        spread = y.std()
        targets = (y - y.mean()) / (spread if spread > 10 * np.finfo(float).eps else 1.0)
        likelihood = _Likelihood(x, targets)
        theta = likelihood.fit(rng)
        factored = likelihood.factor(theta)
        assert factored is not None
        self.chol, self.alpha, _ = factored
        self.x = x
        self.best = targets.max()
        self.kappa = kappa
        self.scale = float(np.exp(theta))

    def __call__(self, w: Array) -> Array:
        """m x d points -> m values."""
        return np.concatenate([self._values(w[i : i + CHUNK]) for i in range(0, len(w), CHUNK)])

    def _values(self, w: Array) -> Array:
        s = self._distances(w)
        k = (1 + s + s * s / 3) * np.exp(-s)
        v = _trtrs(self.chol, k.T, lower=True)[0]
        mean, sigma = k @ self.alpha, np.sqrt(np.maximum(1 - (v * v).sum(0), 0))
        if self.kappa is not None:
            return mean + self.kappa * sigma
        above = mean - self.best
        z = above / np.maximum(sigma, 1e-12)
        return above * ndtr(z) + sigma * _density(z)

    def negative(self, w: Array) -> tuple[float, Array]:
        """One point -> (-value, -gradient)."""
        s = self._distances(w[None])[0]
        decay = np.exp(-s)
        k = (1 + s + s * s / 3) * decay
        slope = 5 / (3 * self.scale**2) * (1 + s) * decay
        v = _trtrs(self.chol, k, lower=True)[0]
        mean, sigma = k @ self.alpha, np.sqrt(max(1 - v @ v, 1e-12))
        towards = -slope[:, None] * (w - self.x)  # t x d: dk_i/dw
        inverse = _trtrs(self.chol, v, lower=True, trans=1)[0]
        if self.kappa is not None:
            value, by_mean, by_sigma = mean + self.kappa * sigma, 1.0, self.kappa
        else:
            z = (mean - self.best) / sigma
            by_mean, by_sigma = ndtr(z), _density(z)
            value = (mean - self.best) * by_mean + sigma * by_sigma
        gradient = by_mean * (self.alpha @ towards) - by_sigma * (inverse @ towards) / sigma
        return -float(value), -gradient

    def _distances(self, w: Array) -> Array:
        """m x t: s = sqrt(5) r / l; the covariance is (1 + s + s^2/3) e^-s."""
        squares = (w * w).sum(1)[:, None] + (self.x * self.x).sum(1) - 2 * w @ self.x.T
        return np.sqrt(5 * np.maximum(squares, 0)) / self.scale


def _density(z: Array) -> Array:
    return np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)

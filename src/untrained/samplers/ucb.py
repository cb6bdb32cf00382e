"""One step of Gaussian-process upper-confidence-bound optimisation in a box, as bayesian-optimization 1.2.0 takes it.

| name | shape | what |
|---|---|---|
| x | t x d | points tried |
| y | t | their values, to be maximised |
| w | d | the point to try next |
"""

import warnings
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

Array = NDArray[np.float64]

NOISE = 1e-6
RESTARTS = 5
RANDOM_POINTS = 10_000
DESCENTS = 10


def draws(d: int) -> int:
    """How many random numbers `propose` takes in d dimensions, whatever it is given."""
    return RESTARTS + (RANDOM_POINTS + DESCENTS) * d


def propose(x: Array, y: Array, low: float, high: float, kappa: float, rng: np.random.RandomState) -> Array:
    """The maximiser over [low, high]^d of mu(w) + kappa sigma(w).

    Matern-5/2 with one length scale (maximum likelihood, `RESTARTS` restarts), noise `NOISE`, targets standardised;
    the acquisition is maximised over `RANDOM_POINTS` uniform points and `DESCENTS` L-BFGS-B runs from uniform starts.
    """
    bound = _UpperConfidenceBound(x, y, kappa, rng)
    d = x.shape[1]
    tries = rng.uniform(low, high, (RANDOM_POINTS, d))
    values = bound(tries)
    best, best_value = tries[np.argmax(values)], values.max()
    for start in rng.uniform(low, high, (DESCENTS, d)):
        result = minimize(bound.negative, start, jac=True, bounds=[(low, high)] * d, method="L-BFGS-B")
        if result.success and -result.fun >= best_value:
            best, best_value = result.x, -result.fun
    return np.clip(best, low, high)


class _UpperConfidenceBound:
    """mu + kappa sigma in the units of the standardised targets, and its gradient."""

    def __init__(self, x: Array, y: Array, kappa: float, rng: np.random.RandomState) -> None:
        process = GaussianProcessRegressor(
            Matern(nu=2.5), alpha=NOISE, normalize_y=True, n_restarts_optimizer=RESTARTS, random_state=rng
        )
        with warnings.catch_warnings():
            # With few or equal values the likelihood is flat and the length scale runs to its bound, harmlessly.
            warnings.simplefilter("ignore", ConvergenceWarning)
            process.fit(x, y)
        self.x = x
        self.kappa = kappa
        self.scale = float(np.exp(cast(Matern, process.kernel_).theta[0]))
        self.alpha: Array = np.asarray(process.alpha_).reshape(-1)
        self.chol: Array = np.asarray(process.L_)

    def __call__(self, w: Array) -> Array:
        """m x d points -> m values."""
        k, _ = self._kernel(w)
        v = solve_triangular(self.chol, k.T, lower=True, check_finite=False)
        return k @ self.alpha + self.kappa * np.sqrt(np.maximum(1 - (v * v).sum(0), 0))

    def negative(self, w: Array) -> tuple[float, Array]:
        """One point -> (-value, -gradient)."""
        k, slope = self._kernel(w[None])
        v = solve_triangular(self.chol, k[0], lower=True, check_finite=False)
        sigma = np.sqrt(max(1 - v @ v, 1e-12))
        towards = -slope[0][:, None] * (w - self.x)  # t x d: dk_i/dw
        inverse = solve_triangular(self.chol, v, lower=True, trans=1, check_finite=False)
        gradient = self.alpha @ towards - self.kappa * (inverse @ towards) / sigma
        return -float(k[0] @ self.alpha + self.kappa * sigma), -gradient

    def _kernel(self, w: Array) -> tuple[Array, Array]:
        """m x t: k = (1 + s + s^2/3) e^-s with s = sqrt(5) r / l, and q such that dk/dw = -q (w - x)."""
        squares = (w * w).sum(1)[:, None] + (self.x * self.x).sum(1) - 2 * w @ self.x.T
        s = np.sqrt(5 * np.maximum(squares, 0)) / self.scale
        decay = np.exp(-s)
        return (1 + s + s * s / 3) * decay, 5 / (3 * self.scale**2) * (1 + s) * decay

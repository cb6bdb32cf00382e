"""A bank of Gaussian processes, each a hypothesis of how the objective depends on the metrics.

| name | shape | what |
|---|---|---|
| F | 3 x n x K | metrics of the pool under three scalings, each of about unit spread |
| S | | hypotheses in the bank |
| r | S x K | relevance: how far each hypothesis trusts each metric; rows of unit length |
| m | S x K | slope of the prior mean over the metrics |
| t, y | t | queries made, and their standardised values |

Hypothesis s models the objective at z = F[scaling_s] as m_s . z plus a process of covariance
`LEVEL + linear_s <rz, rz'> + smooth_s matern52(|rz - rz'| / length_s)`, observed with variance noise_s. Nothing is
fitted: the observations speak through each hypothesis' marginal likelihood (Rasmussen & Williams 2006, eq. 2.30).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import ndtr, ndtri
from scipy.stats import qmc, rankdata

Array = NDArray[np.float64]
Index = NDArray[np.intp]

SIZE = 128
"""S; a power of two, for Sobol's sequence."""
LEVEL = 3.0
"""Prior variance of the objective's level."""
CLIP = 4.0
"""A value counts as no worse than median - CLIP (best - median): the poor tail must not dominate the model."""


def scale_metrics(values: Array) -> Array:
    """F for n x K raw scores (NaN = failed = worst): by rank, by rank with the top spread out, by robust asinh."""
    n, k = values.shape
    scaled = np.empty((3, n, k))
    for j, raw in enumerate(values.T):
        quantile = (rankdata(np.where(np.isnan(raw), -np.inf, raw)) - 0.5) / n
        scaled[0, :, j] = (quantile - 0.5) * np.sqrt(12)
        scaled[1, :, j] = -np.log1p(-quantile) - 1
        known = ~np.isnan(raw)
        column = np.where(known, raw, raw[known].min()) if known.any() else np.zeros(n)
        z = np.arcsinh(column / (np.median(np.abs(column)) + np.finfo(float).tiny))
        low, middle, high = np.percentile(z, [25, 50, 75])
        spread = (high - low) / 1.349 or z.std() or 1.0
        scaled[2, :, j] = np.clip((z - middle) / spread, -5, 5)
    return scaled


def scale_values(values: Array) -> Array:
    """y for t observed values (NaN = failed = worst seen): the poor tail clipped, then standardised."""
    if np.isnan(values).all():
        return np.zeros_like(values)
    y = np.where(np.isnan(values), np.nanmin(values), values)
    y = np.maximum(y, np.median(y) - CLIP * (y.max() - np.median(y))) if y.max() > np.median(y) else y
    return (y - y.mean()) / (y.std() or 1.0)


@dataclass(frozen=True)
class Posterior:
    """All hypotheses given t observations: `weights` (S, sum 1) and what each needs to predict."""

    weights: Array
    rows: Index
    chol: Array
    white: Array


class Hypotheses:
    """The bank for n x K raw `values`, drawn by a scrambled Sobol sequence of `seed` from a fixed prior.

    upward: K numbers, 1 where a higher score is held to be better beforehand, -1 where a lower one is.
    """

    def __init__(self, values: Array, upward: Array, seed: int) -> None:
        self.metrics = scale_metrics(values * upward)
        k = values.shape[1]
        u = np.clip(qmc.Sobol(k + 5, scramble=True, rng=np.random.default_rng((seed, 0))).random(SIZE), 1e-6, 1 - 1e-6)
        normal = ndtri(u)
        relevance = np.exp(1.2 * normal[:, :k])
        self.relevance = relevance / np.linalg.norm(relevance, axis=1, keepdims=True)
        self.scaling = np.arange(SIZE) % 3
        self.length = np.exp(0.5 + 0.7 * normal[:, k])
        self.linear = np.exp(1 + normal[:, k + 1])
        self.smooth = np.exp(1 + normal[:, k + 2])
        self.noise = np.exp(-3 + normal[:, k + 3])
        slope = 2 * ndtri(0.5 + 0.5 * u[:, k + 4])  # half-normal: metrics point upwards
        self.slope = slope[:, None] * self.relevance / self.relevance.sum(1, keepdims=True)

    def prior_mean(self, s: int) -> Array:
        """n prior means under hypothesis s."""
        return self.metrics[self.scaling[s]] @ self.slope[s]

    def observe(self, rows: Index, y: Array) -> Posterior:
        """The bank given the standardised values `y` of the pool's `rows`."""
        z = self.metrics[:, rows][self.scaling]  # S x t x K
        trusted = z * self.relevance[:, None, :]
        gram = trusted @ trusted.transpose(0, 2, 1)
        norms = np.einsum("stt->st", gram)
        cov = self._covariance(gram, norms[:, :, None] + norms[:, None, :] - 2 * gram, slice(None))
        chol = np.linalg.cholesky(cov + self.noise[:, None, None] * np.eye(len(y)))
        residual = y - np.einsum("stk,sk->st", z, self.slope)
        white = np.linalg.solve(chol, residual[:, :, None])[:, :, 0]
        evidence = -0.5 * (white**2).sum(1) - np.log(np.einsum("stt->st", chol)).sum(1)
        weights = np.exp(evidence - evidence.max())
        return Posterior(weights / weights.sum(), rows, chol, white)

    def predict(self, s: int, posterior: Posterior) -> tuple[Array, Array]:
        """n posterior means and standard deviations of the objective itself under hypothesis s."""
        z = self.metrics[self.scaling[s]]
        trusted = z * self.relevance[s]
        norms = np.einsum("nk,nk->n", trusted, trusted)
        gram = trusted @ trusted[posterior.rows].T
        cov = self._covariance(gram, norms[:, None] + norms[posterior.rows] - 2 * gram, s)
        v = solve_triangular(posterior.chol[s], cov.T, lower=True, check_finite=False)
        variance = LEVEL + self.linear[s] * norms + self.smooth[s] - np.einsum("tn,tn->n", v, v)
        return z @ self.slope[s] + posterior.white[s] @ v, np.sqrt(np.maximum(variance, 1e-9))

    def _covariance(self, gram: Array, squares: Array, s: int | slice) -> Array:
        """From inner products and squared distances of trusted metrics, for one hypothesis or all."""
        linear, smooth, length = (np.asarray(x[s])[..., None, None] for x in (self.linear, self.smooth, self.length))
        d = np.sqrt(5 * np.maximum(squares, 0)) / length
        return LEVEL + linear * gram + smooth * (1 + d + d * d / 3) * np.exp(-d)


def expected_improvement(mean: Array, std: Array, best: float) -> Array:
    """E[max(f - best, 0)] for f ~ N(mean, std^2) (Jones, Schonlau & Welch 1998, eq. 15)."""
    q = (mean - best) / std
    return std * (q * ndtr(q) + np.exp(-0.5 * q * q) / np.sqrt(2 * np.pi))

"""What tells most of an objective: the metrics, where each operation stands, or how many of each there are?

    python experiments/samplers/what_tells.py tables

A line a task and model, on as many random architectures as the task has queries, ten times: the log marginal likelihood
of their values (nats) and the Spearman correlation of the prediction for all other architectures with their values.
The models are Gaussian processes whose covariances are sums of "metrics" (linear and Matern-5/2), "places" (decision by
decision, and an exponential of the Hamming distance) and "counts" (Matern-5/2 of how often each option is taken); the
amplitudes and the noise are fitted by marginal likelihood with a weak prior (Rasmussen & Williams, "Gaussian Processes
for Machine Learning", 2006, ch. 5).
"""

import argparse
from pathlib import Path

import numpy as np
from robust_sampler import designed_on
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from untrained.samplers.features import Encoder, spread_top
from untrained.samplers.hypotheses import scale_values

MODELS = (("metrics",), ("places",), ("places", "counts"), ("metrics", "counts"), ("metrics", "places"))
POOL, DRAWS = 4_096, 10
SPREAD = 0.3
"""Of the Hamming distance, as a part of the decisions."""


def matern52(a: np.ndarray, b: np.ndarray, length: float) -> np.ndarray:
    d = np.sqrt(5) * cdist(a, b) / length
    return (1 + d + d * d / 3) * np.exp(-d)


def mixed(parts: list[np.ndarray], amplitudes: np.ndarray) -> np.ndarray:
    return 3 + np.einsum("k,k...->...", amplitudes[: len(parts)], np.array(parts))


def fit(parts: list[np.ndarray], y: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Log marginal likelihood of y; the amplitudes of the parts, and of the noise, that make it largest; C^-1 y."""

    def factor(logs: np.ndarray) -> tuple[np.ndarray, bool]:
        amplitudes = np.exp(logs)
        return cho_factor(mixed(parts, amplitudes) + (amplitudes[-1] + 1e-3) * np.eye(len(y)), lower=True)

    def likelihood(logs: np.ndarray) -> float:
        root = factor(logs)
        return float(-np.log(2 * np.pi) * len(y) / 2 - np.log(np.diag(root[0])).sum() - y @ cho_solve(root, y) / 2)

    start = np.r_[np.zeros(len(parts)), -2]
    best = minimize(lambda x: 0.05 * x @ x - likelihood(x), start, method="L-BFGS-B", bounds=[(-8, 6)] * len(start)).x
    return likelihood(best), np.exp(best), cho_solve(factor(best), y)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    rng = np.random.default_rng(0)
    print(f"{'task':<44} {'T':>3} {'model':<18} {'log likelihood':>14} {'Spearman':>8}")
    for task in designed_on(parser.parse_args().data):
        pool = np.sort(rng.choice(len(task.scores), min(POOL, len(task.scores)), replace=False))
        archs = [task.scores.archs[row] for row in pool]
        encode = Encoder(task.space, archs)
        codes, metrics, y = encode(archs), spread_top(task.scores.values[pool]), scale_values(task.values[pool])
        counts = encode.counts(codes)
        draws = [rng.choice(len(pool), task.budget, replace=False) for _ in range(DRAWS)]
        for model in MODELS:
            found = list[tuple[float, float]]()
            for drawn in draws:
                apart = cdist(codes, codes[drawn], "hamming")
                kinds = {
                    "metrics": [0.5 * metrics @ metrics[drawn].T, matern52(metrics, metrics[drawn], 1.5)],
                    "places": [1 - apart, np.exp(-apart / SPREAD)],
                    "counts": [matern52(counts, counts[drawn], 1.5)],
                }
                parts = [part for kind in model for part in kinds[kind]]
                values = (y[drawn] - y[drawn].mean()) / y[drawn].std()
                likelihood, amplitudes, inverse = fit([part[drawn] for part in parts], values)
                others = np.setdiff1d(np.arange(len(pool)), drawn)
                predicted = (mixed(parts, amplitudes) @ inverse)[others]
                found.append((likelihood, float(np.corrcoef(rankdata(predicted), rankdata(y[others]))[0, 1])))
            nats, spearman = np.mean(np.array(found), axis=0)
            name = f"{task.name:<44} {task.budget:>3} {' + '.join(model):<18}"
            print(f"{name} {nats:>14.1f} {spearman:>8.3f}", flush=True)


if __name__ == "__main__":
    main()

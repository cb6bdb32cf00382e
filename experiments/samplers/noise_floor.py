"""How well the best of TransNAS-Bench-101 could be found by one who knew all the others.

    python experiments/samplers/noise_floor.py tables

A line a task. "twins": the standard deviation of the objective between architectures that are the same network (the
same canonical twin), in units of the objective's spread; "lead": how far the best is ahead of the tenth, in the same
units. Where twins differ by more than the lead, it was chance that put the best first. "oracle": a Gaussian process
that knows the values of all other architectures predicts each one's (Rasmussen & Williams, "Gaussian Processes for
Machine Learning", 2006, eq. 5.12): the places of the three best by that prediction, and the best rank among the 100
architectures that it holds to be the best. Of twelve covariances (of encoding, counts and metrics, with three noises),
the likeliest.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from robust_sampler import Task, transnas101
from scipy.stats import rankdata
from what_tells import matern52

from untrained.benchmarks import BENCHMARKS
from untrained.samplers.features import Encoder, spread_top
from untrained.samplers.hypotheses import scale_values

BUDGET = 100


def twin_deviation(task: Task, y: np.ndarray) -> float:
    """Pooled standard deviation of y among architectures with one canonical twin; NaN where there are none."""
    twins = defaultdict[str, list[float]](list)
    for arch, value in zip(task.scores.archs, y, strict=True):
        twins[task.space.canonical(arch)].append(value)
    groups = [np.array(values) for values in twins.values() if len(values) > 1]
    if not groups:
        return float("nan")
    return float(np.sqrt(sum(((g - g.mean()) ** 2).sum() for g in groups) / sum(len(g) - 1 for g in groups)))


def predictions(task: Task, y: np.ndarray) -> np.ndarray:
    """n: what is expected of each architecture's y, given all the others'."""
    encode = Encoder(task.space, task.scores.archs)
    codes = encode(task.scores.archs)
    counts = encode.counts(codes)
    metrics = spread_top(task.scores.values)
    apart = (codes[:, None] != codes).mean(2)
    by_encoding = 3 + (1 - apart) + 2 * np.exp(-apart / 0.3)
    by_counts = 4 * matern52(counts, counts, 1.5)
    by_metrics = 0.5 * metrics @ metrics.T + matern52(metrics, metrics, 1.5)
    found = []
    for covariance in (
        by_encoding,
        by_encoding + by_counts,
        by_encoding + by_metrics,
        by_encoding + by_counts + by_metrics,
    ):
        for own in (0.02, 0.1, 0.3):
            inverse = np.linalg.inv(covariance + own * np.eye(len(y)))
            variance = 1 / np.diag(inverse)
            error = variance * (inverse @ y)
            found.append((float((np.log(variance) + error**2 / variance).sum()), y - error))
    return min(found, key=lambda pair: pair[0])[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    print(f"{'task':<36} {'twins':>6} {'lead':>6}  {'oracle: three best':<18} best of {BUDGET}")
    for benchmark in BENCHMARKS.values():
        if not benchmark.name.startswith("transnas101") or not (data / benchmark.table).is_file():
            continue
        task = transnas101(data, benchmark, None)
        y, ranks = scale_values(task.values), rankdata(-task.values, method="min")
        predicted = predictions(task, y)
        best = np.sort(y)[::-1]
        order = np.argsort(-predicted, kind="stable")
        three = np.argsort(order)[np.argsort(ranks, kind="stable")[:3]] + 1
        print(f"{task.name:<36} {twin_deviation(task, y):>6.3f} {best[0] - best[9]:>6.3f}  "
              f"{' / '.join(map(str, three)):<18} {int(ranks[order[:BUDGET]].min())}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

"""What each metric was worth on other spaces: a start that knows, learnt with the space in question left out.

    python experiments/samplers/learnt_trust.py tables

Prints the mean Spearman correlation of each metric with the objective on each space (over its tasks). In brackets what
the other spaces make of it: the probability that the metric informs, (1 + spaces where the correlation is at least .3)
/ (2 + spaces that have it), and the mean correlation there.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from halves import subset
from robust_sampler import column, nasbench201
from scipy.stats import rankdata

from untrained import ScoreTable
from untrained.benchmarks import BENCHMARKS
from untrained.data.tables import open_table

TASKS = ("class_scene", "class_object", "jigsaw", "room_layout", "segmentsemantic", "normal", "autoencoder")
INFORMATIVE = 0.3
"""A metric informs on a space if its mean correlation there is no less."""
LEAST = 0.05
"""The least correlation that is told from none."""
ALSO_CALLED = {"macs": "flops", "number_of_parameters": "params"}


@dataclass(frozen=True)
class Known:
    """What is known of a metric: `informs` is a probability, `correlation` a mean over spaces."""

    informs: float
    correlation: float


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def correlations(scores: ScoreTable, values: np.ndarray) -> dict[str, float]:
    """Metric -> Spearman correlation of its score, where it has one, with the objective."""
    found = {}
    for name, numbers in zip(scores.metrics, scores.upward.T, strict=True):
        there = np.isfinite(numbers) & np.isfinite(values)
        if there.sum() >= 100 and np.ptp(numbers[there]) > 0:
            found[ALSO_CALLED.get(name, name)] = spearman(numbers[there], values[there])
    return found


def by_space(data: Path) -> dict[str, dict[str, float]]:
    """Space -> metric -> mean correlation over its tasks."""
    tasks = dict[str, list[dict[str, float]]]()
    for kind in ("micro", "macro"):
        for task in TASKS:
            benchmark = next(b for b in BENCHMARKS.values() if (b.name, b.task) == (f"transnas101-{kind}", task))
            found = dict[str, float]()
            for scores in (subset(data / benchmark.table), benchmark.load_scores(data)):
                found |= correlations(scores, column(data / benchmark.table, benchmark.objective, scores.archs))
            tasks.setdefault(kind, []).append(found)
    for images in ("cifar10", "ImageNet16-120"):
        scores = nasbench201(data, images)
        values = column(data / "nasbench201_accuracy.parquet", f"{images}_val_12", scores.archs)
        tasks.setdefault("nasbench201", []).append(correlations(scores, values))
    for name in ("nasbench101", "nasbench301", "accelnas", "hwgpt-small"):
        benchmark = next(b for b in BENCHMARKS.values() if b.name == name)
        file = data / benchmark.table
        names = list(benchmark.metrics)
        if name.startswith("nasbench"):
            names = [n for n in open_table(file).numeric if n not in ("idx", benchmark.objective)]
        scores = benchmark.load_scores(data, names)
        sign = -1 if benchmark.direction == "minimize" else 1
        values = sign * column(file, benchmark.objective, scores.archs)
        tasks.setdefault(name, []).append(correlations(scores, values))
    means = dict[str, dict[str, float]]()
    for space, found in tasks.items():
        metrics = dict.fromkeys(m for of in found for m in of)
        means[space] = {m: float(np.mean([of[m] for of in found if m in of])) for m in metrics}
    return means


def without(space: str, means: dict[str, dict[str, float]], metrics: tuple[str, ...]) -> list[Known]:
    """What all spaces but one say of some metrics; nothing known: 1/2, and the mean correlation of all metrics."""
    of_all = [c for other, found in means.items() if other != space for c in found.values()]
    known = list[Known]()
    for name in metrics:
        name = ALSO_CALLED.get(name, name)
        found = [of[name] for other, of in means.items() if other != space and name in of]
        informs = (1 + sum(c >= INFORMATIVE for c in found)) / (2 + len(found))
        known.append(Known(informs, float(np.mean(found or of_all))))
    return known


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    means = by_space(parser.parse_args().data)
    print("| metric | " + " | ".join(means) + " |\n|" + "---|" * (len(means) + 1))
    for name in dict.fromkeys(m for found in means.values() for m in found):
        cells = list[str]()
        for space, found in means.items():
            known = without(space, means, (name,))[0]
            cells.append(f"{found[name]:.2f} ({known.informs:.2f}, {known.correlation:.2f})" if name in found else "")
        print(f"| {name} | " + " | ".join(cells) + " |")
    pairs = [(of[m], without(space, means, (m,))[0]) for space, of in means.items() for m in of]
    found, expected = np.array([c for c, _ in pairs]), np.array([known.correlation for _, known in pairs])
    informs = np.array([known.informs for _, known in pairs])
    missed = float(np.mean((informs - (found >= INFORMATIVE)) ** 2))
    print(
        f"\n{len(pairs)} pairs of a metric and a space: Spearman correlation of what the other spaces say with what is"
    )
    print(f"found {spearman(expected, found):.2f}; mean square error of the probability {missed:.2f}, of 1/2 0.25")


if __name__ == "__main__":
    main()

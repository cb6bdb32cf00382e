"""Two halves of tasks on which a change of the mixture is judged: what is chosen on one must hold on the other.

The first half: the micro space of TransNAS-Bench-101, NAS-Bench-201 on CIFAR-10, the sample of NAS-Bench-101, GLUE and
one of its tasks. The second: the macro space, NAS-Bench-201 on ImageNet16-120 and under attack, the sample of DARTS
cells, two other tasks of GLUE. Each has tasks with few metrics and with many, with metrics upside down and of noise.

Tables are those that `untrained data` lists; the two samples come from files as their authors publish them:

    untrained data import zc_nasbench101.json --task cifar10 --out tables/nasbench101.parquet
    untrained data import nasbench301_metrics_subset.parquet --space darts --out tables/nasbench301.parquet \\
        --columns val_accuracy,grad_norm,snip,grasp,fisher,jacov,l2_norm,plain,nwot,epe_nas
"""

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from robust_sampler import SIX, Task, column, nasbench201
from scipy.special import gammaln

from untrained import NASBench201, ScoreTable
from untrained.benchmarks import BENCHMARKS
from untrained.data.tables import open_table
from untrained.spaces import ArchitectureList, SearchSpace

POOL = 2_000
"""Cells of NAS-Bench-201 in a task."""
SMALL = 192
"""Architectures of a task with a small pool and many metrics."""
KINDS = {"first": "micro", "second": "macro"}
WHOLE = ("class_scene", "jigsaw", "room_layout", "autoencoder")
"""Tasks of TransNAS-Bench-101 that are searched in the whole space, by the few metrics that it has there."""
SAMPLED = ("class_object", "room_layout", "autoencoder")
"""Those that are searched in a sample, by the ten metrics that it has."""
GLUE = {"first": ("glue", "cola"), "second": ("rte", "sts")}
CELLS = {
    "first": (("cifar10", "nasbench201_accuracy.parquet", "cifar10_val_12"),),
    "second": (
        ("ImageNet16-120", "nasbench201_accuracy.parquet", "ImageNet16-120_val_12"),
        ("cifar10", "nasbench201_robustness.parquet", "pgd_eps2.0"),
    ),
}
SAMPLES = {"first": "nasbench101", "second": "nasbench301"}
SUBSET = "metric_subset_"


def tasks(data: Path, half: str, budget: int) -> Iterator[Task]:
    """The tasks of a half; `half` is "first" or "second"."""
    for make in (_transnas, _cells, _others):
        yield from make(data, half, budget)


def _task(half: str, name: str, space: SearchSpace, scores: ScoreTable, values: np.ndarray, budget: int) -> Task:
    return Task(f"{half}: {name}, {len(scores.metrics)}", space, scores, values, budget, 40)


def _transnas(data: Path, half: str, budget: int) -> Iterator[Task]:
    """The whole space with the metrics of the whole space, and samples with all metrics that a sample has."""
    kind = KINDS[half]
    for task in dict.fromkeys((*WHOLE, *SAMPLED)):
        benchmark = next(b for b in BENCHMARKS.values() if (b.name, b.task) == (f"transnas101-{kind}", task))
        space = remembering(benchmark.space)
        scores = benchmark.load_scores(data)
        if scores.metrics == ("zen",):
            scores = benchmark.load_scores(data, ["zen", "params", "flops"])
        values = column(data / benchmark.table, benchmark.objective, scores.archs)
        if task in WHOLE:
            yield _task(half, f"{kind} {task}", space, scores, values, budget)
        if task in SAMPLED:
            sample = subset(data / benchmark.table)
            rows = np.sort(np.random.default_rng(0).choice(len(sample), SMALL, replace=False))
            sample = sample.select([sample.archs[row] for row in rows])
            values = column(data / benchmark.table, benchmark.objective, sample.archs)
            yield _task(half, f"{kind} {task}, sample of {SMALL}", space, sample, values, budget)


def _cells(data: Path, half: str, budget: int) -> Iterator[Task]:
    """NAS-Bench-201: metrics as they are, few of them, upside down, and of noise."""
    space = remembering(NASBench201())
    for place, (images, file, name) in enumerate(CELLS[half]):
        scores, rng = nasbench201(data, images), np.random.default_rng((half == "second", place))
        rows = np.sort(rng.choice(len(scores), POOL, replace=False))
        scores = scores.select([scores.archs[row] for row in rows])
        values, noise = column(data / file, name, scores.archs), rng.normal(size=scores.values.shape)
        few = [rng.choice(scores.metrics, k, False) for k in (1, 2, 3)]
        for metrics in (SIX, scores.metrics, *(few if place == 0 else ())):
            table = scores.select(metrics=list(metrics))
            called = "" if len(metrics) > 3 else f", {' + '.join(metrics)}"
            yield _task(half, f"{name}{called}", space, table, values, budget)
        if place == 0:
            for made, numbers in (("upside down", -scores.values), ("noise", noise)):
                given = ScoreTable(scores.archs, scores.metrics, numbers)
                yield _task(half, f"{name}, {made}", space, given, values, budget)


def _others(data: Path, half: str, budget: int) -> Iterator[Task]:
    """Transformers without a space; samples with all metrics and with three."""
    for task in GLUE[half]:
        benchmark = next(b for b in BENCHMARKS.values() if (b.name, b.task) == ("flexibert", task))
        scores = benchmark.load_scores(data)
        values = column(data / benchmark.table, benchmark.objective, scores.archs)
        yield _task(half, f"flexibert {task}", ArchitectureList(list(scores.archs)), scores, values, budget)
    benchmark = next(b for b in BENCHMARKS.values() if b.name == SAMPLES[half])
    scores = benchmark.load_scores(data)
    file = data / benchmark.table
    names = [n for n in open_table(file).numeric if n not in ("idx", benchmark.objective)]
    space = ArchitectureList(list(scores.archs)) if benchmark.space is None else remembering(benchmark.space)
    values = column(file, benchmark.objective, scores.archs)
    rng = np.random.default_rng(0)
    for metrics in (names, list(rng.choice(names, 3, False))):
        yield _task(half, benchmark.name, space, benchmark.load_scores(data, metrics), values, budget)


def subset(path: Path) -> ScoreTable:
    """The metrics that a table of TransNAS-Bench-101 has for a sample, of that sample."""
    table = open_table(path)
    names = [name for name in table.numeric if name.startswith(SUBSET)]
    read = table.read(names, [])
    columns = {name.removeprefix(SUBSET): read[name].to_numpy() for name in names}
    columns = {name: numbers for name, numbers in columns.items() if np.isfinite(numbers).sum() > len(numbers) / 10}
    values = np.column_stack(list(columns.values()))
    there = np.asarray(np.isfinite(values).any(axis=1))
    archs = read["arch"].to_pylist()
    return ScoreTable(
        tuple(a for a, is_in in zip(archs, there.tolist(), strict=True) if is_in), tuple(columns), values[there]
    )


def remembering(space: SearchSpace | None) -> SearchSpace:
    """The space, which looks up each architecture's twin and decisions once for all searches."""
    assert space is not None
    vars(space)["canonical"] = functools.cache(space.canonical)
    vars(space)["to_params"] = functools.cache(space.to_params)
    return space


def chance(task: Task) -> tuple[float, float, float, float]:
    """What random search has: mean and standard deviation of the rank, and of its logarithm, exactly."""
    values = np.sort(np.nan_to_num(task.values, nan=-np.inf))[::-1]
    n, t = len(values), task.budget
    ranks = 1 + np.searchsorted(-values, -values)
    left = np.arange(n - 1, t - 2, -1)  # how many are worse than the best query, if that is the i-th
    logs = gammaln(left + 1) - gammaln(t) - gammaln(left - t + 2)
    p = np.exp(logs - (gammaln(n + 1) - gammaln(t + 1) - gammaln(n - t + 1)))
    found = list[float]()
    for of in (ranks[: len(p)].astype(float), np.log(ranks[: len(p)])):
        mean = float(p @ of)
        found += [mean, float(np.sqrt(p @ (of - mean) ** 2))]
    return found[0], found[1], found[2], found[3]

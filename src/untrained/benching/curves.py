"""Curves for a figure: the best architecture so far against the number of queries."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from untrained.benching.result import ORDER, BenchResult, Ran, key_of
from untrained.benching.summary import SINGLE

Array = NDArray[np.float64]

ERROR = "test error, %"
"""What the ordinate of a figure of test figures is called."""
RANK = "objective rank"
"""What the ordinate of a figure of ranks is called."""


@dataclass(frozen=True, eq=False)
class Curve:
    """The curve of a sampler on a benchmark, of T points.

    Args:
        sampler: The sampler.
        queries: T numbers of queries, rising.
        mean: T means over the seeds.
        error: T standard errors of these means.
    """

    sampler: str
    queries: Array
    mean: Array
    error: Array


@dataclass(frozen=True, eq=False)
class Panel:
    """The curves of a benchmark.

    Args:
        title: The task.
        subtitle: The benchmark and its objective.
        figure: What is drawn of the best architecture so far: `ERROR` or `RANK`.
        curves: One for each sampler.
    """

    title: str
    subtitle: str
    figure: str
    curves: tuple[Curve, ...]


def panels(result: BenchResult) -> list[Panel]:
    """Computes the curves of a bench.

    Single metrics are left out, since they do not learn. A curve begins at the first query after which every seed has
    a value.

    Args:
        result: The bench.

    Returns:
        One panel for each benchmark, in the order of `result.ran`.

    Example:
        >>> from pathlib import Path
        >>> from untrained import Benchmark
        >>> _ = Path("mine.csv").write_text("arch,acc,snip\\na,91,1\\nb,93,3\\nc,92,2\\n")
        >>> mine = Benchmark("mine", "flowers", "acc", "mine.csv", "mine.csv", metrics=("snip",))
        >>> from untrained import bench
        >>> panel = panels(bench([mine], ["robot"], seeds=range(2), budget=3, data_dir="."))[0]
        >>> panel.figure, panel.curves[0].mean[-1].item()
        ('objective rank', 1.0)
    """
    by_column = {name: curves(result, name) for name in ("test", "rank")}
    drawn = []
    for ran in result.ran:
        by_test = in_percent(ran)
        own = by_column["test" if by_test else "rank"][ran.benchmark.key]
        subtitle = f"{ran.benchmark.name}, objective {ran.benchmark.objective}"
        shown = tuple(replace(c, mean=100.0 - c.mean) if by_test else c for c in own)
        drawn.append(Panel(ran.benchmark.task, subtitle, ERROR if by_test else RANK, shown))
    return drawn


def curves(result: BenchResult, column: str) -> dict[str, tuple[Curve, ...]]:
    """Computes the mean of a figure of the best architecture so far, over the seeds.

    Single metrics are left out, since they do not learn. A curve begins at the first query after which every seed has
    a value.

    Args:
        result: The bench.
        column: `rank`, `regret` or `test`.

    Returns:
        Key of a benchmark -> one curve for each sampler that has a point.

    Example:
        >>> from pathlib import Path
        >>> from untrained import Benchmark
        >>> _ = Path("mine.csv").write_text("arch,acc,snip\\na,91,1\\nb,93,3\\nc,92,2\\n")
        >>> mine = Benchmark("mine", "flowers", "acc", "mine.csv", "mine.csv", metrics=("snip",))
        >>> from untrained import bench
        >>> (curve,) = curves(bench([mine], ["robot"], range(2), budget=3, data_dir="."), "regret")[mine.key]
        >>> curve.sampler, curve.mean[-1].item()
        ('robot', 0.0)
    """
    columns = {name: result.table[name].to_pylist() for name in (*ORDER[:5], column)}
    found: dict[str, dict[str, dict[int, list[float]]]] = {ran.benchmark.key: {} for ran in result.ran}
    for i, value in enumerate(columns[column]):
        sampler = columns["sampler"][i]
        if not sampler.startswith(SINGLE):
            runs = found[key_of(columns, i)].setdefault(sampler, {})
            runs.setdefault(columns["seed"][i], []).append(np.nan if value is None else float(value))
    made = {key: [_curve(sampler, runs) for sampler, runs in by.items()] for key, by in found.items()}
    return {key: tuple(curve for curve in own if curve.queries.size) for key, own in made.items()}


def in_percent(ran: Ran) -> bool:
    """Whether what is published of a benchmark is a test figure, which is an accuracy in percent."""
    return ran.benchmark.test is not None and ran.benchmark.reported == "test"


def _curve(sampler: str, runs: dict[int, list[float]]) -> Curve:
    values = np.array(list(runs.values()))
    known = ~np.isnan(values).any(0)
    values, queries = values[:, known], np.flatnonzero(known).astype(np.float64) + 1
    spread = values.std(0, ddof=1) if len(values) > 1 else np.zeros(len(queries))
    return Curve(sampler, queries, values.mean(0), spread / np.sqrt(len(values)))

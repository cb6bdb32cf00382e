"""Curves for a figure: the best architecture so far against the number of queries."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from untrained.benching.result import BenchResult, key_of
from untrained.benching.summary import SINGLE

Array = NDArray[np.float64]

ERROR = "test error, %"
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
    columns = result.table.to_pydict()
    found: dict[str, dict[str, dict[int, list[float]]]] = {}
    by_test = {ran.benchmark.key: _in_percent(ran.benchmark.test, ran.benchmark.reported) for ran in result.ran}
    for i in range(result.table.num_rows):
        key = key_of(columns, i)
        value = columns["test" if by_test[key] else "rank"][i]
        runs = found.setdefault(key, {}).setdefault(columns["sampler"][i], {})
        figure = np.nan if value is None else 100.0 - value if by_test[key] else float(value)
        runs.setdefault(columns["seed"][i], []).append(figure)
    drawn = []
    for ran in result.ran:
        key = ran.benchmark.key
        curves = [_curve(sampler, runs) for sampler, runs in found[key].items() if not sampler.startswith(SINGLE)]
        figure = ERROR if by_test[key] else RANK
        subtitle = f"{ran.benchmark.name}, objective {ran.benchmark.objective}"
        drawn.append(Panel(ran.benchmark.task, subtitle, figure, tuple(c for c in curves if c.queries.size)))
    return drawn


def _in_percent(test: str | None, reported: str) -> bool:
    return test is not None and reported == "test"


def _curve(sampler: str, runs: dict[int, list[float]]) -> Curve:
    values = np.array(list(runs.values()))
    known = ~np.isnan(values).any(0)
    values, queries = values[:, known], np.flatnonzero(known).astype(np.float64) + 1
    spread = values.std(0, ddof=1) if len(values) > 1 else np.zeros(len(queries))
    return Curve(sampler, queries, values.mean(0), spread / np.sqrt(len(values)))

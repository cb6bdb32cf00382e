"""Sums a bench up: figures of the pick over seeds, the published ones, and tests of the differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from untrained.benching.result import BenchResult, key_of
from untrained.benchmarks import Benchmark, Published
from untrained.errors import InputError
from untrained.samplers import SAMPLERS

Array = NDArray[np.float64]

SINGLE = "single:"
AVERAGE, BEST = "single metric, average", "single metric, best"


@dataclass(frozen=True)
class Spread:
    """A figure over several seeds.

    Args:
        mean: Its mean.
        std: Its standard deviation, that of the population as papers print it.
        median: Its median.
        worst: Its worst value.

    Example:
        >>> Spread.of(np.array([1.0, 3.0, np.nan]))
        Spread(mean=2.0, std=1.0, median=2.0, worst=3.0)
    """

    mean: float
    std: float
    median: float
    worst: float

    @classmethod
    def of(cls, figures: Array, worst_is_least: bool = False) -> "Spread | None":
        """Computes the spread of n figures.

        Args:
            figures: n numbers; NaN, for a search that found nothing, is left out.
            worst_is_least: Whether the worst is the least, as of accuracies, or the greatest, as of ranks.

        Returns:
            The spread; None if no figure is left.
        """
        known = figures[~np.isnan(figures)]
        if known.size == 0:
            return None
        worst = known.min() if worst_is_least else known.max()
        return cls(float(known.mean()), float(known.std()), float(np.median(known)), float(worst))


@dataclass(frozen=True)
class Row:
    """What a sampler reached on a benchmark.

    Args:
        key: The key of the benchmark.
        sampler: The sampler, or a method of which only papers have figures.
        seeds: Number of searches.
        test: Test figure of the pick.
        rank: Objective rank of the pick in the pool, 1 is best.
        regret: How far the objective of the pick is from the best of the pool.
        cost: Seconds of the trainings of a search.
        seconds: Seconds of the search itself.
        difference: Mean rank less that of the reference over the seeds that both have, below 0 is better; None for the
            reference, and if there is no such seed.
        p: p-value of the paired test against the reference on these seeds, corrected by Holm; None likewise.
        published: The figure that the paper prints for the method.
    """

    key: str
    sampler: str
    seeds: int = 0
    test: Spread | None = None
    rank: Spread | None = None
    regret: Spread | None = None
    cost: Spread | None = None
    seconds: Spread | None = None
    difference: float | None = None
    p: float | None = None
    published: Published | None = None


def summarise(result: BenchResult, reference: str | None = None) -> list[Row]:
    """Sums up a bench over its seeds.

    Single metrics make two rows, as papers print them: their average, and the best.

    Args:
        result: The bench.
        reference: The sampler that the others are compared with on the rank of the pick, in pairs of the same seed
            (Wilcoxon's signed-rank test, two-sided; the p-values of a benchmark are corrected by Holm). None compares
            nothing.

    Returns:
        The rows, benchmark by benchmark: samplers by the mean rank of their pick, then methods of which only papers
        have figures.

    Raises:
        InputError: If the reference is not one of the samplers.

    Example:
        >>> from pathlib import Path
        >>> from untrained import Benchmark
        >>> _ = Path("mine.csv").write_text("arch,acc,snip\\na,91,1\\nb,93,3\\nc,92,2\\n")
        >>> mine = Benchmark("mine", "flowers", "acc", "mine.csv", "mine.csv", metrics=("snip",))
        >>> from untrained import bench
        >>> row = summarise(bench([mine], ["single:snip"], seeds=range(2), budget=1, data_dir="."))[0]
        >>> row.sampler, row.rank.mean
        ('single metric, average (of 1)', 1.0)
    """
    last = _last_queries(result)
    samplers = {sampler for _, sampler in last}
    if reference is not None and reference not in samplers:
        raise InputError(f"reference {reference!r} is not one of the samplers: {', '.join(sorted(samplers))}")
    rows: list[Row] = []
    for benchmark in (ran.benchmark for ran in result.ran):
        runs = {sampler: figures for (key, sampler), figures in last.items() if key == benchmark.key}
        ours = [_row(benchmark, s, f) for s, f in runs.items() if not s.startswith(SINGLE)]
        if reference in runs:
            ours = _compared(ours, runs, reference)
        if singles := [_row(benchmark, s, f) for s, f in runs.items() if s.startswith(SINGLE)]:
            ours += _singles(benchmark, singles)
        rows += sorted(ours, key=lambda row: row.rank.mean if row.rank else np.inf)
        shown = {_method(row.sampler) or row.sampler.split(" (")[0] for row in ours}
        rows += [Row(benchmark.key, name, published=p) for name, p in benchmark.published.items() if name not in shown]
    return rows


def compare(ours: Array, reference: Array) -> tuple[float, float]:
    """Compares two samplers by Wilcoxon's signed-rank test, two-sided.

    Args:
        ours: n figures.
        reference: n figures of the same seeds.

    Returns:
        Mean difference, and p. If all pairs are equal, p is 1.

    Example:
        >>> compare(np.array([1.0, 2.0, 4.0]), np.array([2.0, 4.0, 8.0]))[0]
        -2.3333333333333335
    """
    difference = ours - reference
    if not np.any(difference):
        return 0.0, 1.0
    p: Any = wilcoxon(difference, zero_method="zsplit")[1]
    return float(difference.mean()), float(p)


def holm(p: Sequence[float]) -> list[float]:
    """Corrects p-values for their number (Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979).

    Args:
        p: n p-values.

    Returns:
        n corrected p-values in the same order, at most 1.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(np.asarray(p)[order] * np.arange(len(p), 0, -1)), 1.0)
    return corrected.tolist()


def _last_queries(result: BenchResult) -> dict[tuple[str, str], Mapping[str, Array]]:
    """(benchmark, sampler) -> figure -> one number for each seed; "seed" says which these are."""
    columns = result.table.to_pydict()
    totals: dict[tuple[str, str], dict[int, dict[str, float]]] = {}
    for i in range(result.table.num_rows):
        run = totals.setdefault((key_of(columns, i), columns["sampler"][i]), {}).setdefault(columns["seed"][i], {})
        for name in ("cost", "seconds"):
            run[name] = run.get(name, 0.0) + columns[name][i]
        run |= {n: np.nan if columns[n][i] is None else columns[n][i] for n in ("test", "rank", "regret")}
    return {
        who: {"seed": np.array(list(runs))}
        | {name: np.array([run[name] for run in runs.values()]) for name in next(iter(runs.values()))}
        for who, runs in totals.items()
    }


def _method(sampler: str) -> str:
    """What papers call the sampler; "" if they do not report it."""
    return SAMPLERS[sampler].method if sampler in SAMPLERS else ""


def _row(benchmark: Benchmark, sampler: str, figures: Mapping[str, Array]) -> Row:
    return Row(
        benchmark.key,
        sampler,
        seeds=len(figures["rank"]),
        test=Spread.of(figures["test"], worst_is_least=True),
        rank=Spread.of(figures["rank"]),
        regret=Spread.of(figures["regret"]),
        cost=Spread.of(figures["cost"]),
        seconds=Spread.of(figures["seconds"]),
        published=benchmark.published.get(_method(sampler)),
    )


def _compared(rows: list[Row], runs: Mapping[str, Mapping[str, Array]], reference: str) -> list[Row]:
    others = [row for row in rows if row.sampler != reference]
    # A search that found nothing is as bad as can be.
    ranks = {sampler: np.nan_to_num(figures["rank"], nan=np.inf) for sampler, figures in runs.items()}
    worst = max(float(r[np.isfinite(r)].max(initial=1.0)) for r in ranks.values())
    ranks = {sampler: np.minimum(r, worst + 1) for sampler, r in ranks.items()}
    tests = dict[str, tuple[float, float]]()
    for row in others:
        seeds = runs[row.sampler]["seed"], runs[reference]["seed"]
        _, here, there = np.intersect1d(*seeds, return_indices=True)  # files grow: not all samplers have all seeds
        if len(here):
            tests[row.sampler] = compare(ranks[row.sampler][here], ranks[reference][there])
    corrected = dict(zip(tests, holm([p for _, p in tests.values()]), strict=True))
    return [
        replace(row, difference=tests[row.sampler][0], p=corrected[row.sampler]) if row.sampler in tests else row
        for row in rows
    ]


def _singles(benchmark: Benchmark, rows: list[Row]) -> list[Row]:
    """The two rows of papers: the average over the metrics, and the metric whose pick is best."""
    by_test = benchmark.reported == "test"
    best = max(rows, key=lambda r: r.test.mean if by_test and r.test else -(r.rank.mean if r.rank else np.inf))

    def over(name: str) -> Spread | None:
        spreads = [getattr(row, name) for row in rows]
        means = np.array([np.nan if s is None else s.mean for s in spreads])
        return Spread.of(means, worst_is_least=name == "test")

    average = Row(
        benchmark.key,
        f"{AVERAGE} (of {len(rows)})",
        seeds=rows[0].seeds,
        test=over("test"),
        rank=over("rank"),
        regret=over("regret"),
        cost=over("cost"),
        seconds=over("seconds"),
        published=benchmark.published.get(AVERAGE),
    )
    name = f"{BEST} ({best.sampler.removeprefix(SINGLE)})"
    return [average, replace(best, sampler=name, published=benchmark.published.get(BEST))]

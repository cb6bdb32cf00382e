"""What a bench is: the queries of its searches as a table, and what was searched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from untrained.benchmarks import Benchmark

SCHEMA = pa.schema(
    {
        "benchmark": pa.string(),
        "task": pa.string(),
        "objective": pa.string(),
        "sampler": pa.string(),
        "seed": pa.int64(),
        "query": pa.int64(),
        "architecture": pa.string(),
        "value": pa.float64(),
        "state": pa.string(),
        "phase": pa.string(),
        "cost": pa.float64(),
        "rank": pa.int64(),
        "regret": pa.float64(),
        "test": pa.float64(),
        "seconds": pa.float64(),
    }
)
"""The columns of a bench, with one row for each query; `untrained.benching.run.COLUMNS` says what they hold."""

ORDER = ("benchmark", "task", "objective", "sampler", "seed", "query")


@dataclass(frozen=True)
class Ran:
    """A benchmark that was searched.

    Args:
        benchmark: The benchmark.
        budget: The queries of each search.
        pool: How many architectures a search could choose from.
        metrics: The metrics that samplers learned from.
        notes: What a reader of the figures must know, such as metrics that were left out.
        asked: The `metrics` and `extra_metrics` that `bench` was given, if any.
        versions: Package -> its version.
        tables: What the tables held (`Opened.identity`).
    """

    benchmark: Benchmark
    budget: int
    pool: int
    metrics: tuple[str, ...]
    notes: tuple[str, ...] = ()
    asked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class BenchResult:
    """The searches of a bench.

    Args:
        table: One row for each query, with the columns of `SCHEMA`, sorted by `ORDER`.
        ran: The benchmarks that were searched, in the order in which they were asked for.
        skipped: (what, why) for each benchmark, and each benchmark with a sampler, that could not run.

    Example:
        >>> BenchResult(SCHEMA.empty_table(), ran=(), skipped=(("nasbench201", "no file"),)).table.num_rows
        0
    """

    table: pa.Table
    ran: tuple[Ran, ...]
    skipped: tuple[tuple[str, str], ...] = ()


def key_of(columns: Mapping[str, Sequence[Any]], row: int) -> str:
    """Makes the key of the benchmark in a row of a bench, given the columns of `SCHEMA`."""
    return "/".join(columns[name][row] for name in ORDER[:3])

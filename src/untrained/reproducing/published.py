"""The tables of RoBoT's paper (He et al., ICLR 2024) from published tables: our searches beside its figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from untrained.benching import BenchResult, Row, Spread, bench, open_benchmark, summarise
from untrained.benchmarks import BENCHMARKS, Published, data_folder
from untrained.errors import InputError, listed, shown
from untrained.samplers import SAMPLERS

OPTIMUM = "optimum"
SEEDS = range(10, 20)
"""Those of the authors' scripts."""


@dataclass(frozen=True)
class Study:
    """What a table or figure of the paper needs.

    Args:
        title: What it is, for a heading.
        figure: What its cells are: `test`, a test figure, or `rank`, the objective rank of the pick.
        benchmarks: Its columns.
        samplers: Those of its methods that this package has, and the mixture, which the paper has not.
        small: The benchmarks of a small run.
        differs: What is not as in the paper, a line each.
    """

    title: str
    figure: str
    benchmarks: tuple[str, ...]
    samplers: tuple[str, ...]
    small: tuple[str, ...]
    differs: tuple[str, ...]


_NASBENCH201 = tuple(f"nasbench201/{task}/cifar10_val_12" for task in ("cifar10", "cifar100", "ImageNet16-120"))
_TRANSNAS101 = tuple(key for key in BENCHMARKS if key.startswith("transnas101-"))
_METRICS = (
    "the metrics are those that NAS-Bench-Suite-Zero publishes, of 9,445 cells without a dead edge, with jacov for "
    "jacob_cov; on CIFAR-100 those of CIFAR-10"
)

STUDIES: dict[str, Study] = {
    "table2": Study(
        "Table 2 · NAS-Bench-201 · test accuracy in %",
        "test",
        _NASBENCH201,
        ("rea", "random", "reinforce", "bohb", "single", "robot", "mixture"),
        _NASBENCH201,
        (
            _METRICS,
            "rank 1 of the objective tests at 94.37, 73.09 and 46.33, and rank 2 at 94.36, 73.51 and 46.34, as printed",
            "every sampler has 20 queries; the paper gives REA, RS, REINFORCE and BOHB 12,000 seconds, about 100; "
            "HNAS, NASWOT, TE-NAS, NASI and GradSign need metrics that these tables have not",
        ),
    ),
    "table3": Study(
        "Table 3 · TransNAS-Bench-101 · objective rank of the pick",
        "rank",
        _TRANSNAS101,
        ("rea", "random", "reinforce", "robot", "mixture"),
        tuple(key for key in _TRANSNAS101 if "/class_object/" in key or "/jigsaw/" in key),
        (
            "the metrics are those that are published for the whole of the space, one to four of them: the paper's six "
            "are not, and HNAS needs two that are missing",
        ),
    ),
    "figure2": Study(
        "Figure 2 · NAS-Bench-201 · test error in % against queries",
        "test",
        _NASBENCH201,
        ("rea", "random", "reinforce", "robot", "mixture"),
        _NASBENCH201,
        (_METRICS, "the paper's curves are a picture: what they end at is in table2"),
    ),
}
"""Name -> what it needs."""


@dataclass(frozen=True)
class Cell:
    """A method on a benchmark.

    Args:
        ours: What our sampler has there; None if it did not run.
        published: What the paper prints.
    """

    ours: Row | None = None
    published: Published | None = None


@dataclass(frozen=True)
class Repeated:
    """A table of the paper, repeated.

    Args:
        study: What it needs.
        seeds: The seeds of the searches.
        budgets: T of each of the benchmarks.
        cells: Method -> key of a benchmark -> the cell.
        result: The searches.
    """

    study: Study
    seeds: tuple[int, ...]
    budgets: Mapping[str, int]
    cells: Mapping[str, Mapping[str, Cell]]
    result: BenchResult

    def to_json(self) -> dict[str, Any]:
        """The table as a JSON object."""
        return {
            "title": self.study.title,
            "seeds": list(self.seeds),
            "budgets": dict(self.budgets),
            "cells": {name: {key: asdict(cell) for key, cell in row.items()} for name, row in self.cells.items()},
            "differs": list(self.study.differs),
            "skipped": dict(self.result.skipped),
        }


def repeat(
    what: str,
    data_dir: str | Path | None = None,
    *,
    small: bool = False,
    seeds: Sequence[int] | None = None,
    budget: int | None = None,
    path: str | Path | None = None,
    workers: int = 1,
    on_run: Callable[[int, int], None] | None = None,
) -> Repeated:
    """Repeats a table or figure of the paper on published tables.

    Args:
        what: A name of `STUDIES`.
        data_dir: Folder of the tables; the one that UNTRAINED_DATA names if None.
        small: Two seeds, and the benchmarks of a small run.
        seeds: Seeds in place of the paper's, 10 to 19.
        budget: Queries of each search in place of the paper's.
        path: Parquet file of the searches, to go on from (see `bench`).
        workers: Processes.
        on_run: Called with (searches done, searches in all) after each search.

    Returns:
        Our figures beside the published ones. Benchmarks whose tables are missing have published figures alone, and
        `result.skipped` says why.

    Raises:
        InputError: There is no such table in the paper, or none of its tables are there.

    Example:
        ```python
        found = repeat("table2", "tables", path="table2.parquet")
        print(found.cells["RoBoT"]["nasbench201/cifar10/cifar10_val_12"].ours.test)
        ```
    """
    if what not in STUDIES:
        raise InputError(f"unknown table {shown(what, 40)}: choose from {listed(STUDIES)}")
    study = STUDIES[what]
    wanted = tuple(seeds) if seeds is not None else tuple(SEEDS)[: 2 if small else None]
    result = bench(
        study.small if small else study.benchmarks,
        study.samplers,
        wanted,
        budget=budget,
        data_dir=data_dir,
        path=path,
        workers=workers,
        on_run=on_run,
    )
    budgets = {ran.benchmark.key: ran.budget for ran in result.ran}
    return Repeated(study, wanted, budgets, _cells(study, result, data_folder(data_dir)), result)


def _cells(study: Study, result: BenchResult, folder: Path) -> dict[str, dict[str, Cell]]:
    """The rows of the table: the paper's methods in its order, then ours."""
    ours = {(_method(row.sampler), row.key): row for row in summarise(result) if row.rank}
    if study.figure == "test":
        ours |= {(OPTIMUM, ran.benchmark.key): _optimum(ran.benchmark.key, folder) for ran in result.ran}
    printed = {key: BENCHMARKS[key].published for key in study.benchmarks}
    methods = dict.fromkeys([*next(iter(printed.values())), *(method for method, _ in ours)])
    ordered = sorted(methods, key=lambda method: method == OPTIMUM)
    return {m: {key: Cell(ours.get((m, key)), printed[key].get(m)) for key in printed} for m in ordered}


def _method(sampler: str) -> str:
    """What the paper calls a sampler, or the best of all metrics."""
    name = sampler.split(" (")[0]
    return (SAMPLERS[name].method or name) if name in SAMPLERS else name


def _optimum(key: str, folder: Path) -> Row:
    """The greatest test figure in the pool."""
    opened = open_benchmark(BENCHMARKS[key], folder)
    figures = [figure for arch in opened.scores.archs for figure in opened.objective.report(arch, None).values()]
    return Row(key, OPTIMUM, test=Spread.of(np.nanmax(figures, keepdims=True)))

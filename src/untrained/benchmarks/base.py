"""What a tabular benchmark is: a space, an objective that a table answers for, metrics of the same architectures."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from untrained.errors import InputError, listed
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace
from untrained.tables import open_table

DATA = "UNTRAINED_DATA"
"""The environment variable that names the folder of tables."""

MOST_MISSING = 0.5
"""A metric that lacks more than this part of the architectures is one of a sample, not of the space."""


@dataclass(frozen=True)
class Source:
    """Where a file comes from: what it holds, who made it (`citation`), under which `licence`, and how to get it."""

    what: str
    citation: str
    licence: str
    how: str


@dataclass(frozen=True)
class Published:
    """A figure that a paper printed, mean ± std over its seeds, and what the search cost in GPU seconds."""

    mean: float
    std: float | None = None
    cost: float | None = None


@dataclass(frozen=True)
class Benchmark:
    """One task of one table.

    name, task, objective: what it is called; `objective` is the column that a query reads, `direction` its better way.
    table: file with `arch`, the objective, `test` (a test figure) and `cost` (seconds of a training).
    scores: file with the metrics in columns `prefix` + name. metrics: those that are used unless others are
    asked for; listed, never "all that the file has": a file that gains columns changes no result.
    space: where None, the architectures are opaque strings. budget: T, as published.
    fidelities: epochs -> column of `table`, for samplers that stop trainings early; `cost_epochs` are those that `cost`
    is of.
    reported: which figure the paper prints, the test figure or the objective rank of the pick. published: method ->
    that figure. whole: the table must hold the whole of the space. notes: what differs from the paper, for its row.

    Files are relative to the folder of tables, or absolute.
    """

    name: str
    task: str
    objective: str
    table: str
    scores: str
    space: SearchSpace | None = None
    metrics: tuple[str, ...] = ()
    prefix: str = ""
    budget: int = 20
    direction: Literal["maximize", "minimize"] = "maximize"
    test: str | None = None
    cost: str | None = None
    fidelities: Mapping[int, str] = field(default_factory=dict)
    cost_epochs: int | None = None
    reported: Literal["test", "rank"] = "rank"
    published: Mapping[str, Published] = field(default_factory=dict)
    whole: bool = False
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """`name/task/objective`: one row of a table of results."""
        return f"{self.name}/{self.task}/{self.objective}"

    def objective_options(self, folder: Path) -> dict[str, Any]:
        """What `TabularObjective` needs to answer for the trainings of this benchmark."""
        return {
            "path": present(folder / self.table),
            "column": self.objective,
            "report_column": self.test,
            "cost_column": self.cost,
            "direction": self.direction,
        }

    def load_scores(self, folder: Path, metrics: Sequence[str] | None = None, extra: Sequence[str] = ()) -> ScoreTable:
        """The metrics of the benchmark, or those named, and `extra` ones; only their columns are read.

        `params` and `flops` that the file lacks are counted, where the space can. A metric that tells nothing apart
        is left out; `provenance["left_out"]` says which and why. Raises `InputError` for a missing or broken file, an
        unknown metric, an architecture that is not one of the space, and where no metric is left.
        """
        path = present(folder / self.scores)
        file = open_table(path)
        has = [name.removeprefix(self.prefix) for name in file.numeric if name.startswith(self.prefix)]
        figures = self._figures(folder)
        names = list(dict.fromkeys((*(self.metrics if metrics is None else metrics), *extra)))
        for name in names:
            if self.prefix + name in figures:
                raise InputError(f"{name!r} is what a training gives: it cannot be one of the metrics")
        counted = [
            name for name in names if name not in has and name in self._sizes_of(next(iter(self.space or ()), ""))
        ]
        for name in names:
            if name not in has and name not in counted:
                raise InputError(f"{path} has no metric {name!r}: it has {listed(has)}")
        read = [name for name in names if name not in counted]
        table = file.read([self.prefix + name for name in read])
        archs = tuple(table["arch"].to_pylist())
        self.check(archs, path, whole=False)
        columns = {name: table[self.prefix + name].to_numpy() for name in read}
        columns |= self._sizes(archs, counted)
        left_out = {name: why for name in names if (why := useless(columns[name]))}
        kept = [name for name in names if name not in left_out]
        if not kept:
            why = ", ".join(f"{name} {why}" for name, why in left_out.items()) or f"give some of {listed(has)}"
            raise InputError(f"{path}: no metric can be used: {why}")
        values = np.column_stack([columns[name] for name in kept])
        provenance = {"benchmark": self.key, "file": path.name, "left_out": left_out}
        return ScoreTable(archs, tuple(kept), values, provenance=provenance)

    def check(self, archs: Iterable[str], path: Path, *, whole: bool | None = None) -> None:
        """Raises `InputError` where `archs`, read from `path`, are not the architectures of the space."""
        if self.space is None:
            return
        found, wanted = set(archs), set(self.space)
        for arch in found - wanted:
            raise InputError(f"{path}: {arch!r} is not an architecture of space {self.space.name!r}")
        if (self.whole if whole is None else whole) and (missing := wanted - found):
            first = next(arch for arch in self.space if arch in missing)
            raise InputError(
                f"{path} lacks {len(missing)} of the {len(wanted)} architectures of space {self.space.name!r}, "
                f"{first!r} first: get the file again"
            )

    def _figures(self, folder: Path) -> set[str | None]:
        """The columns beside the metrics, in the same file, that only a training knows."""
        if (folder / self.table).resolve() != (folder / self.scores).resolve():
            return set()
        return {self.objective, self.test, self.cost, *self.fidelities.values()}

    def _sizes_of(self, arch: str) -> dict[str, float]:
        """The sizes of a network that the space counts; empty if it cannot."""
        return {} if self.space is None else self.space.sizes(arch)

    def _sizes(self, archs: Sequence[str], names: Sequence[str]) -> dict[str, np.ndarray]:
        sizes = [self._sizes_of(arch) for arch in archs] if names else []
        return {name: np.array([size[name] for size in sizes]) for name in names}


def useless(column: np.ndarray) -> str:
    """Why a metric (one float64 an architecture, NaN = failed) tells nothing of its space; empty where it does."""
    known = column[np.isfinite(column)]
    if known.size == 0:
        return "has no score"
    if known.size < (1 - MOST_MISSING) * column.size:
        return f"has scores for {known.size} of {column.size}"
    return f"is {known[0]:g} throughout" if known.min() == known.max() else ""


def data_folder(given: str | Path | None = None) -> Path:
    """The folder of tables: `given`, else what UNTRAINED_DATA names; raises `InputError` where there is none."""
    if given is None and not (given := os.environ.get(DATA)):
        raise InputError(f"no folder of tables: give --data-dir, or set {DATA} (see: untrained data)")
    folder = Path(given)
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r}: give the folder that holds the tables (see: untrained data)")
    return folder


def present(path: Path) -> Path:
    """`path`; raises `InputError` where there is no such file."""
    if not path.is_file():
        raise InputError(f"no file {str(path)!r}: untrained data --data-dir {path.parent} says how to get it")
    return path

"""What a tabular benchmark is: a space, an objective that a table answers for, metrics of the same architectures."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from untrained.data.tables import TableFile, open_table
from untrained.errors import InputError, listed, shown
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace

Array = NDArray[np.float64]

DATA = "UNTRAINED_DATA"
"""The environment variable that names the folder of tables."""

BUNDLED = Path(__file__).parent / "tables"
"""Tables that come with the package."""

SIZES = ("params", "flops")
"""Metrics that some spaces count from the string of an architecture."""

LISTED = 100_000
"""Spaces of at most so many architectures are listed to check a table of some of them."""

MOST_MISSING = 0.5
"""A metric that lacks more than this part of the architectures is one of a sample, not of the space."""


@dataclass(frozen=True)
class Source:
    """The origin of a file of a table.

    Args:
        what: what it holds.
        citation: who made it.
        licence: under which licence.
        how: how to get it.
    """

    what: str
    citation: str
    licence: str
    how: str


@dataclass(frozen=True)
class Published:
    """A figure that a paper printed.

    Args:
        mean: over its seeds.
        std: standard deviation over its seeds, if it was printed.
        cost: GPU seconds of a search, if they were printed.
    """

    mean: float
    std: float | None = None
    cost: float | None = None


@dataclass(frozen=True, eq=False)
class _Source:
    """A file of metrics, and the prefix of their columns."""

    file: TableFile
    prefix: str

    @property
    def columns(self) -> list[str]:
        return [name.removeprefix(self.prefix) for name in self.file.numeric if name.startswith(self.prefix)]


@dataclass(frozen=True)
class Benchmark:
    """One task of a table that answers for trainings.

    Files are Parquet, CSV or JSON (see `untrained.data.tables`), relative to the folder of tables, or absolute.

    Args:
        name: of the table.
        task: what the networks were trained for.
        objective: the column that a query reads.
        table: the file with `arch`, the objective, the test figure and the cost.
        scores: the file with the metrics, in columns `prefix` + name.
        space: what the architectures are of; opaque strings if None.
        metrics: those that are used unless others are asked for. They are listed, never "all that the file has": a file
            that gains columns changes no result.
        prefix: of the columns of metrics.
        further: a file with metrics besides, in columns without a prefix; where both have one, this file's is read.
        budget: T, the queries of a search, as published.
        direction: the better way of the objective.
        test: the column of the test figure.
        cost: the column of the seconds of a training.
        fidelities: epochs -> column of `table`, for samplers that stop trainings early.
        cost_epochs: the epochs whose seconds `cost` is.
        reported: which figure the paper prints, the test figure or the objective rank of the pick.
        published: method -> that figure.
        whole: whether the table must hold the whole of the space.
        notes: what differs from the paper, a line each.
        bundled: whether its files come with the package, and lie in `BUNDLED`.

    Example:
        >>> Benchmark("mine", "flowers", "val_acc", "mine.csv", "mine.csv", metrics=("snip",), test="test_acc").key
        'mine/flowers/val_acc'
    """

    name: str
    task: str
    objective: str
    table: str
    scores: str
    space: SearchSpace | None = None
    metrics: tuple[str, ...] = ()
    prefix: str = ""
    further: str | None = None
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
    bundled: bool = False

    @property
    def key(self) -> str:
        """`name/task/objective`: one row of a table of results."""
        return f"{self.name}/{self.task}/{self.objective}"

    @property
    def needs_folder(self) -> bool:
        """Whether a folder of tables has to be given."""
        return not self.bundled and not (Path(self.table).is_absolute() and Path(self.scores).is_absolute())

    def files(self, folder: Path) -> tuple[Path, Path]:
        """Where its files lie.

        Args:
            folder: the folder of tables.

        Returns:
            The table, and the scores.
        """
        where = BUNDLED if self.bundled else folder
        return where / self.table, where / self.scores

    def objective_options(self, folder: Path) -> dict[str, Any]:
        """Arguments of the `TabularObjective` that answers for the trainings.

        Args:
            folder: the folder of tables.

        Raises:
            InputError: the file is not there.
        """
        return {
            "path": present(self.files(folder)[0]),
            "column": self.objective,
            "report_column": self.test,
            "cost_column": self.cost,
            "direction": self.direction,
        }

    def all_metrics(self, folder: Path) -> tuple[str, ...]:
        """Every metric that the file of the scores has.

        If it is the table itself, and its metrics have no prefix, these are the benchmark's own: the table's other
        columns are figures of all kinds.

        Args:
            folder: the folder of tables.

        Raises:
            InputError: the file is missing or broken.
        """
        table, scores = self.files(folder)
        if not self.prefix and table.resolve() == scores.resolve():
            return self.metrics
        has = open_table(present(scores)).numeric
        return tuple(name.removeprefix(self.prefix) for name in has if name.startswith(self.prefix))

    def load_scores(self, folder: Path, metrics: Sequence[str] | None = None, extra: Sequence[str] = ()) -> ScoreTable:
        """Reads the metrics, and no other column.

        Args:
            folder: the folder of tables.
            metrics: names in place of the benchmark's own.
            extra: names besides them. `params` and `flops` that the file lacks are counted, if the space can.

        Returns:
            The scores. A metric that tells nothing apart is left out; `provenance["left_out"]` says which and why.

        Raises:
            InputError: the file is missing or broken, has no such metric or none that can be used, or an architecture
                is not one of the space.
        """
        sources = self._sources(folder)
        has = list(dict.fromkeys(name for source in sources for name in source.columns))
        figures = self._figures(folder)
        given = (*(self.metrics if metrics is None else metrics), *extra)
        names = list(dict.fromkeys(name if name in has else name.removeprefix(self.prefix) for name in given))
        for name in names:
            if self.prefix + name in figures:
                raise InputError(f"{name!r} is what a training gives: it cannot be one of the metrics")
        counted = self._counted([name for name in names if name in SIZES and name not in has])
        paths = " and ".join(str(source.file.path) for source in sources)
        for name in names:
            for file in (source.file for source in sources):
                if name not in has and name in file.others:
                    raise InputError(f"{file.path}: column {name!r} is not numbers: {file.others[name]}")
            if name not in has and name not in counted:
                free = listed(name for name in has if self.prefix + name not in figures)
                known = f"{free} (untrained data columns: all of them; untrained data score: more)"
                raise InputError(f"no metric {name!r} in {paths}: there are {known}")
        archs, columns = self._read(sources, [name for name in names if name not in counted])
        sizes = [self.space.sizes(arch) for arch in archs] if counted and self.space is not None else []
        columns |= {name: np.array([size[name] for size in sizes]) for name in counted}
        left_out = {name: why for name in names if (why := useless(columns[name]))}
        kept = [name for name in names if name not in left_out]
        if not kept:
            why = ", ".join(f"{name} {why}" for name, why in left_out.items()) or f"give some of {listed(has)}"
            raise InputError(f"{paths}: no metric can be used: {why}")
        values = np.column_stack([columns[name] for name in kept])
        provenance = {"benchmark": self.key, "file": sources[-1].file.path.name, "left_out": left_out}
        return ScoreTable(archs, tuple(kept), values, provenance=provenance)

    def metrics_for(self, folder: Path, groups: Sequence[Sequence[str]]) -> tuple[str, ...]:
        """Finds metrics for a sampler that needs certain ones, in its own files and the further one.

        Args:
            folder: the folder of tables.
            groups: of each group one metric is needed.

        Returns:
            Of each group the first that is there or can be counted; none at all if a group has none.

        Raises:
            InputError: a file is missing or broken.
        """
        has = {name for source in self._sources(folder) for name in source.columns} - self._figures(folder)
        has |= set(self._counted(SIZES))
        found = [next((name for name in group if name in has), None) for group in groups]
        return () if None in found else tuple(name for name in found if name)

    def check(self, archs: Sequence[str], path: Path, *, whole: bool | None = None) -> None:
        """Checks that architectures are those of the space.

        Args:
            archs: the architectures of a table.
            path: the file that they were read from, for messages.
            whole: whether none may be missing; as the benchmark says if None.

        Raises:
            InputError: one is not of the space, or is missing.
        """
        if self.space is None:
            return
        whole = self.whole if whole is None else whole
        if not whole and not _is_small(self.space):
            for arch in archs:
                try:
                    self.space.to_params(arch)
                except InputError as error:
                    raise InputError(f"{path}: {error}") from error
            return
        found, wanted = dict.fromkeys(archs), dict.fromkeys(self.space)
        for arch in (arch for arch in found if arch not in wanted):
            raise InputError(f"{path}: {shown(arch)} is not an architecture of space {self.space.name!r}")
        missing = [arch for arch in wanted if arch not in found]
        if whole and missing:
            raise InputError(
                f"{path} lacks {len(missing)} of the {len(wanted)} architectures of space {self.space.name!r}, "
                f"{shown(missing[0])} first: get the file again"
            )

    def _sources(self, folder: Path) -> list[_Source]:
        """The files of metrics; what an earlier one has is not read from a later one."""
        own = self.files(folder)[1]
        paths = [] if self.further is None else [(present(folder / self.further), "")]
        paths += [] if paths and not own.is_file() else [(present(own), self.prefix)]
        return [_Source(open_table(path), prefix) for path, prefix in paths]

    def _read(self, sources: Sequence[_Source], names: Sequence[str]) -> tuple[tuple[str, ...], dict[str, Array]]:
        """The architectures that all files have in which some of the metrics stand, and the metrics' columns."""
        of = {name: next(source for source in sources if name in source.columns) for name in names}
        read = [source for source in sources if source in of.values()] or list(sources[-1:])
        archs, columns = (), dict[str, Array]()
        for source in reversed(read):  # in the order of the benchmark's own file
            table = source.file.read([source.prefix + name for name in names if of[name] is source])
            rows = {arch: row for row, arch in enumerate(table["arch"].to_pylist())}
            self.check(tuple(rows), source.file.path, whole=False)
            both = [i for i, arch in enumerate(archs) if arch in rows] if archs else range(len(rows))
            archs = tuple(archs[i] for i in both) if archs else tuple(rows)
            if not archs:
                raise InputError(f"{' and '.join(str(s.file.path) for s in read)} have no architecture in common")
            there = [rows[arch] for arch in archs]
            columns = {name: column[both] for name, column in columns.items()}
            columns |= {n: table[source.prefix + n].to_numpy()[there] for n in names if of[n] is source}
        return archs, {name: columns[name] for name in names}

    def _figures(self, folder: Path) -> set[str | None]:
        """The columns beside the metrics, in the same file, that only a training knows."""
        table, scores = self.files(folder)
        if table.resolve() != scores.resolve():
            return set()
        return {self.objective, self.test, self.cost, *self.fidelities.values()}

    def _counted(self, names: Sequence[str]) -> list[str]:
        """Those of `names` that the space can count."""
        sizes = self.space.sizes(next(iter(self.space))) if names and self.space is not None else {}
        return [name for name in names if name in sizes]


def _is_small(space: SearchSpace) -> bool:
    """Whether to list the space is faster than to parse each architecture."""
    return space.size is not None and space.size <= LISTED


def useless(column: Array) -> str:
    """Tells why a metric says nothing of its space.

    Args:
        column: n scores, NaN if it failed.

    Returns:
        The reason in a few words, "" if it does say something.

    Example:
        >>> useless(np.array([2.0, 2.0])), useless(np.array([1.0, 2.0]))
        ('is 2 throughout', '')
    """
    known = column[np.isfinite(column)]
    if known.size == 0:
        return "has no score"
    if known.size < (1 - MOST_MISSING) * column.size:
        return f"has scores for {known.size} of {column.size}"
    return f"is {known[0]:g} throughout" if known.min() == known.max() else ""


def data_folder(given: str | Path | None = None) -> Path:
    """Finds the folder of tables.

    Args:
        given: the folder; the one that UNTRAINED_DATA names if None.

    Returns:
        The folder.

    Raises:
        InputError: neither is given, or there is no such folder.

    Example:
        >>> data_folder(".")
        PosixPath('.')
    """
    if given is None and not (given := os.environ.get(DATA)):
        raise InputError(f"no folder of tables: give --data-dir, or set {DATA} (see: untrained data)")
    folder = Path(given)
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r}: give the folder that holds the tables (see: untrained data)")
    return folder


def present(path: Path) -> Path:
    """The path itself.

    Raises:
        InputError: there is no such file.
    """
    if not path.is_file():
        raise InputError(f"no file {str(path)!r}: untrained data --data-dir {path.parent} says how to get it")
    return path

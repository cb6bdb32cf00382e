"""Cheap figures of an architecture: known without a training, and measured once."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from untrained.data.tables import TableFile, open_table
from untrained.errors import InputError, InputWarning, one_line, warn
from untrained.measuring import Measurement, Subject, Unsteady, measured, read_figure
from untrained.objectives import Objective, TabularObjective
from untrained.objectives.given import AdaptedObjective
from untrained.runtime.interrupts import check_interrupt
from untrained.runtime.journal import Journal
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace

FIGURES_FILE = "figures.jsonl"

Columns = Mapping[str, Mapping[str, float]]
"""Name -> architecture -> value."""


class Figures:
    """The figures of the architectures of a space. What was measured once is not measured again.

    `params` and `flops` are millions, as the metrics of these names count them; `memory` is the megabytes of an
    inference with one example (see `live_bytes`); `latency` the milliseconds of one (see `timed`).

    Args:
        space: Counts or builds the networks; None if there are columns only.
        example: An input of the networks as a batch of one; None if there is none.
        columns: Figures of tables, which come before those of the network of the same name.
        path: A file to keep measurements in, so that they are the same ones in a search that goes on.
        key: What the measurements are of; others in the file do not count.
        names: Further names that tables know, for messages.
        limited: Those that are limited, for messages: the others are objectives.

    Example:
        >>> from untrained.spaces import MLPs
        >>> figures = Figures(MLPs(in_features=4, num_classes=3))
        >>> arch = MLPs(in_features=4, num_classes=3).pool(1)[0]
        >>> figures.value(arch, "params") > 0
        True
    """

    def __init__(
        self,
        space: SearchSpace | None = None,
        example: Any = None,
        columns: Columns | None = None,
        path: Path | None = None,
        key: str = "",
        names: Iterable[str] = (),
        limited: Iterable[str] | None = None,
    ) -> None:
        self.space = space
        self.example = example
        self.columns = dict(columns or {})
        self.names = tuple(names)
        self._limited = None if limited is None else set(limited)
        self._path = path
        self._key = key
        self._journal: Journal | None = None
        self._known: dict[tuple[str, str], tuple[Measurement, str]] = {}
        self._unwritten: dict[str, list[tuple[str, str]]] = {}
        self._is_read = False

    def named(self, given: str, what: str = "where") -> str:
        """Finds the one name of a figure, and makes sure that it can be had here.

        Args:
            given: Its name, perhaps with options; or that of a column.
            what: What the message begins with.

        Raises:
            InputError: There is no such figure, or this machine cannot measure it.
        """
        if given in self.columns:
            return given
        try:
            figure = read_figure(given, self.names)
            figure.check()
        except InputError as error:
            why = str(error).removeprefix(f"figure {given.partition('(')[0]!r}: ").removeprefix(f"{given}: ")
            raise InputError(f"{what} {given!r}: {why}") from error
        return figure.name

    def value(self, arch: str, name: str) -> float:
        """Looks up, counts or measures a figure.

        Args:
            arch: An architecture of the space.
            name: The figure: a column, or a `Figure.name`.

        Returns:
            The figure; NaN if the network cannot be built or measured (see `reason`), or the table has none.

        Raises:
            InputError: It takes an example, and there is none.
        """
        if name in self.columns:
            return self.columns[name].get(arch, math.nan)
        assert self.space is not None
        if name in (sizes := self.space.sizes(arch)):
            return sizes[name]
        if name != "params" and self.example is None:
            raise InputError(
                f"{self.asked(name)}: it cannot be measured, as the search has no data and no batch to score on"
            )
        place = (self.space.canonical(arch), name)
        self._read()
        if place not in self._known:
            check_interrupt()
            self._known[place] = self._measured(*place)
            self._keep(place)
        return self._known[place][0].value

    def reason(self, name: str, arch: str | None = None) -> str:
        """Tells why a figure is NaN.

        Args:
            name: The figure.
            arch: The architecture; None for any that was looked at.
        """
        if name in self.columns:
            return f"the table has no {name} of it"
        found = (why for (a, n), (_, why) in self._known.items() if n == name and why)
        mine = None if arch is None or self.space is None else self._known.get((self.space.canonical(arch), name))
        return mine[1] if mine else next(found, "no reason known")

    def details(self, arch: str, name: str) -> Mapping[str, Any]:
        """How a figure was measured: of a latency its spread, passes, runtime, threads, batch and device.

        Args:
            arch: An architecture that was looked at.
            name: The figure.
        """
        mine = None if self.space is None else self._known.get((self.space.canonical(arch), name))
        return mine[0].details if mine else {}

    def asked(self, name: str) -> str:
        """The option that asks for a figure, and its name, for messages."""
        return f"{'where' if self._limited is None or name in self._limited else 'objectives'} {name!r}"

    def close(self) -> None:
        """Lets another process write to the file."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _read(self) -> None:
        """Takes what the file holds."""
        if self._is_read or self._path is None:
            return
        self._is_read, self._journal = True, Journal(self._path)
        for key, arch, name, value, why, *details in self._journal.entries:
            if key == self._key:
                number = math.nan if value is None else value
                self._known[arch, name] = Measurement(number, *details), why

    def _keep(self, place: tuple[str, str]) -> None:
        """Writes a figure to the file. As long as none could be measured, none is written: when the search is begun
        again, the machine may be free."""
        if self._journal is None:
            return
        name = place[1]
        if name not in self._unwritten:
            self._warn_of_other_device(name, self._known[place][0])
        unwritten = self._unwritten.setdefault(name, [])
        unwritten.append(place)
        if all(math.isnan(known.value) for (_, n), (known, _) in self._known.items() if n == name):
            return
        for arch, _ in unwritten:
            known, why = self._known[arch, name]
            value = None if math.isnan(known.value) else known.value
            self._journal.add([self._key, arch, name, value, why, dict(known.details)])
        unwritten.clear()

    def _warn_of_other_device(self, name: str, found: Measurement) -> None:
        """Tells if figures that were measured on another device are in the file."""
        here = found.details.get("device")
        others = {known.details.get("device") for (_, n), (known, _) in self._known.items() if n == name}
        other = next(iter(others - {here, None}), None)
        if here and other:
            text = f"{self._path} has {name} of other networks on {other}, and this is {here}: they do not compare"
            warn(text, InputWarning)

    def _measured(self, arch: str, name: str) -> tuple[Measurement, str]:
        """A figure of a network that is built for it, or NaN and why there is none."""
        assert self.space is not None
        try:
            return measure(self.space, arch, name, self.example), ""
        except Unsteady as error:
            return Measurement(math.nan), f"{error}, or limit flops or a column of a table instead"
        except Exception as error:  # whatever a network of the user's raises
            return Measurement(math.nan), one_line(error)


def measure(space: SearchSpace, arch: str, name: str, example: Any = None) -> Measurement:
    """Measures a figure of an architecture.

    Args:
        space: Builds its network.
        arch: The architecture.
        name: The figure.
        example: An input as a batch of one.

    Raises:
        Exception: Whatever the network raises.

    Example:
        >>> import torch
        >>> from untrained.spaces import MLPs
        >>> space = MLPs(in_features=4, num_classes=3)
        >>> measure(space, space.pool(1)[0], "memory", torch.zeros(1, 4)).value > 0
        True
    """
    figure = read_figure(name)
    return measured(Subject(lambda: space.build(arch), example), figure.base, figure.options)


def columns_of(
    objective: Objective, scores: Any, names: Iterable[str], limited: Iterable[str] = ()
) -> tuple[Columns, tuple[str, ...]]:
    """Finds figures in the tables of a search.

    Args:
        objective: May answer from a table.
        scores: May be a table of scores.
        names: The figures.
        limited: Those that are limited, which a result of evaluations cannot be.

    Returns:
        Those columns that are there, and the names of all that could be.

    Raises:
        InputError: One of them is what the search is for.
    """
    own, found, known = getattr(objective, "given", objective), dict[str, Mapping[str, float]](), list[str]()
    own = own if isinstance(objective, AdaptedObjective) else objective
    if isinstance(scores, ScoreTable):
        known += scores.metrics
        for k, metric in enumerate(scores.metrics):
            if metric in names:
                found[metric] = dict(zip(scores.archs, map(float, scores.values[:, k]), strict=True))
    if isinstance(own, TabularObjective):
        results = {own.column, own.report_column, *own.fidelities.values()}
        file = open_table(own.path)
        known += [name for name in file.numeric if name not in results]
        for name in limited:
            if name in results:
                raise InputError(f"where {name!r}: it is what the search is for: limit another figure")
        found |= read_columns(own.path, [name for name in names if name in file.numeric and name not in results])
    return found, tuple(dict.fromkeys(known))


def read_columns(path: str | Path | TableFile, names: Iterable[str]) -> Columns:
    """Reads columns of a table.

    Args:
        path: The file.
        names: Columns of numbers.

    Returns:
        Name -> architecture -> value, NaN if it is empty.
    """
    wanted = list(names)
    if not wanted:
        return {}
    table = open_table(path).read(wanted)
    archs = table["arch"].to_pylist()
    return {name: dict(zip(archs, map(float, table[name].to_numpy()), strict=True)) for name in wanted}

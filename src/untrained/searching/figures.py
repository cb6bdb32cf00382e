"""Cheap figures of an architecture: known without a training, and measured once."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from untrained.data.tables import open_table
from untrained.errors import InputError, one_line
from untrained.metrics import METRICS
from untrained.objectives import Objective, TabularObjective
from untrained.objectives.given import AdaptedObjective
from untrained.probe import Probe
from untrained.probe.packing import packed
from untrained.runtime.journal import Journal
from untrained.runtime.seeding import seeded
from untrained.runtime.threads import torch_threads
from untrained.scores import ScoreTable
from untrained.searching.live import live_bytes
from untrained.spaces import SearchSpace

FIGURES = ("params", "flops", "memory", "latency")
"""The figures of any network, cheapest first."""
UNITS = {"params": "M", "flops": "M", "memory": "MB", "latency": "ms"}
FIGURES_FILE = "figures.jsonl"

Columns = Mapping[str, Mapping[str, float]]
"""Name -> architecture -> value."""


class Figures:
    """The figures of the architectures of a space. What was measured once is not measured again.

    `params` and `flops` are millions, as the metrics of these names count them; `memory` is the megabytes of an
    inference with one example (see `live_bytes`); `latency` the milliseconds of one, in evaluation mode, on one thread
    of the CPU: the median of 11 passes after 3 unmeasured ones.

    Args:
        space: Counts or builds the networks; None if there are columns only.
        example: An input of the networks as a batch of one; None if there is none.
        columns: Figures of tables, which come before those of the network of the same name.
        path: A file to keep measurements in, so that they are the same ones in a search that goes on.
        key: What the measurements are of; others in the file do not count.
        names: Further names that tables know, for messages.

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
    ) -> None:
        self.space = space
        self.example = example
        self.columns = dict(columns or {})
        self.names = tuple(names)
        self._path = path
        self._key = key
        self._journal: Journal | None = None
        self._known: dict[tuple[str, str], tuple[float, str]] = {}
        self._is_read = False

    def value(self, arch: str, name: str) -> float:
        """Looks up, counts or measures a figure.

        Args:
            arch: An architecture of the space.
            name: The figure.

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
                f"where {name!r}: it cannot be measured, as the search has no data and no batch to score on"
            )
        place = (self.space.canonical(arch), name)
        self._read()
        if place not in self._known:
            found = self._measured(*place)
            if self._journal is not None:
                value = None if math.isnan(found[0]) else found[0]
                self._journal.add([self._key, *place, value, found[1]])
            self._known[place] = found
        return self._known[place][0]

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
        for key, arch, name, value, why in self._journal.entries:
            if key == self._key:
                self._known[arch, name] = math.nan if value is None else value, why

    def _measured(self, arch: str, name: str) -> tuple[float, str]:
        """A figure of a network that is built for it, or NaN and why there is none."""
        assert self.space is not None
        try:
            return measure(self.space, arch, name, self.example), ""
        except Exception as error:  # whatever a network of the user's raises
            return math.nan, one_line(error)


def measure(space: SearchSpace, arch: str, name: str, example: Any = None) -> float:
    """Measures a figure of a network.

    Args:
        space: Builds it.
        arch: The architecture.
        name: One of `FIGURES`.
        example: An input as a batch of one.

    Returns:
        The figure, in the unit of `UNITS`.

    Raises:
        Exception: Whatever the network raises.

    Example:
        >>> from untrained.spaces import MLPs
        >>> space = MLPs(in_features=4, num_classes=3)
        >>> measure(space, space.pool(1)[0], "memory", torch.zeros(1, 4)) > 0
        True
    """
    if name == "params":
        return _weights(space, arch) / 1e6
    with seeded(0), torch_threads(1):
        network = space.build(arch)
        if name == "memory":
            return live_bytes(network, example) / 1e6
        return METRICS[name](Probe(*packed(network, example)))


def _weights(space: SearchSpace, arch: str) -> int:
    """The number of parameters: what the metric of this name counts, without memory and initial weights."""
    with seeded(0):
        try:
            with torch.device("meta"):
                network = space.build(arch)
        except Exception:  # such as a network whose code looks at its weights
            network = space.build(arch)
    return sum(weight.numel() for weight in network.parameters())


def columns_of(objective: Objective, scores: Any, names: Iterable[str]) -> tuple[Columns, tuple[str, ...]]:
    """Finds figures in the tables of a search.

    Args:
        objective: May answer from a table.
        scores: May be a table of scores.
        names: The figures.

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
        for name in names:
            if name in results:
                raise InputError(f"where {name!r}: it is what the search is for: limit another figure")
        found |= read_columns(own.path, [name for name in names if name in file.numeric])
    return found, tuple(dict.fromkeys(known))


def read_columns(path: str | Path, names: Iterable[str]) -> Columns:
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

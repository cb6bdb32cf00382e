"""The cells of a score table, while it is filled."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from untrained.scores.table import NOT_SCORED, ScoreTable
from untrained.scoring.one_network import NetworkScores, Task


class Cells:
    """Scores of networks by architecture and metric, from a finished table, a journal, and as they are computed.

    A cell is known if it has a score, or a reason why it has none. Architectures that share a network (twins) share
    their cells, under the twin that is canonical.
    """

    def __init__(self) -> None:
        self.values = dict[str, dict[str, float | None]]()
        self.reasons = dict[str, dict[str, str]]()
        self.unbuilt = dict[str, str]()

    def add(self, scores: NetworkScores) -> None:
        """Takes the scores of one network."""
        if scores.unbuilt:
            self.unbuilt[scores.architecture] = scores.unbuilt
        self.values.setdefault(scores.architecture, {}).update(scores.values)
        self.reasons.setdefault(scores.architecture, {}).update(scores.reasons)

    def add_table(self, table: ScoreTable, canonical: Callable[[str], str]) -> None:
        """Takes the scores of a finished table; `canonical` gives the twin of an architecture."""
        for arch, row in zip(table.archs, table.values.tolist(), strict=True):
            why = {m: reason for m, reason in table.reasons.get(arch, {}).items() if reason != NOT_SCORED}
            values = {m: value for m, value in zip(table.metrics, row, strict=True) if value == value}
            self.add(NetworkScores(canonical(arch), {**dict.fromkeys(why, None), **values}, why))
        for arch, why in table.provenance.get("unbuilt", {}).items():
            self.add(NetworkScores(canonical(arch), {}, {}, why))

    def task(self, arch: str, metrics: Iterable[str]) -> Task:
        """What is left to compute of one network."""
        if arch in self.unbuilt:
            return Task(arch, ())
        known = self.values.get(arch, {})
        return Task(arch, tuple(name for name in metrics if name not in known))

    def knows(self, scores: NetworkScores) -> bool:
        """Whether the scores of a network stand here already."""
        return not self.task(scores.architecture, scores.values).metrics

    def has_a_score(self, arch: str, metrics: Iterable[str]) -> bool:
        """Whether any of the metrics has a score on the network."""
        return any(self.values.get(arch, {}).get(name) is not None for name in metrics)

    def table(self, twin: Mapping[str, str], metrics: Mapping[str, int], provenance: Mapping[str, Any]) -> ScoreTable:
        """The table of the architectures that can be built.

        Args:
            twin: architecture -> its canonical twin, in the order of the rows.
            metrics: name -> direction, in the order of the columns.
            provenance: goes into the table, with the architectures that are left out.
        """
        built = {arch: t for arch, t in twin.items() if t not in self.unbuilt}
        left_out = {arch: self.unbuilt[t] for arch, t in twin.items() if t in self.unbuilt}
        values = np.full((len(built), len(metrics)), np.nan)
        reasons = dict[str, dict[str, str]]()
        for i, (arch, t) in enumerate(built.items()):
            for k, name in enumerate(metrics):
                value = self.values.get(t, {}).get(name)
                if value is None:
                    reasons.setdefault(arch, {})[name] = self.reasons.get(t, {}).get(name, NOT_SCORED)
                else:
                    values[i, k] = value
        provenance = {**provenance, "unbuilt": left_out}
        return ScoreTable(tuple(built), tuple(metrics), values, reasons, provenance, tuple(metrics.values()))

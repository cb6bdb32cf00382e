"""A table that answers for a training."""

import math
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from torch import Tensor

from untrained.data.tables import open_table
from untrained.errors import InputError
from untrained.objectives.base import (
    Direction,
    Evaluation,
    EvaluationFailed,
    EvaluationPruned,
    Objective,
    check_direction,
)
from untrained.scores import ScoreTable


class TabularObjective(Objective):
    """Looks a training up in a table: a column of a Parquet, CSV or JSON file with a column `arch`.

    With fidelities and a pruner, an architecture is trained for the fewest epochs first, and on to more only while the
    pruner lets it. Each is a training of its own, as in NAS-Bench-201, whose 12 epochs end at a learning rate of zero:
    an architecture that is let through pays for all of them, one that is stopped for those that it had. Without a
    pruner only the last is made. An empty figure of a lower fidelity is passed over.

    Args:
        path: the file.
        column: the objective. An empty cell (null or NaN) is a failed training.
        report_column: a test figure, looked up for the pick only.
        cost_column: seconds that the tabulated training took; 0 if None.
        direction: "maximize" or "minimize", the better way of the objective.
        fidelities: epochs -> column of the same figure after a training of so many epochs; the last one is `column`.
        cost_epochs: the epochs whose cost `cost_column` is, if not those of the last fidelity; other trainings cost in
            proportion.

    Raises:
        InputError: the file is missing or broken, a column is missing or not numbers, an architecture stands twice, or
            an objective is infinite, or its cost missing.

    Example:
        >>> _ = Path("table.csv").write_text("arch,val,test\\na,90,89\\nb,92,90\\n")
        >>> objective = TabularObjective("table.csv", "val", report_column="test")
        >>> objective("b").value, objective.report("b", None), objective.rank("a", ["a", "b"])
        (92.0, {'test': 90.0}, 2)
    """

    def __init__(
        self,
        path: str | Path,
        column: str,
        *,
        report_column: str | None = None,
        cost_column: str | None = None,
        direction: Direction = "maximize",
        fidelities: Mapping[int, str] | None = None,
        cost_epochs: int | None = None,
    ) -> None:
        self.path = Path(path)
        self.column = column
        self.report_column = report_column
        self.direction: Direction = check_direction(direction)
        self.fidelities = dict(sorted((fidelities or {}).items()))
        if self.fidelities and (min(self.fidelities) < 1 or list(self.fidelities.values())[-1] != column):
            raise InputError(f"fidelities {self.fidelities}: give whole epochs from 1, the most of them for {column!r}")
        self._cost_epochs = cost_epochs or max(self.fidelities, default=1)
        names = [column, *self.fidelities.values(), report_column, cost_column]
        names = list(dict.fromkeys(name for name in names if name is not None))
        table = open_table(path).read(names)
        self.archs: tuple[str, ...] = tuple(table["arch"].to_pylist())
        self._row = {arch: i for i, arch in enumerate(self.archs)}
        self._columns = {name: table[name].to_numpy() for name in names}
        self._values = self._columns[column]
        self._costs = None if cost_column is None else self._columns[cost_column]
        for name in (column, *self.fidelities.values()):
            for i in np.flatnonzero(np.isinf(self._columns[name]))[:1]:
                raise InputError(f"{path}: {name} is {self._columns[name][i]} for {self.archs[i]!r}; it must be finite")
        if np.isnan(self._values).all():
            raise InputError(f"{path}: column {column!r} has no value at all")
        if self._costs is not None:
            wrong = ~(np.isfinite(self._costs) & (self._costs >= 0) | np.isnan(self._values))
            for i in np.flatnonzero(wrong)[:1]:
                raise InputError(f"{path}: {cost_column} is {self._costs[i]} for {self.archs[i]!r}: give its seconds")

    @property
    def steps(self) -> tuple[int, ...]:
        """The epochs of `fidelities`, rising."""
        return tuple(self.fidelities)

    def __call__(self, arch: str, trial: optuna.Trial | None = None) -> Evaluation:
        self.check(arch)
        row = self._row[arch]
        cost = 0.0
        if self.steps[:-1] and trial is not None and not isinstance(trial.study.pruner, optuna.pruners.NopPruner):
            for epochs in self.steps[:-1]:
                cost += self._cost(row, epochs)
                value = float(self._columns[self.fidelities[epochs]][row])
                if math.isnan(value):
                    continue
                trial.report(value, epochs)
                if trial.should_prune():
                    raise EvaluationPruned(f"stopped after {epochs} epochs of {self.steps[-1]}", cost)
        value = float(self._values[row])
        if math.isnan(value):
            raise EvaluationFailed(f"{self.column} is empty for this architecture")
        return Evaluation(value, cost + self._cost(row, max(self.steps, default=1)))

    def _cost(self, row: int, epochs: int) -> float:
        return 0.0 if self._costs is None else float(self._costs[row]) * epochs / self._cost_epochs

    def common(self, scores: ScoreTable, source: object) -> ScoreTable:
        """Takes the scores of the architectures that the table knows.

        Args:
            scores: The scores.
            source: Their file, for the message.

        Returns:
            The scores of these architectures, in the order of `scores`.

        Raises:
            InputError: There is none.
        """
        archs = [arch for arch in scores.archs if arch in self._row]
        if not archs:
            raise InputError(f"{source} and {self.path} have no architecture in common")
        return scores.select(archs)

    def check(self, arch: str) -> None:
        if arch not in self._row:
            raise InputError(f"architecture {arch!r} is not in {self.path}")

    @property
    def identity(self) -> dict[str, Any]:
        """What the values depend on (JSON): the columns, and a hash of their content."""
        digest = blake2b("\n".join(self.archs).encode() + self._values.tobytes(), digest_size=8)
        for column in self.fidelities.values():
            digest.update(self._columns[column].tobytes())
        if self._costs is not None:
            digest.update(self._costs.tobytes())
        return {
            "kind": "table",
            "file": self.path.name,
            "column": self.column,
            "direction": self.direction,
            "content": digest.hexdigest(),
            **({"fidelities": {str(epochs): name for epochs, name in self.fidelities.items()}} if self.steps else {}),
        }

    def report(self, arch: str, weights: Mapping[str, Tensor] | None) -> dict[str, float]:
        if self.report_column is None:
            return {}
        return {self.report_column: float(self._columns[self.report_column][self._row[arch]])}

    def values(self, archs: Sequence[str]) -> NDArray[np.float64]:
        """The objective of architectures: for reports on a whole pool, not for samplers.

        Args:
            archs: n architectures of the table.

        Returns:
            n figures, NaN if they are empty.
        """
        return self._values[[self._row[arch] for arch in archs]]

    def upward(self, archs: Sequence[str]) -> NDArray[np.float64]:
        """Looks up values, and turns them so that higher is better.

        Args:
            archs: n architectures of the table.

        Returns:
            n numbers, NaN for an empty value.
        """
        return -self.values(archs) if self.direction == "minimize" else self.values(archs)

    def rank(self, arch: str, pool: Sequence[str]) -> int:
        """The objective rank R_f(arch): 1 + how many architectures of the pool are strictly better.

        Args:
            arch: an architecture of the table.
            pool: those to compare it with.
        """
        return 1 + int((self.upward(pool) > self.upward([arch])).sum())

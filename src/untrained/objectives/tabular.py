"""A table that answers for a training."""

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pyarrow as pa
from numpy.typing import NDArray
from torch import Tensor

from untrained.errors import InputError
from untrained.objectives.base import Direction, Evaluation, EvaluationFailed, Objective
from untrained.scores import read_parquet


class TabularObjective(Objective):
    """The column of a Parquet file with an `arch` column.

    column: the objective. report_column: a test figure, looked up for the pick only.
    cost_column: seconds that the tabulated training took; 0 where None.

    An empty (null or NaN) value is a failed training; an infinite one is refused. Raises `InputError` for a missing
    or broken file, a missing or non-numeric column, an architecture that stands twice.
    """

    def __init__(
        self,
        path: str | Path,
        column: str,
        *,
        report_column: str | None = None,
        cost_column: str | None = None,
        direction: Direction = "maximize",
    ) -> None:
        self.path = Path(path)
        self.column = column
        self.report_column = report_column
        self.direction: Direction = direction
        names = [name for name in (column, report_column, cost_column) if name is not None]
        table = read_parquet(path, names)
        self.archs: tuple[str, ...] = tuple(table["arch"].to_pylist())
        self._row = {arch: i for i, arch in enumerate(self.archs)}
        if len(self._row) < len(self.archs):
            twice = next(a for i, a in enumerate(self.archs) if self._row[a] != i)
            raise InputError(f"{path}: architecture {twice!r} stands twice")
        self._columns = {name: _numbers(table, name, self.path) for name in names}
        self._values = self._columns[column]
        self._costs = None if cost_column is None else self._columns[cost_column]
        for i in np.flatnonzero(np.isinf(self._values))[:1]:
            raise InputError(f"{path}: {column} is {self._values[i]} for {self.archs[i]!r}; it must be finite")
        if np.isnan(self._values).all():
            raise InputError(f"{path}: column {column!r} has no value at all")

    def __call__(self, arch: str, trial: optuna.Trial | None = None) -> Evaluation:
        self.check(arch)
        value = float(self._values[self._row[arch]])
        if np.isnan(value):
            raise EvaluationFailed(f"{self.column} is empty for this architecture")
        return Evaluation(value, 0.0 if self._costs is None else float(self._costs[self._row[arch]]))

    def check(self, arch: str) -> None:
        if arch not in self._row:
            raise InputError(f"architecture {arch!r} is not in {self.path}")

    @property
    def identity(self) -> dict[str, Any]:
        digest = blake2b("\n".join(self.archs).encode() + self._values.tobytes(), digest_size=8).hexdigest()
        return {
            "kind": "table",
            "file": self.path.name,
            "column": self.column,
            "direction": self.direction,
            "content": digest,
        }

    def report(self, arch: str, weights: Mapping[str, Tensor] | None) -> dict[str, float]:
        if self.report_column is None:
            return {}
        return {self.report_column: float(self._columns[self.report_column][self._row[arch]])}

    def rank(self, arch: str, pool: tuple[str, ...]) -> int:
        """R_f(arch): 1 + how many of `pool` are strictly better."""
        values = self._values[[self._row[a] for a in pool]]
        own = self._values[self._row[arch]]
        better = values < own if self.direction == "minimize" else values > own
        return 1 + int(better.sum())


def _numbers(table: pa.Table, name: str, path: Path) -> NDArray[np.float64]:
    kind = table.schema.field(name).type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        raise InputError(f"{path}: column {name!r} holds {kind}, not numbers")
    return table[name].cast(pa.float64()).to_numpy()

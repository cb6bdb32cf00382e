"""What is done to a row of a table before a network sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from untrained.data.preparation import Preparation
from untrained.data.tabular.cells import Cells, Holds, cells_of
from untrained.data.tabular.rows import Rows, read_rows
from untrained.errors import InputError, InputWarning, listed, shown, warn

UNKNOWN = -1.0
"""The code of a category that has no column of its own."""


@dataclass(frozen=True)
class TableColumn:
    """How one column becomes inputs of a network.

    Numbers, booleans (0 and 1) and dates (days since 1970) have their median filled in if they are missing, and are
    standardised; if some were missing in training, a second input says so, standardised likewise. Text becomes one
    input for each category, 1 for its own and 0 for the others.

    Args:
        name: Of the column.
        holds: "number", "boolean", "date" or "text".
        median: Over the training rows, as are all that follow.
        mean: Of the numbers, their median filled in.
        std: Likewise; 1 if all are the same.
        gaps: Mean and standard deviation of what says that a number is missing; None if none was.
        categories: Of text, those with an input of their own. A missing cell is the category "".
        others: Whether all other categories have one input together; else they are all zeros.
    """

    name: str
    holds: Holds
    median: float = 0.0
    mean: float = 0.0
    std: float = 1.0
    gaps: tuple[float, float] | None = None
    categories: tuple[str, ...] = ()
    others: bool = False

    def coded(self, cells: Cells) -> np.ndarray:
        """The cells as raw inputs: n float32 numbers, NaN if missing; of text, the places of the categories."""
        if cells.texts is None:
            assert cells.numbers is not None
            return cells.numbers.astype(np.float32)
        places = {category: float(place) for place, category in enumerate(self.categories)}
        return np.array([places.get(text or "", UNKNOWN) for text in cells.texts], dtype=np.float32)


@dataclass(frozen=True)
class TablePreparation(Preparation):
    """Filling in, standardising and encoding the columns of a table, as scikit-learn's `SimpleImputer`,
    `StandardScaler` and `OneHotEncoder` do, which it was fitted by.

    A raw batch is n x columns float32: numbers with NaN if they are missing, and categories as their places, -1 if they
    are unknown. Inputs of the network are n x features: all numbers, then what says that they are missing, then the
    categories.

    Args:
        columns: What is done to each of them.

    Example:
        >>> age = TableColumn("age", "number", 30.0, 30.0, 10.0)
        >>> colour = TableColumn("colour", "text", categories=("blue", "red"))
        >>> prepare = TablePreparation((age, colour)).module()
        >>> prepare(torch.tensor([[40.0, 1.0], [torch.nan, -1.0]])).tolist()
        [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    """

    columns: tuple[TableColumn, ...]
    kind = "table"

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the inputs of a network, as `age`, `age missing` and `colour=red`."""
        numbers = [column for column in self.columns if column.holds != "text"]
        gaps = [f"{column.name} missing" for column in numbers if column.gaps is not None]
        return (*(column.name for column in numbers), *gaps, *self._categories)

    @property
    def _categories(self) -> list[str]:
        texts = [column for column in self.columns if column.holds == "text"]
        return [
            f"{column.name}={category}"
            for column in texts
            for category in (*column.categories, *(("others",) if column.others else ()))
        ]

    def module(self) -> "PrepareRows":
        return PrepareRows(self)

    def read(self, paths: Sequence[Path]) -> Tensor:
        """Reads raw inputs from CSV or Parquet files, the rows of one after those of the other.

        Args:
            paths: Files with the columns of the training data; others are not looked at.

        Returns:
            n x columns float32.

        Raises:
            InputError: A file cannot be read, has not all of the columns, or other cells in them.
        """
        return torch.cat([self.coded(read_rows(Path(path))) for path in paths])

    def coded(self, rows: Rows) -> Tensor:
        """Rows as raw inputs. A warning names categories that the training data did not have.

        Args:
            rows: A table with the columns.

        Returns:
            n x columns float32.

        Raises:
            InputError: A column is missing, or holds something else.
        """
        missing = [column.name for column in self.columns if column.name not in rows.columns]
        if missing:
            raise InputError(f"{rows.name} has no column {listed(map(repr, missing))}: it has {listed(rows.columns)}")
        cells = [cells_of(rows, column.name, column.holds) for column in self.columns]
        for column, there in zip(self.columns, cells, strict=True):
            if there.texts is not None and not column.others:
                new = sorted({text or "" for text in there.texts} - set(column.categories))
                if new:
                    note = f"{listed(map(shown, new), 5)} in column {shown(column.name, 40)}"
                    warn(
                        f"{rows.name}: {note} was not in the training data, and counts as none of its categories",
                        InputWarning,
                    )
        return torch.from_numpy(np.stack([c.coded(there) for c, there in zip(self.columns, cells, strict=True)], 1))

    def to_json(self) -> dict[str, Any]:
        columns = [asdict(column) | {"categories": list(column.categories)} for column in self.columns]
        return {"kind": self.kind, "columns": [c | {"gaps": c["gaps"] and list(c["gaps"])} for c in columns]}

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> "TablePreparation":
        return cls(
            tuple(
                TableColumn(**c | {"gaps": c["gaps"] and tuple(c["gaps"]), "categories": tuple(c["categories"])})
                for c in document["columns"]
            )
        )


class PrepareRows(nn.Module):
    """The module of `TablePreparation`: n x columns float32 -> n x features float32.

    Args:
        preparation: What is done to the columns.
    """

    numbers: Tensor
    median: Tensor
    mean: Tensor
    rest: Tensor
    std: Tensor
    gaps: Tensor
    gap_mean: Tensor
    gap_std: Tensor
    texts: Tensor
    codes: Tensor
    known: Tensor

    def __init__(self, preparation: TablePreparation) -> None:
        super().__init__()
        places = {column.name: place for place, column in enumerate(preparation.columns)}
        numbers = [column for column in preparation.columns if column.holds != "text"]
        gaps = [column for column in numbers if column.gaps is not None]
        # A category's place in its column; -1 stands for all that have no input of their own.
        codes = [
            (places[column.name], code)
            for column in preparation.columns
            if column.holds == "text"
            for code in (*range(len(column.categories)), *((UNKNOWN,) if column.others else ()))
        ]
        mean = torch.tensor([column.mean for column in numbers], dtype=torch.float64)
        self._keep("numbers", [places[column.name] for column in numbers], torch.int64)
        self._keep("median", [column.median for column in numbers])
        # The mean in two parts: a number close to it loses nothing by the subtraction.
        self._keep("mean", mean.tolist())
        self._keep("rest", (mean - mean.float().double()).tolist())
        self._keep("std", [column.std for column in numbers])
        self._keep("gaps", [places[column.name] for column in gaps], torch.int64)
        self._keep("gap_mean", [column.gaps[0] for column in gaps if column.gaps])
        self._keep("gap_std", [column.gaps[1] for column in gaps if column.gaps])
        self._keep("texts", [place for place, _ in codes], torch.int64)
        self._keep("codes", [code for _, code in codes])

    def _keep(self, name: str, values: list[Any], dtype: torch.dtype = torch.float32) -> None:
        self.register_buffer(name, torch.tensor(values, dtype=dtype), persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        rows = rows.float()
        features = list[Tensor]()
        if len(self.numbers):
            numbers = rows[:, self.numbers]
            numbers = torch.where(torch.isnan(numbers), self.median, numbers)
            features.append((numbers - self.mean - self.rest) / self.std)
        if len(self.gaps):
            missing = torch.isnan(rows[:, self.gaps]).float()
            features.append((missing - self.gap_mean) / self.gap_std)
        if len(self.texts):
            features.append((rows[:, self.texts] == self.codes).float())
        return torch.cat(features, 1)

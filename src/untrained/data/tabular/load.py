"""A table from a file, made ready for trainings."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from untrained.data.source import SPLITS
from untrained.data.source import Rows as Places
from untrained.data.splits import divided, tenths
from untrained.data.tabular.cells import cells_of
from untrained.data.tabular.data import TableData
from untrained.data.tabular.fit import fitted, useful
from untrained.data.tabular.rows import Rows, read_rows, rows_of
from untrained.data.tabular.target import Target, target_of
from untrained.errors import InputError, listed, shown

SPLIT = "split"
"""The column that may say which split a row is of."""


def load_table(
    source: Any,
    test: Any = None,
    *,
    target: str | Sequence[str] | None = None,
    task: str | None = None,
    inputs: str | Sequence[str] | None = None,
    subset: int | None = None,
    name: str | None = None,
) -> TableData:
    """Reads a table, finds what is to be predicted, and fits the preparation of the other columns.

    Args:
        source: A CSV file with a header, a Parquet file, a pyarrow table, or a data frame of pandas or polars.
        test: Another, with the same columns, for testing.
        target: The column to be predicted, or several of numbers; if None, one called target, label, class or y.
        task: "classification", "multi-label" or "regression"; told by what the target holds if None.
        inputs: The columns that a network sees; all that tell something if None.
        subset: How many rows are used at most, drawn class by class.
        name: What messages and studies call the table; the file's name if None.

    Returns:
        The table: rows split by its column `split` if there is one, else at random, class by class.

    Raises:
        InputError: The table cannot be read, or cannot be used so.

    Example:
        >>> table = pa.table({"x": [0.5, 1.5, None, 3.5] * 5, "kind": ["a", "b", "a", "b"] * 5})
        >>> data = load_table(table, target="kind")
        >>> data.task.classes, data.preparation.features
        (('a', 'b'), ('x', 'x missing'))
    """
    rows = _rows(source, name)
    length = len(rows)
    if test is not None:
        rows = _joined(rows, _rows(test, None))
    found = target_of(rows, target, task)
    given = _splits(rows, found)
    if test is not None:
        own, other = np.arange(length), np.arange(length, len(rows))
        given = {part: np.intersect1d(there, own) for part, there in given.items() if part != "test"} | {"test": other}
        given.setdefault("train", np.setdiff1d(own, given.get("valid", [])))
    cells = [cells_of(rows, one) for one in _inputs(rows, found, inputs)]
    cells = useful(cells, rows.name) if inputs is None else cells
    called = found.task.called if found.task.kind == "classification" else str
    splits = divided(_groups(found), given, rows.name, subset, called, "rows")
    preparation = fitted(cells, splits["train"])
    raw = np.stack([c.coded(there) for c, there in zip(preparation.columns, cells, strict=True)], 1)
    short = Path(rows.name).name if name is None else name
    return TableData(short, torch.from_numpy(raw), found, splits, preparation)


def _rows(source: Any, name: str | None) -> Rows:
    if isinstance(source, str | Path):
        rows = read_rows(Path(source))
        return rows if name is None else replace(rows, name=name)
    return rows_of(name or "the table", source)


def _joined(rows: Rows, test: Rows) -> Rows:
    """The rows of both, in the columns of the first."""
    columns = dict[str, pa.ChunkedArray]()
    for name, column in rows.columns.items():
        other = test.column(name)
        try:
            columns[name] = pa.chunked_array([*column.chunks, *other.cast(column.type).chunks], column.type)
        except pa.ArrowException:
            raise InputError(
                f"column {shown(name, 40)} holds {column.type} in {rows.name}, and {other.type} in {test.name}"
            ) from None
    return Rows(rows.name, columns, rows.decimal_comma)


def _splits(rows: Rows, target: Target) -> dict[str, Places]:
    """Split -> rows, by the column that says so."""
    name = next((column for column in rows.columns if column.lower() == SPLIT), None)
    if name is None or name in target.columns:
        return {}
    cells = cells_of(rows, name)
    words = {} if cells.texts is None else {word: SPLITS.get(str(word).lower()) for word in set(cells.texts.tolist())}
    if cells.texts is None or not any(words.values()):
        return {}  # a column like any other
    wrong = [word for word, part in words.items() if part is None]
    if wrong or "train" not in words.values():
        what = (
            f"{shown(wrong[0], 40)} in column {name!r} is no split" if wrong else f"no row of column {name!r} is train"
        )
        raise InputError(f"{rows.name}: {what}: give {listed(SPLITS)}")
    parts = np.array([words[word] for word in cells.texts])
    return {part: np.flatnonzero(parts == part) for part in ("train", "valid", "test") if (parts == part).any()}


def _groups(target: Target) -> NDArray[np.int64]:
    """The group of each row, of which each split has its part."""
    if target.task.kind == "classification":
        return target.values
    return np.zeros(len(target.values), np.int64) if target.task.kind == "multi-label" else tenths(target.values[:, 0])


def _inputs(rows: Rows, target: Target, named: str | Sequence[str] | None) -> list[str]:
    split_column = next((one for one in rows.columns if one.lower() == SPLIT), None) if _splits(rows, target) else None
    if named is None:
        return [name for name in rows.columns if name not in (*target.columns, split_column)]
    names = [name.strip() for name in named.split(",")] if isinstance(named, str) else list(named)
    for name in names:
        if name in target.columns:
            raise InputError(f"{rows.name}: column {shown(name, 40)} is the target: it cannot be one of the inputs")
    if not names:
        raise InputError(f"{rows.name}: no columns are named: give some of {listed(rows.columns)}")
    return list(dict.fromkeys(names))

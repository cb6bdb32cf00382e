"""Which columns of a table hold the targets of images, and what is in them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from untrained.data.source import SPLITS, Rows, Wanted
from untrained.errors import InputError, listed, shown

LABEL = ("label", "labels", "class", "target", "category", "fine_label", "y")
"""What a column of targets may be called; the first that is there is taken, else the only one that could be it."""
SPLIT_COLUMN = "split"


def chosen_targets(name: str, schema: pa.Schema, wanted: Wanted, image: str) -> list[str]:
    """Finds the columns of targets.

    Args:
        name: What messages call the table.
        schema: Its columns.
        wanted: What the user says of it.
        image: The column of images.

    Returns:
        One column; or several of numbers, if the user names them or the task is "multi-label" and there are.

    Raises:
        InputError: There are none, or several of which one must be chosen.
    """
    if wanted.target is not None:
        columns = [column.strip() for column in wanted.target.split(",")]
        if wanted.target in schema.names:
            columns = [wanted.target]
        for column in columns:
            if column not in schema.names or column == image:
                others = [other for other in schema.names if other != image]
                raise InputError(f"{name} has no column {column!r} of targets: it has {listed(others)}")
        return columns
    known = [column for column in LABEL if schema.names.count(column) == 1 and column != image]
    if known:
        return known[:1]
    others = [field for field in schema if field.name not in (image, SPLIT_COLUMN) and _could_be(field.type)]
    numbers = [field.name for field in others if _is_number(field.type)]
    if wanted.task == "multi-label" and len(numbers) > 1:
        return numbers
    if len(others) != 1:
        what = f"could be {listed(field.name for field in others)}" if others else f"it has {listed(schema.names)}"
        raise InputError(f"{name}: which column holds the labels? {what}: name it label, or give --target")
    return [others[0].name]


def targets_in(name: str, table: pa.Table, columns: list[str], wanted: Wanted) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Reads the columns of targets.

    Args:
        name: What messages call the table.
        table: The columns.
        columns: Those of targets.
        wanted: What the user says of it.

    Returns:
        n numbers or texts, or n x k numbers; and the names of the k.

    Raises:
        InputError: A row has none, or a column holds something else.
    """
    if len(columns) == 1:
        return _column(name, columns[0], table[columns[0]])
    parts = [_column(name, column, table[column])[0] for column in columns]
    for column, part in zip(columns, parts, strict=True):
        if part.ndim != 1 or part.dtype.kind not in "fiub":
            raise InputError(f"{name}: column {column!r} is not numbers: several columns of targets must be")
    return np.stack([part.astype(np.float64) for part in parts], axis=1), tuple(columns)


def rows_of_splits(name: str, column: pa.ChunkedArray) -> Mapping[str, Rows]:
    """The rows of each split.

    Args:
        name: What messages call the table.
        column: The split of each row, in one of the usual words.

    Raises:
        InputError: There is another word, or no row to train on.
    """
    words = [str(word).strip().lower() for word in column.to_pylist()]
    for row, word in enumerate(words):
        if word not in SPLITS:
            raise InputError(f"{name}: split {shown(word)} in row {row}: give train, valid or test")
    parts = np.array([SPLITS[word] for word in words])
    if "train" not in parts:
        raise InputError(f"{name}: no row is of split train")
    return {part: np.flatnonzero(parts == part) for part in ("train", "valid", "test") if part in parts}


def _column(name: str, label: str, column: pa.ChunkedArray) -> tuple[NDArray[Any], tuple[str, ...]]:
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise InputError(f"{name} has {column.null_count:,} rows without a label in {label!r}, row {row} first")
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if _is_list(kind):
        return _lists(name, label, column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return np.array(column.cast(pa.string()).to_pylist(), dtype=object), ()
    if not _is_number(kind):
        raise InputError(f"{name}: column {label!r} holds {kind}: labels must be 0, 1, 2, ... or names")
    if pa.types.is_decimal(kind):
        return np.asarray(column.cast(pa.float64()).to_numpy()), ()
    return np.asarray(column.cast(kind).to_numpy()), ()


def _lists(name: str, label: str, column: pa.ChunkedArray) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Lists of names: those that an image has, which become 0 and 1; lists of k numbers: rows."""
    rows = column.to_pylist()
    texts = sorted({value for row in rows for value in row if isinstance(value, str)})
    if texts:
        places = {text: place for place, text in enumerate(texts)}
        found = np.zeros((len(rows), len(texts)), np.int64)
        for place, row in enumerate(rows):
            for value in row:
                if value not in places:
                    raise InputError(f"{name}: label {shown(value)} in row {place} of {label!r} is no name")
                found[place, places[value]] = 1
        return found, tuple(texts)
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        raise InputError(
            f"{name}: column {label!r} holds lists of {listed(sorted(lengths))} numbers: give k in each row"
        )
    values = np.array(rows)
    if values.dtype.kind not in "fiub":
        raise InputError(f"{name}: column {label!r} holds {column.type}: give lists of names, or of 0 and 1")
    return values, ()


def _is_number(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _could_be(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return _is_number(kind) or _is_list(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)

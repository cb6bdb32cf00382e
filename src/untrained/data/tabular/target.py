"""What of a table is to be predicted: which column, and whether its values are classes or numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from untrained.data.tabular.cells import Cells, cells_of
from untrained.data.tabular.rows import Rows
from untrained.data.task import Task
from untrained.errors import InputError, InputWarning, listed, shown, warn

TARGETS = ("target", "label", "class", "y")
"""What the target may be called if nobody says; in capitals or not, the first that is there."""
MOST_CLASSES = 20
"""Different integers that still are classes."""
ROWS_A_CLASS = 5
"""Rows that each of them has on average at least."""
KINDS = ("classification", "multi-label", "regression")


@dataclass(frozen=True, eq=False)
class Target:
    """What is to be predicted.

    Args:
        columns: The names of its columns.
        task: Without the scale of numbers, which the training rows tell.
        values: n classes, or n x k float32.
    """

    columns: tuple[str, ...]
    task: Task
    values: NDArray[Any]


def target_of(rows: Rows, named: str | Sequence[str] | None = None, kind: str | None = None) -> Target:
    """Finds what is to be predicted.

    Args:
        rows: The table.
        named: The column, or several; one called as in `TARGETS` if None.
        kind: The kind of task; told by what the column holds if None: text, booleans and a few integers are classes,
            other numbers are to be predicted as such, and several columns of zeros and ones are labels.

    Raises:
        InputError: There is no such column, a row has no value in it, or its values are not of this kind.
    """
    if kind is not None and kind not in KINDS:
        raise InputError(f"task {shown(kind, 40)} of a table: choose from {listed(KINDS)}")
    names = [_found(rows)] if named is None else _listed_names(rows, named)
    columns = [cells_of(rows, name) for name in names]
    for cells in columns:
        if cells.missing.any():
            row, more = int(np.argmax(cells.missing)) + 1, int(cells.missing.sum()) - 1
            also = f" (nor have {more} more)" if more else ""
            raise InputError(
                f"{rows.name}: row {row}{also} has no value of the target {shown(cells.name, 40)}: fill it in, or "
                "leave the row out"
            )
    if kind == "multi-label" or (kind is None and len(columns) > 1 and all(map(_zero_or_one, columns))):
        return Target(tuple(names), _labels(rows, columns), _numbers(rows, columns))
    if kind != "regression" and len(columns) == 1 and (kind or _are_classes(columns[0])):
        return _classes(rows, columns[0])
    if kind is None and len(columns) == 1 and _may_be_classes(columns[0]):
        count = len(set(cast(Any, columns[0].numbers).tolist()))
        warn(
            f"{rows.name}: target {shown(names[0], 40)} has {count} values, all whole, and is taken for a number to be "
            "predicted: give task='classification' for classes",
            InputWarning,
        )
    values = _numbers(rows, columns, "" if kind is None else " of a regression")
    for cells, column in zip(columns, values.T, strict=True):
        if column.min() == column.max():
            raise InputError(f"{rows.name}: target {shown(cells.name, 40)} is {column[0]:g} in every row")
    return Target(tuple(names), Task("regression", len(columns)), values)


def _found(rows: Rows) -> str:
    for name in TARGETS:
        there = [column for column in rows.columns if column.lower() == name]
        if len(there) == 1:
            return there[0]
    raise InputError(
        f"{rows.name}: which column is to be predicted? None is called {', '.join(TARGETS[:-1])} or {TARGETS[-1]}: "
        f"name the target, one of {listed(rows.columns)}"
    )


def _listed_names(rows: Rows, named: str | Sequence[str]) -> list[str]:
    if isinstance(named, str):
        several = [name.strip() for name in named.split(",")]
        named = [named] if named in rows.columns or len(several) == 1 else several
    names = list(dict.fromkeys(named))
    if not names:
        raise InputError(f"{rows.name}: no target is named: give one of {listed(rows.columns)}")
    return names


def _zero_or_one(cells: Cells) -> bool:
    return cells.numbers is not None and bool(np.isin(cells.numbers, (0.0, 1.0)).all())


def _are_classes(cells: Cells) -> bool:
    if cells.holds in ("text", "boolean"):
        return True
    assert cells.numbers is not None
    distinct = np.unique(cells.numbers)
    if cells.holds == "date" or len(distinct) > MOST_CLASSES:
        return False
    return _zero_or_one(cells) or (cells.whole and len(cells.numbers) >= ROWS_A_CLASS * len(distinct))


def _may_be_classes(cells: Cells) -> bool:
    """Floats that are as few as classes are."""
    if cells.numbers is None or cells.whole or cells.holds != "number" or (cells.numbers % 1).any():
        return False
    distinct = len(np.unique(cells.numbers))
    return distinct <= MOST_CLASSES and len(cells.numbers) >= ROWS_A_CLASS * distinct


def _classes(rows: Rows, cells: Cells) -> Target:
    if cells.holds == "boolean":
        assert cells.numbers is not None
        names, values = np.unique(cells.numbers, return_inverse=True)
        classes = tuple("true" if name else "false" for name in names)
    elif cells.texts is not None:
        found, values = np.unique(cells.texts.astype(str), return_inverse=True)
        classes = tuple(found.tolist())
    else:
        assert cells.numbers is not None
        found, values = np.unique(cells.numbers, return_inverse=True)
        classes = tuple(f"{number:.0f}" if number == round(number) else repr(float(number)) for number in found)
    called = f"{rows.name}: target {shown(cells.name, 40)}"
    if len(classes) < 2:
        raise InputError(f"{called} is {listed(map(repr, classes))} in every row: at least two classes are needed")
    if 2 * len(classes) > len(values):
        raise InputError(
            f"{called} has {len(classes)} classes in {len(values)} rows: give at least two rows of each, or "
            "task='regression' if they are numbers"
        )
    return Target((cells.name,), Task("classification", len(classes), classes), values.astype(np.int64))


def _labels(rows: Rows, columns: Sequence[Cells]) -> Task:
    for cells in columns:
        if not _zero_or_one(cells):
            raise InputError(f"{rows.name}: target {shown(cells.name, 40)} of a multi-label task must be 0 or 1")
    return Task("multi-label", len(columns), tuple(cells.name for cells in columns))


def _numbers(rows: Rows, columns: Sequence[Cells], what: str = "") -> NDArray[np.float32]:
    for cells in columns:
        if cells.numbers is None or cells.holds == "date":
            also = "" if len(columns) == 1 else ", as all of several targets must"
            raise InputError(
                f"{rows.name}: target {shown(cells.name, 40)}{what} holds {cells.holds}, not numbers{also}"
            )
    return np.stack([cells.numbers for cells in columns if cells.numbers is not None], 1).astype(np.float32)

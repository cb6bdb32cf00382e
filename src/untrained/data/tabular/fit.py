"""Which columns of a table a network sees, and how: fitted on the training rows by scikit-learn."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from untrained.data.tabular.cells import Cells
from untrained.data.tabular.preparation import TableColumn, TablePreparation
from untrained.errors import InputError, InputWarning, listed, shown, warn

MOST_CATEGORIES = 32
"""Inputs that a column of text becomes at most; the rarest categories share the last one."""
FEWEST_ROWS = 20
"""Of fewer rows, columns of numbers that are all different say nothing."""


def fitted(columns: Sequence[Cells], rows: NDArray[np.int64]) -> TablePreparation:
    """Fits what is done to each column.

    Args:
        columns: All cells of those that a network is to see.
        rows: The training rows.
    """
    numbers = [cells for cells in columns if cells.numbers is not None]
    of_numbers = dict(zip((cells.name for cells in numbers), _numbers(numbers, rows), strict=True)) if numbers else {}
    return TablePreparation(tuple(of_numbers.get(cells.name) or _text(cells, rows) for cells in columns))


def _numbers(columns: Sequence[Cells], rows: NDArray[np.int64]) -> list[TableColumn]:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # As networks see them: in single precision.
    values = np.stack([c.numbers for c in columns if c.numbers is not None], 1)[rows].astype(np.float32).astype(float)
    imputer: Any = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    scaler: Any = StandardScaler()
    make_pipeline(imputer, scaler).fit(values)
    with_gaps = imputer.indicator_.features_.tolist()
    gaps = {place: len(columns) + i for i, place in enumerate(with_gaps)}
    return [
        TableColumn(
            cells.name,
            cells.holds,
            float(imputer.statistics_[place]),
            float(scaler.mean_[place]),
            float(scaler.scale_[place]),
            (float(scaler.mean_[gaps[place]]), float(scaler.scale_[gaps[place]])) if place in gaps else None,
        )
        for place, cells in enumerate(columns)
    ]


def _text(cells: Cells, rows: NDArray[np.int64]) -> TableColumn:
    from sklearn.preprocessing import OneHotEncoder

    assert cells.texts is not None
    values = np.array([text or "" for text in cells.texts[rows]], dtype=object)[:, None]
    encoder: Any = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MOST_CATEGORIES).fit(values)
    rare = encoder.infrequent_categories_[0]
    others = rare is not None
    gone = set(rare.tolist()) if others else set()
    kept = tuple(str(category) for category in encoder.categories_[0] if category not in gone)
    return TableColumn(cells.name, "text", categories=kept, others=others)


def useful(columns: Sequence[Cells], source: str) -> list[Cells]:
    """The columns that can tell something, without those that are empty, constant, or a number or name of the row.

    Args:
        columns: All cells of all columns.
        source: What messages call the table.

    Returns:
        Those that are left. Warnings tell which are not, and which are used otherwise than they stand there.

    Raises:
        InputError: None is left.
    """
    why = {cells.name: reason for cells in columns if (reason := _useless(cells))}
    left = [cells for cells in columns if cells.name not in why]
    if not left:
        told = listed(f"{shown(name, 30)} ({reason})" for name, reason in why.items())
        raise InputError(f"{source} has no column to learn from: {told or 'there is only the target'}")
    if why:
        _tell(source, f"left out: {listed(f'{shown(name, 30)} ({reason})' for name, reason in why.items())}")
    _tell_changes(left, source)
    return left


def _useless(cells: Cells) -> str:
    there = ~cells.missing
    values = cells.numbers if cells.texts is None else cells.texts
    assert values is not None
    distinct = len(np.unique(values[there]))
    if distinct == 0:
        return "empty"
    if distinct == 1 and there.all():
        return "always the same"
    if distinct == len(values) and distinct >= FEWEST_ROWS:
        if cells.texts is not None:
            return cells.stray or "another text in every row"
        if cells.whole and (_counts(values) or _called_id(cells.name)):
            return "the number of the row"
    return ""


def _counts(numbers: NDArray[np.float64]) -> bool:
    return bool((np.diff(numbers) == 1).all())


def _called_id(name: str) -> bool:
    return (
        name.lower() in ("id", "index", "uuid", "key") or name.lower().endswith(("_id", " id")) or name.endswith("Id")
    )


def _tell_changes(columns: Sequence[Cells], source: str) -> None:
    dates = [cells.name for cells in columns if cells.holds == "date"]
    if dates:
        _tell(source, f"dates become days since 1970: {listed(map(repr, dates))}")
    many = {
        cells.name: distinct
        for cells in columns
        if cells.texts is not None and (distinct := len(set(cells.texts.tolist()))) > MOST_CATEGORIES
    }
    if many:
        told = listed(f"{shown(name, 30)} ({distinct})" for name, distinct in many.items())
        _tell(source, f"the rarest of more than {MOST_CATEGORIES} categories are told apart no more: {told}")
    stray = [f"{shown(cells.name, 30)} ({cells.stray})" for cells in columns if cells.stray]
    if stray:
        _tell(source, f"mostly numbers, and text for all that: {listed(stray)}; leave cells without a number empty")
    blurred = [cells.name for cells in columns if cells.numbers is not None and _blurred(cells.numbers)]
    if blurred:
        names = listed(map(repr, blurred))
        _tell(source, f"numbers too close to each other for single precision; subtract a constant first: {names}")


def _blurred(numbers: NDArray[np.float64]) -> bool:
    there = numbers[~np.isnan(numbers)]
    with np.errstate(over="ignore"):
        single = there.astype(np.float32).astype(float)
    return not np.abs(single - there).max(initial=0) <= 1e-3 * (there.std() or 1)


def _tell(source: str, note: str) -> None:
    warn(f"{source}: {note}", InputWarning)

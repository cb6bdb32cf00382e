"""What the cells of a column are: numbers, booleans, dates or text."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from untrained.data.tables.numbers import parse_texts, pc
from untrained.data.tabular.rows import Rows
from untrained.errors import InputError, shown

Holds = Literal["number", "boolean", "date", "text"]

MISSING = ("", "?", "nan", "na", "n/a", "null", "<na>")
"""Text that stands for a missing cell, in capitals or not."""
TRUE, FALSE = "true", "false"
DATE = r"^\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$"
NUMBER = r"^[-+]?[\d.,]*\d[\d.,]*(?:[eE][-+]?\d+)?$"
DAY = 86_400.0
"""Seconds."""


@dataclass(frozen=True, eq=False)
class Cells:
    """The n cells of a column.

    Args:
        name: Of the column.
        holds: What they are.
        numbers: n float64 values, NaN if missing: numbers, 0 and 1 for false and true, days since 1970; None of text.
        texts: n strings, None if missing; None unless the column is text.
        whole: The numbers are written as integers.
        stray: Of text that is mostly numbers: the first cell that is none.
    """

    name: str
    holds: Holds
    numbers: NDArray[np.float64] | None = None
    texts: NDArray[Any] | None = None
    whole: bool = False
    stray: str = ""

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which of the n cells are missing."""
        if self.numbers is not None:
            return np.isnan(self.numbers)
        assert self.texts is not None
        return np.array([text is None for text in self.texts], dtype=bool)


def cells_of(rows: Rows, name: str, holds: Holds | None = None) -> Cells:
    """Reads a column.

    Args:
        rows: The table.
        name: Of the column.
        holds: What the cells are, if that is known; else it is told from them.

    Returns:
        Its cells.

    Raises:
        InputError: There is no such column, or its cells are something else than `holds`, infinite, or no cells of a
            table: lists, bytes, structs.

    Example:
        >>> import pyarrow as pa
        >>> cells_of(Rows("t.csv", {"age": pa.chunked_array([["31", "", "4.5"]])}), "age").numbers
        array([31. ,  nan,  4.5])
    """
    column = rows.column(name)
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    where = f"{rows.name}: column {shown(name, 40)}"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        cells = _of_text(where, name, column.cast(pa.string()), holds, rows.decimal_comma)
    elif pa.types.is_boolean(kind):
        cells = _wanted(where, Cells(name, "boolean", _floats(column)), column, holds)
    elif pa.types.is_temporal(kind) and not (pa.types.is_time(kind) or pa.types.is_duration(kind)):
        cells = _wanted(where, Cells(name, "date", _days(column)), column, holds)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        cells = Cells(name, "number", _floats(column), whole=pa.types.is_integer(kind))
        cells = _wanted(where, cells, column, holds)
    else:
        raise InputError(f"{where} holds {kind}: a table has numbers, booleans, dates and text")
    if cells.numbers is not None:
        with np.errstate(over="ignore"):
            infinite = np.isinf(cells.numbers.astype(np.float32))
        if infinite.any():
            row = int(np.argmax(infinite))
            what = "infinite" if np.isinf(cells.numbers[row]) else f"{cells.numbers[row]:g}, too large,"
            raise InputError(f"{where} is {what} in row {row + 1}: leave the cell empty if its value is not known")
    return cells


def _of_text(where: str, name: str, column: pa.ChunkedArray, holds: Holds | None, decimal_comma: bool) -> Cells:
    text = pc.utf8_trim_whitespace(column)
    lower = pc.utf8_lower(text)
    text = pc.if_else(pc.is_in(lower, pa.array(MISSING)), pa.scalar(None, pa.string()), text)
    if holds == "text":
        return Cells(name, "text", texts=_objects(text))
    if holds is None and text.null_count == len(text):
        return Cells(name, "number", np.full(len(text), np.nan))
    if holds in (None, "boolean") and _all(pc.is_in(pc.utf8_lower(text), pa.array([TRUE, FALSE])), text):
        return Cells(name, "boolean", _floats(pc.equal(pc.utf8_lower(text), TRUE)))
    if holds in (None, "date") and _all(pc.match_substring_regex(text, DATE), text):
        try:
            return Cells(name, "date", _days_of_text(text))
        except pa.ArrowException:  # 2024-02-31
            if holds == "date":
                raise InputError(f"{where} holds a date that there is not: give dates as 2024-01-31") from None
    if holds in (None, "number", "boolean"):
        parsed = parse_texts(text, decimal_comma, None)
        if parsed.numbers is not None:
            whole = _all(pc.match_substring_regex(text, r"^[-+]?\d+$"), text)
            return Cells(name, holds or "number", _floats(parsed.numbers), whole=whole)
        if holds is not None:
            raise InputError(f"{where} must hold numbers: {parsed.why}")
        if 2 * pc.sum(pc.match_substring_regex(text, NUMBER)).as_py() > len(text):
            return Cells(name, "text", texts=_objects(text), stray=parsed.why)
    if holds == "date":
        raise InputError(f"{where} must hold dates as 2024-01-31")
    return Cells(name, "text", texts=_objects(text))


def _wanted(where: str, cells: Cells, column: pa.ChunkedArray, holds: Holds | None) -> Cells:
    """The cells of a typed column, as `holds` wants them."""
    if holds is None or holds == cells.holds or {holds, cells.holds} == {"number", "boolean"}:
        return cells
    if holds == "text" and cells.holds != "date":
        return Cells(cells.name, "text", texts=_objects(column.cast(pa.string())))
    raise InputError(f"{where} must hold {_plural(holds)}, and holds {column.type}")


def _plural(holds: Holds) -> str:
    return dict(zip(get_args(Holds), ("numbers", "booleans", "dates", "text"), strict=True))[holds]


def _all(matches: Any, text: pa.ChunkedArray) -> bool:
    """Whether every cell that is not missing matches."""
    return bool(pc.all(pc.or_kleene(matches, pc.is_null(text)), min_count=0).as_py())


def _floats(column: Any) -> NDArray[np.float64]:
    column = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
    return np.array(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)


def _objects(text: Any) -> NDArray[Any]:
    return np.array(text.to_pylist(), dtype=object)


def _days(column: Any) -> NDArray[np.float64]:
    return _floats(column.cast(pa.timestamp("us", getattr(column.type, "tz", None)), safe=False).cast(pa.int64())) / (
        DAY * 1e6
    )


def _days_of_text(text: pa.ChunkedArray) -> NDArray[np.float64]:
    try:
        return _days(text.cast(pa.timestamp("us")))
    except pa.ArrowException:  # with zones
        return _days(text.cast(pa.timestamp("us", "UTC")))

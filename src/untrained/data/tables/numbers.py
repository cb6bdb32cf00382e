"""When a column of text counts as numbers, and which.

Every cell must be a number in one notation, or stand for a missing one (`MISSING`, or NASLib's -1e8):

- `1.5`, `-2e-3`, `inf`;
- `1,204,906` or `1,204.5`: commas in front of groups of three digits;
- `1,5` or `1.204,5`: a comma for the decimal sign. In a file with `;` between its cells this notation comes before the
  last one, if a column fits both;
- each with a `%` behind it, in all cells or in none: `93.4%` is 93.4.

Otherwise the column is text, whatever most of its cells are: numbers of a hash or of a note are no figures.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute

from untrained.errors import shown

pc: Any = pyarrow.compute  # its functions are made on import, where a type checker does not see them

FAILED = -1e8
"""What NASLib writes for a score that could not be computed."""

MISSING = ("", "-", "nan", "-nan", "na", "n/a", "none", "null", "failed", "error")
"""What stands for a missing number, in capitals or not."""

EXPONENT = r"(?:e[-+]?\d+)?"
PLAIN = rf"(?:\d+\.?\d*|\.\d+){EXPONENT}"
COMMA_GROUPS = rf"\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|{PLAIN}"
COMMA_DECIMAL = rf"(?:\d{{1,3}}(?:\.\d{{3}})+|\d+)(?:,\d+)?|,\d+|\d+,\d+{EXPONENT}|\d+{EXPONENT}"


@dataclass(frozen=True)
class Parsed:
    """A column as float64 (null: missing), or `why` it is text; `note` tells how commas with two meanings were read."""

    numbers: pa.Array | pa.ChunkedArray | None
    why: str = ""
    note: str = ""


def parse_texts(
    column: pa.Array | pa.ChunkedArray, decimal_comma_first: bool = False, failed: float | None = FAILED
) -> Parsed:
    """Reads a column of text as numbers, if it counts as such.

    Args:
        column: n strings.
        decimal_comma_first: how to read commas that could be either.
        failed: a number that stands for a missing one; None if no number does.

    Returns:
        n float64 values, null for missing ones, or why the column is text.

    Example:
        >>> parse_texts(pa.array(["1,204", "failed", "12"])).numbers.to_pylist()
        [1204.0, None, 12.0]
    """
    text = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    text = pc.if_else(pc.is_in(text, pa.array(MISSING)), pa.scalar(None, text.type), text)
    percent = pc.ends_with(text, "%")
    number = text
    if pc.any(percent).as_py():
        if not pc.all(percent).as_py():
            return Parsed(None, f"{_first(column, pc.invert(percent))} has no %, other cells have")
        number = pc.utf8_rtrim_whitespace(pc.utf8_rtrim(text, "%"))
    if not _fits(number, PLAIN):
        return _with_commas(column, number, decimal_comma_first, failed)
    return Parsed(_cast(number, failed))


def parse_values(values: Sequence[Any]) -> Parsed:
    """Reads a column of JSON's values (numbers, text, null) as numbers, if it counts as such.

    Args:
        values: n values.

    Returns:
        n float64 values, null for missing ones, or why the column is not numbers.

    Example:
        >>> parse_values([1, None, "93.5", -1e8]).numbers.to_pylist()
        [1.0, None, 93.5, None]
    """
    for row, value in enumerate(values, 1):
        if isinstance(value, bool) or not (value is None or isinstance(value, int | float | str)):
            return Parsed(None, f"{shown(value, 30)} in row {row} is no number")
    if any(isinstance(value, str) for value in values):
        texts = [repr(_float(value)) if isinstance(value, int | float) else value for value in values]
        return parse_texts(pa.array(texts, pa.string()))
    numbers = [None if value is None else _float(value) for value in values]
    return Parsed(_without_failed(pa.array(numbers, pa.float64())))


def _with_commas(column: pa.ChunkedArray, number: pa.ChunkedArray, decimal_first: bool, failed: float | None) -> Parsed:
    groups, decimal = _fits(number, COMMA_GROUPS), _fits(number, COMMA_DECIMAL)
    if not groups and not decimal:
        return Parsed(None, f"{_first(column, pc.invert(_matches(number, PLAIN)))} is no number")
    if decimal and (decimal_first or not groups):
        plain = pc.replace_substring(pc.replace_substring(number, ".", ""), ",", ".")
    else:
        plain = pc.replace_substring(number, ",", "")
    meaning = "the decimal sign" if decimal and (decimal_first or not groups) else "thousands"
    return Parsed(_cast(plain, failed), note=f"commas are taken for {meaning}" if groups and decimal else "")


def _matches(text: pa.ChunkedArray, pattern: str) -> pa.ChunkedArray:
    return pc.match_substring_regex(text, rf"^[-+]?(?:{pattern}|inf|infinity)$")


def _fits(text: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.all(_matches(text, pattern), min_count=0).as_py())


def _cast(plain: pa.ChunkedArray, failed: float | None) -> pa.ChunkedArray:
    return _without_failed(pc.cast(plain, pa.float64()), failed)


def _without_failed(numbers: Any, failed: float | None = FAILED) -> Any:
    dead = pc.is_nan(numbers)
    dead = dead if failed is None else pc.or_(pc.equal(numbers, failed), dead)
    return pc.if_else(dead, pa.scalar(None, pa.float64()), numbers)


def _first(column: pa.ChunkedArray, bad: pa.ChunkedArray) -> str:
    """The first cell that is `bad`, and its row, for a message."""
    row = pc.index(bad, True).as_py()
    return f"{shown(column[row].as_py(), 30)} in row {row + 1}"


def _float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf if value > 0 else -math.inf

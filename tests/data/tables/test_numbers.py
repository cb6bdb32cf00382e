"""Which columns of text are numbers, and which numbers."""

import math

import pyarrow as pa
import pytest

from untrained.data.tables.numbers import parse_texts, parse_values


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1", " 2.5 ", "-3e-2", "+.5", "5."], [1, 2.5, -0.03, 0.5, 5]),
        (["", "NaN", "failed", "N/A", "-", "None", "-1e8", "-100000000"], [None] * 8),
        (["inf", "-Inf", "1"], [math.inf, -math.inf, 1]),
        (["93.4%", "92 %", ""], [93.4, 92, None]),
        (["1,204,906", "904", "-1,000.5"], [1204906, 904, -1000.5]),
        (["1,5", "-0,25", "3"], [1.5, -0.25, 3]),
        (["1.204,5", "1.204.906"], [1204.5, 1204906]),
        (["1" * 400, "1"], [math.inf, 1]),
    ],
)
def test_columns_of_numbers(cells: list[str], numbers: list[float | None]) -> None:
    for decimal_comma_first in (False, True):
        parsed = parse_texts(pa.array(cells), decimal_comma_first)
        assert parsed.numbers is not None, parsed.why
        assert parsed.numbers.to_pylist() == numbers
        assert not parsed.note


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["best", "2"], "'best' in row 1"),
        (["3f2a9c01", "12345678"], "'3f2a9c01' in row 1"),
        (["0", "gpu0"], "'gpu0' in row 2"),
        (["1.2", "1.2.3"], "'1.2.3' in row 2"),
        (["93.4%", "", "0.9"], "'0.9' in row 3 has no %"),
        (["1,5", "1.5"], "'1,5' in row 1"),  # commas and points for the decimal sign
        (["12,34,567"], "'12,34,567' in row 1"),
        (["2026-11-27"], "'2026-11-27' in row 1"),
        (["0x1f", "1_000", "１"], "'0x1f' in row 1"),
    ],
)
def test_columns_of_text(cells: list[str], why: str) -> None:
    parsed = parse_texts(pa.array(cells))
    assert parsed.numbers is None
    assert why in parsed.why


def test_commas_with_two_meanings_are_told() -> None:
    cells = pa.array(["1,204", "2,000"])
    groups, decimal = parse_texts(cells), parse_texts(cells, decimal_comma_first=True)
    assert groups.numbers is not None
    assert decimal.numbers is not None
    assert (groups.numbers.to_pylist(), decimal.numbers.to_pylist()) == ([1204, 2000], [1.204, 2])
    assert "thousands" in groups.note
    assert "decimal" in decimal.note


def test_values_of_json() -> None:
    parsed = parse_values([1, None, "93.5", -1e8, float("nan"), 10**400, -(10**400)])
    assert parsed.numbers is not None
    assert parsed.numbers.to_pylist() == [1, None, 93.5, None, None, math.inf, -math.inf]
    for value in (True, [1.0], {"mean": 1}):
        assert "in row 2 is no number" in parse_values([1, value]).why

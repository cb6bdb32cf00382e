"""The tables of the documentation say what the registries hold."""

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs"
TABLES = runpy.run_path(str(FOLDER / "tables.py"))


@pytest.mark.parametrize("page", TABLES["PAGES"])
def test_tables_are_up_to_date(page: str) -> None:
    text = (FOLDER / page).read_text()
    assert text == TABLES["renewed"](page, text), "run `make tables`"


def test_cells_hold_no_column_of_their_own() -> None:
    assert TABLES["table"](("a", "b"), [("|x|", "")]) == "| a | b |\n| --- | --- |\n| \\|x\\| | – |\n"


def test_a_page_without_a_place_for_its_table_is_told() -> None:
    with pytest.raises(ValueError, match=r"catalogue/metrics\.md: expected one table"):
        TABLES["renewed"]("catalogue/metrics.md", "no table")

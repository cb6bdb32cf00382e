"""Predictions as a table for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from untrained.report.text import print_table

MOST_ROWS = 200
"""Of a table on a terminal."""


def print_predictions(console: Console, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints predictions.

    Args:
        console: Prints them.
        title: A line above the table.
        rows: The records (see `records`).
    """
    told = [_told(row) for row in rows[:MOST_ROWS]]
    names = list(dict.fromkeys(name for row in told for name in row))
    print_table(console, title, names, [[row.get(name, "") for name in names] for row in told])
    if len(rows) > MOST_ROWS:
        console.print(f"... and {len(rows) - MOST_ROWS:,} more: --out FILE keeps all")


def _told(row: Mapping[str, Any]) -> dict[str, str]:
    """The cells of a record, its less likely classes in one."""
    cells = {name: _cell(name, value) for name, value in row.items()}
    then = [name for name in cells if name.rpartition("_")[0] in ("prediction", "label") and _part_of(name) in cells]
    if then:
        words = [f"{cells.pop(name)} {cells.pop(_part_of(name))}" for name in then]
        cells["then" if "prediction_2" in then else "most likely"] = ", ".join(words)
    return cells


def _part_of(name: str) -> str:
    """The column with the probability of a class."""
    return f"probability_{name.rpartition('_')[2]}"


def _cell(name: str, value: Any) -> str:
    if isinstance(value, float):
        share = name.rpartition(".")[2].partition("_")[0] in ("probability", "share")
        return f"{100 * value:.1f} %" if share else f"{value:.6g}"
    return str(value)

"""Searches for the terminal: many in a list, a few side by side."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from untrained.measuring import unit_of
from untrained.report.text import number, plain, plain_table
from untrained.searching.runs import Run

WIDEST = 80
"""Characters of a setting that are shown."""


def render_runs(root: Path, runs: Sequence[Run], others: Mapping[Path, str]) -> RenderableType:
    """Renders the searches below a folder, a line each.

    Args:
        root: The folder.
        runs: The searches.
        others: Folder -> why its search cannot be told of.
    """
    table = plain_table(f"{len(runs)} searches in {root}" if len(runs) != 1 else f"1 search in {root}")
    for name in ("folder", "began", "space", "data", "sampler"):
        table.add_column(name, overflow="fold")
    for name in ("queries", "best", "parameters"):
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("measure", overflow="fold")
    seen = set[Path]()
    for run in runs:
        told = run.to_json()
        best = told["best"] or {}
        table.add_row(
            plain("" if run.folder in seen else _below(run.folder, root)),
            datetime.fromtimestamp(run.began).strftime("%Y-%m-%d %H:%M"),
            plain(told["space"]),
            plain(told["data"]),
            plain(told["sampler"]),
            f"{told['queries']} of {told['budget']}",
            number(best.get("value")),
            f"{best['params']:.3f} M" if "params" in best else "",
            plain(told["measure"] + ("" if run.finished else ", unfinished")),
            style="" if run.finished else "yellow",
        )
        seen.add(run.folder)
    lines = [plain(f"{_below(folder, root)}: {why}") for folder, why in others.items()]
    return Group(table, *lines)


def render_comparison(compared: Mapping[str, Any]) -> RenderableType:
    """Renders runs side by side.

    Args:
        compared: See `compare`.
    """
    names, runs = [run["label"] for run in compared["runs"]], compared["runs"]
    figures = _columns("Found", names)
    best = compared["best"]
    rows = dict.fromkeys(name for run in runs for name in run["figures"] if name != "architecture")
    for name in (*rows, "architecture"):
        cells = [run["figures"].get(name) for run in runs]
        marked = name == "value" and best is not None
        shown = [
            Text(cell(name, value), style="bold" if marked and place == best else "")
            for place, value in enumerate(cells)
        ]
        figures.add_row(name, *shown)
    settings = _columns("What differs in the settings", names)
    for name, values in compared["differs"].items():
        settings.add_row(plain(name), *(plain(cut(value)) for value in values))
    if not compared["differs"]:
        settings = plain("The settings are the same.")
    return Group(figures, plain(compared["told"]), Text(), settings)


def _columns(title: str, names: Sequence[str]) -> Table:
    table = plain_table(title)
    table.add_column("", no_wrap=True)
    for name in names:
        table.add_column(plain(name), overflow="fold")
    return table


def cell(name: str, value: Any) -> str:
    """A figure of a search in words; "" for none."""
    if isinstance(value, str):
        return value
    if name in ("params", "flops"):
        return "" if value is None else f"{value:.3f} {unit_of(name)}"
    if isinstance(value, int):
        return str(value)
    return number(value)


def cut(value: Any) -> str:
    """A setting in at most `WIDEST` characters."""
    text = "–" if value is None else value if isinstance(value, str) else str(value)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."


def _below(folder: Path, root: Path) -> str:
    return str(folder.relative_to(root)) if folder.is_relative_to(root) and folder != root else str(folder)

"""The consoles of commands, and how they print a search."""

import json
import os
import sys
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
WIDTH = 100
"""Columns of what is printed to a file or a pipe."""
VERBATIM: dict[str, Any] = {"markup": False, "emoji": False}
"""Names of columns and architectures are printed unchanged, also if they look like `[/]` or `:x:`."""


def print_summary(summary: dict[str, Any], as_json: bool) -> None:
    """Prints a search to stdout, as one JSON object or as tables.

    Args:
        summary: See `Result.summary`; and `trained`, if networks were trained in full (see `Refit.to_json`).
        as_json: Print JSON.
    """
    if as_json:
        typer.echo(json.dumps(summary, allow_nan=False))
    else:
        from untrained.report import text, trained

        shown = [text.render(summary)]  # all of it before the first line
        shown += ["", trained.render(summary["trained"])] if "trained" in summary else []
        for part in shown:
            stdout().print(part)


def print_json(document: Any) -> None:
    """Prints one JSON object on one line; what JSON has no form for, as a tuple of types, is printed as text."""
    typer.echo(json.dumps(document, allow_nan=False, default=str))


def stdout() -> Console:
    """Makes the console for results. In a file or a pipe, lines have `WIDTH` columns, or what $COLUMNS says."""
    return Console(width=_width(sys.stdout), **VERBATIM)


def stderr() -> Console:
    """Makes the console for progress."""
    return Console(stderr=True, width=_width(sys.stderr), **VERBATIM)


def _width(stream: TextIO) -> int | None:
    """None for what `rich` finds: the width of the terminal, or $COLUMNS."""
    return None if stream.isatty() or os.environ.get("COLUMNS", "").isdecimal() else WIDTH

"""What commands print."""

import json
import sys
from typing import Any

import typer
from rich.console import Console

VERBATIM: dict[str, Any] = {"markup": False, "emoji": False}
"""Names of columns and architectures are shown as they are, also if they look like `[/]` or `:x:`."""


def print_summary(summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(summary, allow_nan=False))
    else:
        from untrained.report.text import render

        stdout().print(render(summary))


def stdout() -> Console:
    """The console for results. What is no terminal has lines that are not cut at 80 columns."""
    return Console(width=None if sys.stdout.isatty() else 160, **VERBATIM)


def stderr() -> Console:
    """The console for progress."""
    return Console(stderr=True, **VERBATIM)

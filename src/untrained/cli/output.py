"""What commands print."""

import json
import sys
from typing import Any

import typer
from rich.console import Console


def print_summary(summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(summary, allow_nan=False))
    else:
        from untrained.report.text import render

        stdout().print(render(summary))


def stdout() -> Console:
    """Where it is no terminal, lines are not cut at 80 columns."""
    return Console() if sys.stdout.isatty() else Console(width=160)

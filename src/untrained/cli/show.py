"""`untrained show`."""

from pathlib import Path
from typing import Annotated

import typer

from untrained.cli.output import print_summary


def show(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of a search.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print a search again, finished or not.

    Example: untrained show runs/digits
    """
    from untrained.searching.result import load_summary

    print_summary(load_summary(folder), as_json)

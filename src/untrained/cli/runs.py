"""`untrained runs` and `untrained compare`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from untrained.cli.output import stdout
from untrained.errors import InputError

RUNS_EXAMPLES = """
[bold]Examples[/bold]

  untrained runs runs

  untrained runs . --json
"""
COMPARE_EXAMPLES = """
[bold]Examples[/bold]

  untrained compare runs/small runs/large

  untrained compare runs/digits
"""


def runs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Any folder that has searches in it or below it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the searches below a folder: what each was, how far it came, its best value.

    Only reads, and runs nothing that the folders name.
    """
    from untrained.searching.runs import find_runs

    found, others = find_runs(folder)
    if as_json:
        told = {str(place): why for place, why in others.items()}
        document = {"folder": str(folder), "runs": [run.to_json() for run in found], "others": told}
        typer.echo(json.dumps(document, allow_nan=False))
        return
    from untrained.report.runs import render_runs

    stdout().print(render_runs(folder, found, others))


def compare(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Folders of searches; one alone: all searches in it.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Set searches side by side: what they found and took, and which of their settings differ.

    Values are ranked if they are of the same measure, data and direction. Of each of several folders the latest search
    counts.
    """
    from untrained.searching.comparing import compare as compared
    from untrained.searching.runs import read_runs

    read = [read_runs(folder) for folder in folders]
    chosen = read[0] if len(read) == 1 else [found[-1] for found in read]
    if len(chosen) == 1:
        raise InputError(f"{str(folders[0])!r} holds one search: give another folder to compare it with")
    document = compared(chosen)
    if as_json:
        typer.echo(json.dumps(document, allow_nan=False))
        return
    from untrained.report.runs import render_comparison

    stdout().print(render_comparison(document))

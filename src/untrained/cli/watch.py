"""`untrained watch`."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from untrained.cli.output import AsJson, print_json, stdout
from untrained.errors import InputError

EXAMPLES = """
[bold]Examples[/bold]

  untrained watch runs/digits

  untrained watch runs/digits --once --json

  untrained watch --storage postgresql://user@host/db
"""


def watch(
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="The --out folder of a search.")] = None,
    study: Annotated[str | None, typer.Option(help="Which of the searches there (default: the latest).")] = None,
    storage: Annotated[str | None, typer.Option(help="The --storage of the search, if it is not in DIR.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Print how it stands, and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch a search that another process or machine makes, until it ends: as that shows it, and without touching it.

    In a file or a pipe it prints a line for each query. --json prints one object on how the search stands.
    """
    if folder is None and storage is None:
        raise InputError("give the --out folder of a search, or its --storage")
    from untrained.report.live import follow, render_live
    from untrained.searching import watching

    console, snapshots = stdout(), watching.watch(folder, study, storage)
    resume = "" if folder is None else f"untrained resume {shlex.quote(str(folder))}"
    if as_json:
        print_json(next(snapshots).to_json())
    elif once:
        console.print(render_live(next(snapshots), console.width, resume=resume))
    else:
        now = follow(snapshots, console, resume)
        if now.state == "finished" and folder is not None:
            typer.echo(f"untrained show {shlex.quote(str(folder))} prints the result", err=True)

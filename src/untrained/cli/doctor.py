"""`untrained doctor`."""

import json
from typing import Annotated

import typer

from untrained.cli.options import DataDir
from untrained.cli.output import stdout

EXAMPLES = """
[bold]Examples[/bold]

  untrained doctor

  untrained doctor onnx draw --json
"""
MISSING = 1
"""Exit code if an extra that was asked for is missing."""


def doctor(
    extras: Annotated[
        list[str] | None, typer.Argument(metavar="[EXTRA]...", help="Exit with 1 if one of these extras is missing.")
    ] = None,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell what there is on this machine: versions, optional extras, devices, memory, published tables.

    Fetches nothing, and writes nothing that stays.
    """
    from untrained.report.doctor import check_extras, diagnosis, render

    wanted = list(extras or ())
    check_extras(wanted)
    found = diagnosis(data_dir)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        stdout().print(render(found))
    missing = [name for name in wanted if not found["extras"][name]["complete"]]
    for name in missing:
        typer.echo(f"missing: {found['extras'][name]['adds']}", err=True)
    if missing:
        raise typer.Exit(MISSING)

"""`untrained report`."""

from pathlib import Path
from typing import Annotated

import typer

from untrained.cli.options import Space

EXAMPLES = """
[bold]Examples[/bold]

  untrained report runs/photos

  untrained report runs/photos --out photos.html

  untrained report runs/small runs/large

  untrained report bench.parquet
"""


def report(
    what: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="The --out folder of a search; several; or the --out file of a bench."),
    ],
    out: Annotated[
        str | None,
        typer.Option(help="An .html file (default: report.html in DIR; comparison.html here; F.html for F.parquet)."),
    ] = None,
    study: Annotated[str | None, typer.Option(help="Which of the searches in DIR (default: the latest).")] = None,
    space: Space = None,
) -> None:
    """Write one HTML file on a search, on several side by side, or on a bench. It opens without a network.

    Of a search it shows the pick, every query, and what the metrics told.
    """
    from untrained.report.page import write_report

    typer.echo(f"report: {write_report(what, out, study=study, space=space)}")

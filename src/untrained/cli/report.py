"""`untrained report`."""

from pathlib import Path
from typing import Annotated

import typer

from untrained.cli.options import Space

EXAMPLES = """
[bold]Examples[/bold]

  untrained report runs/photos

  untrained report runs/photos --out photos.html
"""


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of a search.")],
    out: Annotated[str | None, typer.Option(help="An .html file (default: report.html in DIR).")] = None,
    study: Annotated[str | None, typer.Option(help="Which of the searches in DIR (default: the latest).")] = None,
    space: Space = None,
) -> None:
    """Write one HTML file on a search: the pick, every query, what the metrics told. It opens without a network."""
    from untrained.report.page import write_report

    typer.echo(f"report: {write_report(folder, out, study=study, space=space)}")

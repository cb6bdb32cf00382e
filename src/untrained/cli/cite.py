"""`untrained cite`."""

import json
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """
[bold]Examples[/bold]

  untrained cite runs/digits > references.bib

  untrained cite runs/digits --json
"""


def cite(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of a search.")],
    study: Annotated[str | None, typer.Option(help="Which of the searches in DIR (default: the latest).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print the papers behind a search as BibTeX: of its sampler, metrics, space, data and tools.

    What no paper is known of, as of parts of your own, is named in the last line.
    """
    from untrained.report.citing import bibtex, references
    from untrained.searching.folder import BEST_FILE, broken, load_summary

    summary = load_summary(folder, study)
    try:
        found, unknown = references(summary)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise broken(folder / BEST_FILE) from error
    if as_json:
        told = [reference.to_json() | {"for": what} for reference, what in found.items()]
        typer.echo(json.dumps({"references": told, "unknown": unknown}))
    else:
        typer.echo(bibtex(summary))

"""`untrained show`."""

from pathlib import Path
from typing import Annotated

import typer

from untrained.cli.output import print_summary
from untrained.errors import InputError, one_line

EXAMPLES = """
[bold]Examples[/bold]

  untrained show runs/digits

  untrained show runs/digits --json
"""


def show(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of a search.")],
    study: Annotated[str | None, typer.Option(help="Which of the searches in DIR (default: the latest).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print a search again, finished or not."""
    from untrained.searching.folder import load_refit, load_summary, other_searches

    summary, trained = load_summary(folder, study), load_refit(folder)
    is_of = trained is not None and trained.get("search") == summary.get("study")
    try:
        print_summary(summary | {"trained": trained} if is_of else summary, as_json)
    except (LookupError, TypeError, ValueError, AttributeError) as error:  # another program may have written it
        raise InputError(f"the files in {str(folder)!r} are not what a search writes ({one_line(error)})") from error
    others = [] if as_json else other_searches(folder, summary.get("study", ""))
    if others:
        typer.echo("\n  ".join([f"Also in {folder} (--study NAME)", *others]))

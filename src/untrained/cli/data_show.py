"""`untrained data show`."""

import warnings
from pathlib import Path
from typing import Annotated

import typer

from untrained.cli.options import ImageColumn, Inputs, Resize, Subset, Target, Task, chosen_data
from untrained.cli.output import stdout


def show_data(
    context: typer.Context,
    data: Annotated[str, typer.Argument(metavar="DATA", help="A folder, a file or a name, as --data takes.")],
    test_data: Annotated[str | None, typer.Option(help="Test data.")] = None,
    resize: Resize = None,
    subset: Subset = None,
    image_column: ImageColumn = None,
    target: Target = None,
    task: Task = None,
    inputs: Inputs = None,
    broken: Annotated[
        bool, typer.Option("--broken", help="Only list the pictures that cannot be read, one a line.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="PNG to write: a few images of each class.")] = None,
) -> None:
    """Look at data before anything is trained: counts, sizes, classes, and a contact sheet as PNG."""
    from untrained.data import ImageData
    from untrained.data.pictures import BrokenPictures, MixedSizes
    from untrained.errors import InputError
    from untrained.report.contact_sheet import write_contact_sheet
    from untrained.report.data import print_data

    if out is not None and out.suffix.lower() != ".png":
        raise InputError(f"--out {str(out)!r}: give a .png file")
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            found = chosen_data(data, test_data, context.params)
    except BrokenPictures as error:
        if not broken:
            raise
        typer.echo("\n".join(name.strip("'\"") for name in error.names))
        return
    except MixedSizes as error:  # what was warned of will be warned of again
        typer.echo(f"warning: {error}; shown as with --resize {error.side}", err=True)
        found = chosen_data(data, test_data, {**context.params, "resize": str(error.side)})
    else:
        for warning in said:
            warnings.warn(warning.message, stacklevel=1)
    if broken:
        typer.echo("no picture is broken", err=True)
        return
    if out is not None and not isinstance(found, ImageData):
        raise InputError(f"--out {str(out)!r}: {found.name} holds no images to draw")
    if isinstance(found, ImageData) and out is not None:
        write_contact_sheet(found, out)  # first: if it fails, nothing else is said
    print_data(stdout(), found)
    if out is not None:
        typer.echo(f"contact sheet: {out}", err=True)

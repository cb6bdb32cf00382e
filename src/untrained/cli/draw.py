"""`untrained draw`."""

from pathlib import Path
from typing import Annotated

import typer

from untrained.cli.options import Data, Space, SpaceOptions, chosen_space
from untrained.errors import InputError, shown

EXAMPLES = """
[bold]Examples[/bold]

  untrained draw runs/photos

  untrained draw "depth=3,width=32,convs=2,block=plain" --space unet

  untrained draw 1462 --space nasbench201 --theme dark --out cell.png
"""


def draw(
    arch: Annotated[
        str, typer.Argument(metavar="ARCH", help="An architecture of --space, or the --out folder of a search.")
    ],
    space: Space = None,
    space_options: SpaceOptions = "",
    data: Data = None,
    out: Annotated[
        str | None,
        typer.Option(
            help="A .svg, .png or .pdf file; - for SVG on stdout (default: SPACE.svg, or network.svg in DIR)."
        ),
    ] = None,
    theme: Annotated[
        str, typer.Option(help="light or dark, for a page of this kind; auto for both, as far as the format can.")
    ] = "auto",
) -> None:
    """Draw an architecture, or the one that a search found: its cell as a graph, its network block by block."""
    from untrained.report.drawing import Drawing
    from untrained.report.drawing.drawing import check_theme, checked_path

    check_theme(theme)
    path = None if out in (None, "-") else checked_path(str(out))
    folder = Path(arch)
    is_folder = folder.is_dir()
    if is_folder:
        from untrained.searching.saved import load_picture

        if data is not None or space_options:
            raise InputError(f"{str(folder)!r} is a folder, which says --data and --space-options itself")
        picture = load_picture(folder, space)
    elif space is None:
        raise InputError(f"{shown(arch, 80)} is no folder of a search: for an architecture, give its --space, too")
    else:
        import untrained

        found = None if data is None else untrained.as_data(data)
        made = chosen_space(space, space_options, found)
        picture = made.picture(made.read(arch), None if found is None else found.batch(2)[0])
    drawing = Drawing(picture, theme)
    if out == "-":
        typer.echo(drawing.svg)
        return
    if path is None:
        path = folder / "network.svg" if is_folder else Path(f"{_plain(picture.title)}.svg")
    drawing.save(path)
    typer.echo(f"picture: {path}")


def _plain(name: str) -> str:
    """A name without what a file should not be called by."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name).strip(".-") or "network"

"""`untrained export`."""

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from untrained.cli.predict import loaded, told
from untrained.errors import InputError, shown

EXAMPLES = """
[bold]Examples[/bold]

  untrained export runs/photos --format onnx

  untrained export runs/photos --format python --out photos.py
"""


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of a search.")],
    format: Annotated[str, typer.Option(help="onnx, torch-export, python or state-dict.")],
    out: Annotated[Path | None, typer.Option(help="The file (default: network.onnx, .pt2, .py ... in DIR).")] = None,
    which: Annotated[
        str | None,
        typer.Option(
            help="best (of the search), trained (by untrained train) or one of the best architectures "
            "(default: trained if there is one)."
        ),
    ] = None,
    image_size: Annotated[
        str | None,
        typer.Option(help="Size of raw images, as 640x480: they are resized in the file (default: as trained)."),
    ] = None,
    logits: Annotated[bool, typer.Option("--logits", help="Give logits, not probabilities.")] = False,
    space: Annotated[
        str | None, typer.Option(help="The space, if it is one of your own: file.py:name or module:name.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write the network that a search found to a file that runs without untrained.

    Preprocessing is in the file. What the file computes is compared with the network.
    """
    from untrained.deploying.export import FORMATS, export_network, exportable_of
    from untrained.searching.saved import load_summary

    if format not in FORMATS:
        raise InputError(f"unknown format {shown(format, 40)}: choose from {', '.join(FORMATS)}")
    size = None if image_size is None else _size(image_size)
    network = loaded(folder, which, space)
    typer.echo(f"note: {told(network)}", err=True)
    summary = load_summary(folder)
    about = {"title": f"The network of {network.source}", "space": str(summary["space"])}
    about["space options"] = json.dumps(summary["space_options"])
    target = folder / f"network{FORMATS[format].suffix}" if out is None else out
    done = export_network(exportable_of(network, size=size, about=about), format, target, not logits)
    if as_json:
        files = [str(path) for path in done.paths]
        typer.echo(json.dumps({"files": files, "difference": done.difference, "seconds": round(done.seconds, 3)}))
    else:
        typer.echo(done.line)


def _size(text: str) -> tuple[int, int]:
    """Reads WIDTHxHEIGHT as height and width."""
    found = re.fullmatch(r"(\d+)(?:[xX](\d+))?", text.strip())
    if found is None:
        raise InputError(f"image size {shown(text, 40)}: give WIDTHxHEIGHT in pixels, as 640x480, or one side")
    return int(found[2] or found[1]), int(found[1])

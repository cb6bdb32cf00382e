"""`untrained predict`."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from untrained.cli.output import stdout
from untrained.errors import InputError

EXAMPLES = """
[bold]Examples[/bold]

  untrained predict runs/photos new/*.jpg

  untrained predict runs/wine rows.csv --out predictions.csv
"""


def predict(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of a search.")],
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILES...", help="Pictures, folders of pictures, .csv or .parquet rows, .npz or .npy arrays."
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Write predictions to a .csv, .json, .parquet or .npz file.")] = None,
    which: Annotated[
        str | None,
        typer.Option(
            help="best (of the search), trained (by untrained train) or one of the best architectures "
            "(default: trained if there is one)."
        ),
    ] = None,
    top: Annotated[int, typer.Option(help="How many classes, the likeliest first.")] = 3,
    batch_size: Annotated[int, typer.Option(help="Samples at a time.")] = 256,
    device: Annotated[str, typer.Option(help="Where to run: auto, cpu, cuda or mps.")] = "auto",
    space: Annotated[
        str | None, typer.Option(help="The space, if it is one of your own: file.py:name or module:name.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Predict files with the network that a search found.

    Prints a table on a terminal, and CSV in a pipe. A file that cannot be read is named, the others are predicted all
    the same, and the exit code is 2.
    """
    from untrained.deploying.predicting import predict as predict_files
    from untrained.deploying.predicting import records
    from untrained.deploying.predicting.written import check_ending, write, write_csv
    from untrained.runtime.devices import usable_device

    if top < 1:
        raise InputError(f"--top {top}: give at least 1")
    if out is not None:
        check_ending(out)
    network = loaded(folder, which, space)
    typer.echo(f"note: {told(network)}", err=True)
    found = predict_files(network.to(usable_device(device)), files, batch_size)
    rows = records(found, top)
    for why in found.failed.values():
        typer.echo(f"error: {why}", err=True)
    if rows and out is not None:
        write(out, found, top)
        typer.echo(f"{len(rows):,} predictions in {out}", err=True)
    if as_json:
        document = {"architecture": network.architecture, "source": network.source, "task": network.task.kind}
        failed = [{"file": file, "reason": why} for file, why in found.failed.items()]
        typer.echo(json.dumps(document | {"predictions": rows, "failed": failed}))
    elif rows and out is None and sys.stdout.isatty():
        from untrained.report.predictions import print_predictions

        print_predictions(stdout(), f"{len(rows):,} predictions", rows)
    elif rows and out is None:
        write_csv(sys.stdout, rows)
    if found.failed:
        raise typer.Exit(2)


def loaded(folder: Path, which: str | None, space: str | None) -> Any:
    """Loads the network of a folder.

    Args:
        folder: The folder of a search.
        which: See `load_network`.
        space: The name of the space, if it is one of the user's own.

    Raises:
        InputError: See `load_network`.
    """
    from untrained.searching.saved import load_network, load_summary
    from untrained.spaces import remade_space

    if space is None:
        return load_network(folder, which=which)
    return load_network(folder, remade_space(space, load_summary(folder)["space_options"]), which)


def told(network: Any) -> str:
    """One line that says which network is used."""
    value = "" if network.value is None else f" (value {network.value:.4g})"
    return f"the network of {network.source}{value}: {network.architecture}"

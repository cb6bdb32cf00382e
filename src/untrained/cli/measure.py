"""`untrained measure`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from untrained.cli.options import (
    Data,
    ImageColumn,
    Inputs,
    Resize,
    Space,
    SpaceOptions,
    Subset,
    Target,
    Task,
    chosen_data,
    chosen_space,
)
from untrained.cli.output import stdout
from untrained.errors import InputError

EXAMPLES = """
[bold]Examples[/bold]

  untrained measure runs/photos

  untrained measure --space nasbench201 --arch 1462 --runtimes eager,onnx
"""


def measure(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="The --out folder of a search.")] = None,
    which: Annotated[
        str | None,
        typer.Option(
            help="best (of the search), trained (by untrained train) or one of the best architectures "
            "(default: trained if there is one)."
        ),
    ] = None,
    arch: Annotated[str | None, typer.Option(help="An architecture of --space, in place of DIR.")] = None,
    space: Space = None,
    space_options: SpaceOptions = "",
    data: Data = None,
    resize: Resize = None,
    subset: Subset = None,
    image_column: ImageColumn = None,
    target: Target = None,
    inputs: Inputs = None,
    task: Task = None,
    runtimes: Annotated[str, typer.Option(help="What runs the network: of eager, onnx, compile.")] = (
        "eager,onnx,compile"
    ),
    threads: Annotated[int, typer.Option(help="CPU threads of one operation.")] = 1,
    batch: Annotated[int, typer.Option(help="Samples at a time, for memory and latency.")] = 1,
    device: Annotated[str, typer.Option(help="Where it runs: auto, cpu, cuda or mps.")] = "cpu",
    limit: Annotated[float, typer.Option(help="Seconds that compile may take.")] = 120,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure one network on this machine: parameters, FLOPs, memory, size on disk, latency in each runtime.

    Leave the machine alone meanwhile. A latency whose passes differ by more than 20 % is not told.
    """
    from untrained.deploying.measure import measure as measured

    if (folder is None) == (arch is None):
        raise InputError("give the folder of a search, or --arch and --space")
    if arch is None:
        network, example, architecture = _loaded(folder, which, space, data), None, ""
    else:
        network, example, architecture = _built(arch, which, space, space_options, data, context.params)
    given = tuple(filter(None, (one.strip() for one in runtimes.split(","))))
    found = measured(
        network,
        example,
        runtimes=given,
        threads=threads,
        batch=batch,
        device=device,
        limit=limit,
        architecture=architecture,
        on_runtime=lambda runtime: _told(runtime, limit),
    )
    if as_json:
        typer.echo(json.dumps(found.to_json()))
    else:
        stdout().print(str(found))


def _told(runtime: str, limit: float) -> None:
    if runtime == "compile":
        typer.echo(f"note: compile takes its time, {limit:g} s at most: --runtimes eager,onnx is quick", err=True)


def _loaded(folder: Path | None, which: str | None, space: str | None, data: str | None) -> Any:
    """The network of a search."""
    from untrained.cli.predict import loaded

    if data is not None:
        raise InputError("--data is for --arch: the folder of a search knows what its networks take")
    assert folder is not None
    return loaded(folder, which, space)


def _built(
    arch: str, which: str | None, space: str | None, space_options: str, data: str | None, params: dict[str, Any]
) -> tuple[Any, Any, str]:
    """The untrained network of an architecture, an input of it, and what it is called."""
    from untrained.measuring import example_for
    from untrained.runtime.seeding import seeded

    if which is not None:
        raise InputError("--which is for the folder of a search: leave it out beside --arch")
    if space is None:
        raise InputError(f"--arch {arch!r}: give its --space, too")
    found = None if data is None else chosen_data(data, None, params)
    chosen = chosen_space(space, space_options, found)
    canonical = chosen.canonical(chosen.read(arch))
    example = example_for(chosen) if found is None else found.example
    with seeded(0):
        return chosen.build(canonical), example, canonical

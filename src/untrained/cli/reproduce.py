"""`untrained reproduce`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

import untrained
from untrained.cli.options import Data, Resize, Seed, Subset, Workers
from untrained.cli.output import stderr, stdout
from untrained.cli.resume import InterruptedSearch
from untrained.errors import InputError, listed
from untrained.report.progress import progress_bars
from untrained.runtime.cores import cores

EXAMPLES = """
[bold]Examples[/bold]

  untrained reproduce darts --scale small --data digits --out runs/darts

  untrained reproduce darts --scale full --data cifar10.parquet --out runs/c10
"""
WHAT = ("darts",)


def reproduce(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="darts: RoBoT in the DARTS space.")],
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for the search and the large network.")],
    scale: Annotated[str, typer.Option(help="small (minutes on two cores) or full (the published figures).")] = "small",
    resize: Resize = None,
    subset: Subset = None,
    pool: Annotated[int | None, typer.Option(help="How many cells are scored, instead of the scale's.")] = None,
    budget: Annotated[int | None, typer.Option(help="How many are trained, instead of the scale's.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of each, instead of the scale's.")] = None,
    final_epochs: Annotated[int | None, typer.Option(help="Those of the large network, likewise.")] = None,
    seed: Seed = 0,
    workers: Workers = None,
    jobs: Annotated[int, typer.Option(help="How many trainings of the search at once.")] = 1,
    device: Annotated[str, typer.Option(help="Where to train: auto, cpu, cuda or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Repeat a procedure of the paper: score, search by RoBoT with small networks, train the pick's large network.

    Repeat the command with the same --out to go on with one that was stopped.
    """
    from untrained.reproducing import DARTS_SCALES, reproduce_darts
    from untrained.runtime.devices import usable_device
    from untrained.runtime.seeding import check_seed

    if what not in WHAT:
        raise InputError(f"reproduce {what!r}: choose from {listed(WHAT)}")
    if scale not in DARTS_SCALES:
        raise InputError(f"--scale {scale!r}: choose from {listed(DARTS_SCALES)}")
    if data is None:
        raise InputError("give --data: the paper's are CIFAR-10; digits is built in")
    check_seed(seed)
    usable_device(device)
    chosen = DARTS_SCALES[scale]
    chosen = replace(chosen, pool=chosen.pool if pool is None else pool)
    chosen = replace(chosen, budget=chosen.budget if budget is None else budget)
    if epochs is not None:
        chosen = replace(chosen, recipe=replace(chosen.recipe, epochs=epochs))
    if final_epochs is not None:
        chosen = replace(chosen, final_recipe=replace(chosen.final_recipe, epochs=final_epochs))
    images = untrained.load_data(data, resize=resize, subset=subset)
    with progress_bars(stderr(), enabled=not as_json) as bars:
        try:
            found = reproduce_darts(
                images,
                out,
                chosen,
                seed=seed,
                workers=cores() if workers is None else workers,
                jobs=jobs,
                device=device,
                on_scored=bars.scoring,
                on_query=bars.querying,
                on_epoch=None if as_json else _epoch,
            )
        except KeyboardInterrupt as error:
            raise InterruptedSearch(out, "the same command goes on where it was") from error
    document = found.to_json()
    if as_json:
        typer.echo(json.dumps(document))
    else:
        for line in _lines(document):
            stdout().print(line, markup=False, highlight=False, soft_wrap=True)  # a genotype is copied


def _epoch(arch: str, seed: int, done: int, epochs: int, figures: Mapping[str, float]) -> None:
    values = ", ".join(f"{name} {value:.2f}" for name, value in figures.items())
    typer.echo(f"large network, epoch {done} of {epochs}: {values}", err=True)


def _lines(document: Mapping[str, Any]) -> list[str]:
    """The result as text."""
    run, name, search = document["trained"], document["metric"], document["search"]
    counts = f"{len(search['queries'])} trainings, from {search['pool']} cells"
    figures = [f"{part} {run[part][name]:.2f}" for part in ("valid", "test") if name in run[part]]
    values = [query["value"] for query in search["queries"] if query["value"] is not None]
    return [
        document["genotype"],
        f"search: best valid {name} {max(values):.2f} of {counts}",
        f"large network: {document['params']:.3f} M parameters, {name} {', '.join(figures)} "
        f"after {len(run['epochs'])} epoch{'s' * (len(run['epochs']) != 1)} ({run['seconds']:.0f} s)",
        "what differs from the paper:",
        *(f"  - {line}" for line in document["differs"]),
    ]

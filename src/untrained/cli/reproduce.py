"""`untrained reproduce`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

import untrained
from untrained.cli.options import Data, DataDir, Resize, Seed, Subset, Workers, seeds_in
from untrained.cli.output import stderr, stdout
from untrained.cli.resume import InterruptedSearch
from untrained.errors import InputError, listed
from untrained.report.progress import progress_bars
from untrained.runtime.cores import cores

EXAMPLES = """
[bold]Examples[/bold]

  untrained reproduce table2 --data-dir tables --out table2.parquet

  untrained reproduce figure2 --data-dir tables --figure figure2.svg

  untrained reproduce darts --scale small --data digits --out runs/darts

  untrained reproduce darts --scale full --data cifar10.parquet --out runs/c10
"""
TABLES = ("table2", "table3", "table4", "figure2", "ablations")
WHAT = (*TABLES, "darts")
SCALES = ("small", "full")


def reproduce(
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(metavar="WHAT", help="table2, table3, table4, figure2, ablations; darts: the procedure."),
    ],
    data_dir: DataDir = None,
    data: Data = None,
    out: Annotated[
        Path | None, typer.Option(help="File of the searches, to go on from; for darts a folder, which it needs.")
    ] = None,
    scale: Annotated[
        str | None, typer.Option(help="small (minutes) or full (as published). (default: full; darts: small)")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Of tables: 10 for 0..9, or 10:20. (default: as published)")] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw the searches: .svg, .png or .pdf. (default of figure2: figure2.svg)")
    ] = None,
    resize: Resize = None,
    subset: Subset = None,
    pool: Annotated[int | None, typer.Option(help="darts: how many cells are scored, instead of the scale's.")] = None,
    budget: Annotated[int | None, typer.Option(help="Queries of a search, instead of the scale's.")] = None,
    epochs: Annotated[int | None, typer.Option(help="darts: epochs of each, instead of the scale's.")] = None,
    final_epochs: Annotated[int | None, typer.Option(help="darts: those of the large network, likewise.")] = None,
    seed: Seed = 0,
    workers: Workers = None,
    jobs: Annotated[int, typer.Option(help="darts: how many trainings of the search at once.")] = 1,
    device: Annotated[str, typer.Option(help="darts: where to train: auto, cpu, cuda or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Repeat a table, a figure or a procedure of RoBoT's paper, and print ours beside what was published.

    Tables and figure2 run searches on published tables (untrained data). darts scores, searches by RoBoT with small
    networks, and trains the pick's large network. Repeat the command with the same --out to go on with one that was
    stopped.
    """
    if what not in WHAT:
        raise InputError(f"reproduce {what!r}: choose from {listed(WHAT)}")
    if scale is not None and scale not in SCALES:
        raise InputError(f"--scale {scale!r}: choose from {listed(SCALES)}")
    _check_options(context, what)
    if what != "darts":
        from untrained.cli.reproduce_tables import reproduce_table
        from untrained.report.bench_figure import checked_path

        if figure is not None:
            checked_path(figure)
        if what == "figure2" and figure is None:
            figure = checked_path(Path("figure2.svg"))
        reproduce_table(
            what,
            data_dir,
            small=scale == "small",
            seeds=None if seeds is None else seeds_in(seeds),
            budget=budget,
            out=out,
            figure=figure,
            workers=cores() if workers is None else workers,
            as_json=as_json,
        )
        return
    from untrained.reproducing import DARTS_SCALES, reproduce_darts
    from untrained.runtime.devices import usable_device
    from untrained.runtime.seeding import check_seed

    scale = scale or "small"
    if data is None:
        raise InputError("give --data: the paper's are CIFAR-10; digits is built in")
    if out is None:
        raise InputError("give --out: a folder for the search and the large network")
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


FOR_DARTS = ("data", "resize", "subset", "pool", "epochs", "final_epochs", "seed", "jobs", "device")
FOR_TABLES = ("data_dir", "seeds", "figure")
FOR_SEARCHES = ("out", "budget", "workers", "scale")
"""Options that table4, which searches nothing, has no use for either."""


def _check_options(context: typer.Context, what: str) -> None:
    """Options that would change nothing are refused."""
    useless = FOR_TABLES if what == "darts" else FOR_DARTS
    if what == "ablations":
        useless = (*useless, "figure")
    elif what == "table4":
        useless = (*useless, *FOR_TABLES[1:], *FOR_SEARCHES)
    for name in useless:
        if (source := context.get_parameter_source(name)) is not None and source.name == "COMMANDLINE":
            raise InputError(f"reproduce {what} has no --{name.replace('_', '-')}")


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

"""The command line: a thin wrapper of the library."""

import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.console import Console

import untrained
from untrained.errors import InputError
from untrained.report.progress import progress_bars
from untrained.seeding import check_seed

app = typer.Typer(
    name="untrained",
    help="Find a good neural architecture before training many.",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
POOL, BATCH_SIZE, EPOCHS = 256, 32, 12
INTERRUPTED = 130

SEARCH_EXAMPLES = """
[bold]Examples[/bold]

  untrained search --space nasbench201 --data digits --budget 10 --out runs/digits

  untrained search --table accuracy.parquet --column val_acc --report-column test_acc
    --scores metrics.parquet --metrics grad_norm,snip,synflow --budget 20 --json
"""
SCORE_EXAMPLES = """
[bold]Example[/bold]

  untrained score --space nasbench201 --data digits --pool 100 --out scores.parquet
"""

Space = Annotated[str | None, typer.Option("--space", help="A space's name (untrained spaces), or module:Class.")]
SpaceOptions = Annotated[str, typer.Option(help="Options of the space, as N=1,C=8.")]
Data = Annotated[str | None, typer.Option("--data", help="digits, or a .parquet (image, label) or .npz (x, y) file.")]
Metrics = Annotated[str | None, typer.Option("--metrics", help="Metrics, separated by commas (untrained metrics).")]
Seed = Annotated[int, typer.Option(help="Decides the pool, initialisations, the batch and the sampler.")]
BatchSize = Annotated[int, typer.Option(help="Images of the batch that the metrics see.")]
Workers = Annotated[int | None, typer.Option(help="Scoring processes; they change no score (default: all cores).")]
Pool = Annotated[int | None, typer.Option(help=f"How many architectures of the space to score (default: {POOL}).")]


@app.command(epilog=SEARCH_EXAMPLES)
def search(
    budget: Annotated[int, typer.Option(help="How many architectures to evaluate.")],
    space: Space = None,
    space_options: SpaceOptions = "",
    data: Data = None,
    test_data: Annotated[str | None, typer.Option(help="Test images, else a fifth of --data is set aside.")] = None,
    table: Annotated[str | None, typer.Option(help="Parquet file that answers for the training.")] = None,
    column: Annotated[str | None, typer.Option(help="Column of --table to maximise.")] = None,
    report_column: Annotated[str | None, typer.Option(help="Column of --table to look up for the pick only.")] = None,
    scores: Annotated[str | None, typer.Option(help="Parquet file with the metric columns (default: --table).")] = None,
    metrics: Metrics = None,
    pool: Pool = None,
    sampler: Annotated[str, typer.Option(help="robot, mixture or random.")] = "robot",
    seed: Seed = 0,
    epochs: Annotated[int, typer.Option(help="Epochs of each training.")] = EPOCHS,
    learning_rate: Annotated[float, typer.Option(help="Learning rate at the start of each training.")] = 0.025,
    augment: Annotated[bool, typer.Option(help="Train on random flips and crops.")] = False,
    device: Annotated[str, typer.Option(help="Where to train: auto, cpu, cuda or mps.")] = "auto",
    threads: Annotated[int, typer.Option(help="CPU threads of each training.")] = 1,
    batch_size: BatchSize = BATCH_SIZE,
    workers: Workers = None,
    storage: Annotated[str | None, typer.Option(help="URL of an Optuna storage. (default: study.db in --out)")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the study, scores and best network.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Score a pool without training, then spend BUDGET real evaluations on finding its best architecture.

    With --data each evaluation is a training; with --table it is a look-up. Run again with the same --out, it goes on
    where it was.
    """
    if (data is None) == (table is None):
        raise InputError("give either --data (real trainings) or --table (look-ups)")
    if table is not None and column is None:
        raise InputError("--table needs --column, the figure to maximise")
    if table is not None and (pool, workers, epochs, augment, test_data) != (None, None, EPOCHS, False, None):
        raise InputError("--pool, --workers, --epochs, --augment and --test-data belong to --data, not to --table")
    if data is not None and (column or report_column or scores):
        raise InputError("--column, --report-column and --scores belong to --table, not to --data")
    if data is not None and space is None:
        raise InputError(f"--data needs --space: choose from {', '.join(_spaces())}")
    console = Console(stderr=True)
    with progress_bars(console, enabled=not as_json) as bars:
        options: dict[str, Any] = {"budget": budget, "sampler": sampler, "seed": seed, "storage": storage, "out": out}
        options |= {"on_scored": bars.scoring, "on_query": bars.querying}
        if data is not None:
            check_seed(seed)
            images = untrained.load_data(data, test_data)
            chosen = _space(space, space_options, images)
            objective: Any = untrained.TrainingObjective(
                chosen,
                *(images.split(name) for name in ("train", "valid", "test")),
                epochs=epochs,
                learning_rate=learning_rate,
                augment=augment,
                seed=seed,
                device=device,
                threads=threads,
                data_name=f"{images.name}:{images.fingerprint}",
                on_step=bars.training,
            )
            options |= {
                "batch": images.batch(batch_size, seed),
                "metrics": _metric_names(metrics),
                "pool": pool,
            }
            options["workers"] = _cores() if workers is None else workers
        else:
            assert table is not None
            assert column is not None
            objective = untrained.TabularObjective(table, column, report_column=report_column)
            scored = _table_scores(scores or table, metrics, (column, report_column) if scores in (None, table) else ())
            answered = set(objective.archs)
            archs = [arch for arch in scored.archs if arch in answered]
            if not archs:
                raise InputError(f"{scores or table} and {table} have no architecture in common")
            options["scores"] = scored.select(archs)
            chosen = untrained.ArchitectureList(archs) if space is None else _space(space, space_options, None)
        result = untrained.search(chosen, objective, **options)
    if table is not None:
        console.print(f"pool: {result.summary['pool']} architectures stand in both the scores and the table")
    _print(result.summary, as_json)


@app.command(epilog=SCORE_EXAMPLES)
def score(
    space: Space,
    data: Data,
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    archs: Annotated[Path | None, typer.Option(help="File with one architecture a line.")] = None,
    pool: Pool = None,
    metrics: Metrics = None,
    space_options: SpaceOptions = "",
    seed: Seed = 0,
    batch_size: BatchSize = BATCH_SIZE,
    workers: Workers = None,
) -> None:
    """Score architectures with training-free metrics. Killed and run again, it goes on where it was."""
    if space is None or data is None:
        raise InputError("give --space and --data")
    if archs is not None and pool is not None:
        raise InputError("give either --archs or --pool")
    check_seed(seed)
    images = untrained.load_data(data)
    chosen = _space(space, space_options, images)
    pool_archs = _read_archs(archs) if archs is not None else _pool(chosen, pool, seed)
    console = Console(stderr=True)
    with progress_bars(console, enabled=True) as bars:
        scores = untrained.compute_scores(
            chosen,
            pool_archs,
            _metric_names(metrics),
            images.batch(batch_size, seed),
            seed,
            workers=_cores() if workers is None else workers,
            path=out,
            progress=bars.scoring,
        )
    failed = sum(len(why) for why in scores.reasons.values())
    console.print(f"{len(scores)} architectures x {len(scores.metrics)} metrics in {out}, {failed} scores failed")
    for arch, why in list(scores.reasons.items())[:3]:
        console.print(f"  {arch}: " + "; ".join(f"{m}: {w}" for m, w in why.items()), markup=False, highlight=False)


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of a search.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print a search again, finished or not.

    Example: untrained show runs/digits
    """
    from untrained.result import load_summary

    _print(load_summary(folder), as_json)


@app.command()
def metrics() -> None:
    """List the training-free metrics."""
    from untrained.report.text import print_table

    rows = [
        (m.name, "higher" if m.direction > 0 else "lower", ", ".join(m.needs) or "weights", m.summary, m.paper)
        for m in untrained.METRICS.values()
    ]
    print_table(_stdout(), "Training-free metrics", ("name", "better", "needs", "what", "paper"), rows)


@app.command()
def spaces() -> None:
    """List the search spaces."""
    from untrained.report.text import print_table

    rows = []
    for name, kind in untrained.SPACES.items():
        space = kind()
        options = ", ".join(f"{k}={v}" for k, v in space.options.items())
        rows.append((name, f"{space.size or 'endless'}", options, (kind.__doc__ or "").split("\n")[0]))
    print_table(_stdout(), "Search spaces", ("name", "architectures", "options", "what"), rows)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"untrained {untrained.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Runs the command line: one clear line and exit code 2 for bad input, 130 for Ctrl-C."""
    sys.path.insert(0, "")  # a space of one's own in the current folder, as `python -m` finds it
    # typer keeps click's UsageError in a different place from version to version
    usage_error = cast(type[typer.BadParameter], typer.BadParameter.__bases__[0])
    try:
        code = app(standalone_mode=False)
    except InputError as error:
        typer.echo(f"error: {error}", err=True)
        code = 2
    except OSError as error:
        typer.echo(f"error: {error.filename or 'the file'}: {error.strerror or error}", err=True)
        code = 2
    except usage_error as error:
        typer.echo(f"error: {' '.join(error.format_message().split())}{_given(error)} (see --help)", err=True)
        code = 2
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:
        typer.echo("interrupted: with an --out or --storage, the same command goes on where it was", err=True)
    sys.exit(code if isinstance(code, int) else 0)


def _given(error: typer.BadParameter) -> str:
    """The value that the option at fault was given, where the message leaves it out."""
    for flag in getattr(getattr(error, "param", None), "opts", ()):
        for word, following in zip(sys.argv, [*sys.argv[1:], ""], strict=True):
            value = following if word == flag else word.removeprefix(f"{flag}=") if word.startswith(f"{flag}=") else ""
            if value and repr(value) not in error.format_message():
                return f", not {value!r}"
    return ""


def _print(summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(summary, allow_nan=False))
    else:
        from untrained.report.text import render

        _stdout().print(render(summary))


def _stdout() -> Console:
    """Where it is no terminal, lines are not cut at 80 columns."""
    return Console() if sys.stdout.isatty() else Console(width=160)


def _space(name: str | None, options: str, images: Any) -> Any:
    from untrained.spaces import get_space

    given: dict[str, Any] = {}
    for part in filter(None, options.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise InputError(f"space option {part!r}: write it as name=value")
        number = re.fullmatch(r"\s*(-?[0-9]+)\s*", value)
        given[key.strip()] = int(number[1]) if number else value.strip()
    if images is not None:
        given = {"num_classes": images.num_classes, "in_channels": images.shape[0]} | given
    return get_space(name or "", **given)


def _pool(space: Any, pool: int | None, seed: int) -> list[str]:
    return space.pool(POOL, seed, at_most=True) if pool is None else space.pool(pool, seed)


def _spaces() -> list[str]:
    return list(untrained.SPACES)


def _metric_names(metrics: str | None) -> list[str]:
    from untrained.metrics import get_metrics

    names = list(untrained.ROBOT_METRICS) if metrics is None else [m.strip() for m in metrics.split(",")]
    return [m.name for m in get_metrics(names)]


def _table_scores(path: str, metrics: str | None, figures: tuple[str | None, ...]) -> Any:
    """The metric columns of a published table: those named, else its own, else RoBoT's six; never one of `figures`."""
    table = untrained.ScoreTable.load(path)
    if metrics is not None:
        names = [m.strip() for m in metrics.split(",")]
    elif table.provenance:
        names = list(table.metrics)
    else:
        names = ["jacov" if m not in table.metrics and m == "jacob_cov" else m for m in untrained.ROBOT_METRICS]
    for name in names:
        if name in figures:
            raise InputError(f"{name!r} is what the search is for: it cannot be one of the metrics")
        if name not in table.metrics:
            candidates = [m for m in table.metrics if m not in figures and "test" not in m]
            has = ", ".join(candidates) or "none"
            raise InputError(f"{path} has no metric column {name!r}: choose --metrics from {has}")
    return table.select(metrics=names)


def _read_archs(path: Path) -> list[str]:
    if not path.is_file():
        raise InputError(f"no file {str(path)!r}: give a text file with one architecture a line")
    try:
        archs = [line.strip() for line in path.read_text().splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file with one architecture a line") from error
    if not archs:
        raise InputError(f"{path} names no architecture")
    return archs


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

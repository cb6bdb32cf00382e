"""`untrained search`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

import untrained
from untrained.cli.options import (
    DATA_OPTIONS,
    Data,
    ImageColumn,
    Inputs,
    Metrics,
    OnExecutor,
    Pool,
    Resize,
    ScoreBatchSize,
    Seed,
    Space,
    SpaceOptions,
    Strict,
    Subset,
    Target,
    Task,
    Workers,
    check_archs,
    chosen_data,
    chosen_space,
    scoring,
    seconds_in,
    warn_if_minimised,
)
from untrained.cli.output import print_summary, stderr
from untrained.cli.recipe import HELP, with_recipe
from untrained.cli.resume import InterruptedSearch, write_run
from untrained.cli.scored import limits_in, shortlist_of, table_scores
from untrained.errors import InputError
from untrained.report.live import live_view
from untrained.runtime.cores import cores
from untrained.runtime.executors import is_local
from untrained.searching import KEEP

EXAMPLES = """
[bold]Examples[/bold]

  untrained search --space resnet --data digits --budget 10 --out runs/digits

  untrained search --table t.parquet --column val_acc --scores s.csv --json
"""


OF_TRAINING = (
    *(
        "pool",
        "archs",
        "grow",
        "workers",
        "test_data",
        *DATA_OPTIONS,
        *HELP,
        "tune",
        "loss",
        "measure",
        "data_workers",
        "device",
        "threads",
        "training_limit",
        "jobs",
        "executor",
        "score_batch_size",
        "strict",
    ),
)
"""Parameters that only real trainings and scoring have a use for."""
OF_SCORING = ("pool", "archs", "grow", "workers", "score_batch_size", "strict")
"""Parameters that only scoring has a use for."""


@with_recipe
def search(
    context: typer.Context,
    budget: Annotated[
        int | None,
        typer.Option(help="How many architectures to evaluate (default: 20, or as many as --time-limit allows)."),
    ] = None,
    space: Space = None,
    space_options: SpaceOptions = "",
    data: Data = None,
    test_data: Annotated[str | None, typer.Option(help="Test images, else a fifth of --data is set aside.")] = None,
    resize: Resize = None,
    subset: Subset = None,
    image_column: ImageColumn = None,
    target: Target = None,
    inputs: Inputs = None,
    task: Task = None,
    table: Annotated[str | None, typer.Option(help="Parquet, CSV or JSON file that answers for the training.")] = None,
    column: Annotated[str | None, typer.Option(help="Column of --table to search by.")] = None,
    direction: Annotated[str | None, typer.Option(help="maximize or minimize --column (default: maximize).")] = None,
    report_column: Annotated[str | None, typer.Option(help="Column of --table to look up for the pick only.")] = None,
    scores: Annotated[
        str | None,
        typer.Option(help="File with the metric columns (default: --table). With --data, it is the pool."),
    ] = None,
    shortlist: Annotated[
        int | None,
        typer.Option(
            help="Of a large Parquet file --scores, hold so many candidates only; 0 for all "
            "(default: 20,000 of a million or more, for mixture)."
        ),
    ] = None,
    metrics: Metrics = None,
    pool: Pool = None,
    archs: Annotated[Path | None, typer.Option(help="File with the architectures to score, one a line.")] = None,
    where: Annotated[
        str | None,
        typer.Option(help='Limits, as "params <= 2, latency <= 5" (M, ms; also flops, memory, columns of the tables).'),
    ] = None,
    objectives: Annotated[
        str | None,
        typer.Option(help='Look for a front, as "accuracy, latency" (figures as in --where; "COLUMN min" or "max").'),
    ] = None,
    grow: Annotated[
        int | None,
        typer.Option(
            help="Relatives of the favourites that join the pool before each query; 0 for none "
            "(default: as many as a tenth of a training pays for)."
        ),
    ] = None,
    sampler: Annotated[str, typer.Option(help="A sampler's name (untrained samplers).")] = "mixture",
    seed: Seed = 0,
    recipe: Any = None,
    tune: Annotated[
        str | None,
        typer.Option(
            help='Search for options of the recipe, too, as "lr=1e-4..1e-1 log, batch_size=32|64, augment=none|cutout".'
        ),
    ] = None,
    loss: Annotated[
        str | None, typer.Option(help="What is trained by: cross_entropy, bce, mse, ..., or file.py:function.")
    ] = None,
    measure: Annotated[
        str | None,
        typer.Option(help="What is searched for: accuracy, f1, rmse, iou, ...; more, after commas, are recorded."),
    ] = None,
    pruner: Annotated[
        str | None, typer.Option(help="Stops poor trainings early: asha, hyperband, median, percentile.")
    ] = None,
    data_workers: Annotated[
        int | None, typer.Option(help="Processes that read images (default: all cores but one).", show_default=False)
    ] = None,
    device: Annotated[str, typer.Option(help="Where to train: auto, cpu, cuda or mps.")] = "auto",
    threads: Annotated[int, typer.Option(help="CPU threads of each training.")] = 1,
    score_batch_size: ScoreBatchSize = None,
    strict: Strict = False,
    workers: Workers = None,
    storage: Annotated[str | None, typer.Option(help="URL of an Optuna storage. (default: study.db in --out)")] = None,
    join: Annotated[
        bool,
        typer.Option("--join", help="Search together with all who give the same command, on one --storage or --out."),
    ] = False,
    time_limit: Annotated[
        str | None,
        typer.Option("--time-limit", "--timeout", help="Begin no further query after, as 90, 30min, 2h or 1d."),
    ] = None,
    jobs: Annotated[int, typer.Option(help="How many trainings at once.")] = 1,
    executor: OnExecutor = None,
    keep: Annotated[int, typer.Option(help="Of how many of the best networks --out keeps the weights.")] = KEEP,
    log: Annotated[
        str | None, typer.Option(help="Log each query: tensorboard:DIR, mlflow or mlflow:URI, several after commas.")
    ] = None,
    training_limit: Annotated[
        str | None, typer.Option(help="End a training that takes longer, as 90, 10min or 1h: a failed query.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the study, scores and best network.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Score a pool without training, then spend BUDGET real evaluations on finding its best architecture.

    With --data each evaluation is a training; with --table it is a look-up.

    Repeat the command with the same --out to go on with a search that was stopped.
    """
    if (data is None) == (table is None):
        raise InputError("give either --data (real trainings) or --table (look-ups)")
    if table is not None and column is None:
        raise InputError("--table needs --column, the figure to search by")
    sources = {name: context.get_parameter_source(name) for name in OF_TRAINING}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if table is not None and given:
        raise InputError(f"--{given[0].replace('_', '-')} belongs to --data, not to --table")
    if data is not None and (column or direction or report_column):
        raise InputError("--column, --direction and --report-column belong to --table, not to --data")
    if archs is not None and pool is not None:
        raise InputError("give either --archs or --pool")
    if scores is not None and (superfluous := [name for name in OF_SCORING if name in given]):
        raise InputError(f"--{superfluous[0].replace('_', '-')} is for scoring a pool, and --scores has one's scores")
    if data is not None and space is None:
        raise InputError(f"--data needs --space: choose from {', '.join(untrained.SPACES)}")
    from untrained.runtime.seeding import check_seed
    from untrained.samplers import sampler_info
    from untrained.searching.callbacks import read_logs
    from untrained.searching.pool import scores_seed
    from untrained.spaces import read_archs

    own_metrics = sampler_info(sampler).metrics
    most = shortlist_of(shortlist, scores, sampler)
    scored: Any = None
    if scores is not None:
        check_seed(seed)
        scored = table_scores(scores, table, metrics, (column, report_column), own_metrics, most=most, seed=seed)
    console = stderr()
    with live_view(console, enabled=not as_json) as bars:
        options: dict[str, Any] = {
            "budget": budget,
            "where": limits_in(where, scores, objectives, scored.archs if most else None),
            "objectives": objectives,
            "sampler": sampler,
            "seed": seed,
            "storage": storage,
            "join": join,
            "out": out,
            "keep": keep,
            "pruner": pruner,
        }
        options |= {"on_measured": bars.measuring, "on_study": bars.studying}
        options |= {"on_scored": bars.scoring, "on_query": bars.querying, "timeout": seconds_in(time_limit)}
        options |= {"training_limit": seconds_in(training_limit), "jobs": jobs, "executor": executor}
        options |= {"callbacks": read_logs(log, out)}
        bars.within(options["timeout"], counted=budget is not None, jobs=jobs)
        if data is not None:
            check_seed(seed)
            objective: Any = training_of(
                context.params, recipe, bars.training if jobs == 1 and is_local(executor) else None
            )
            images, chosen = objective.data, objective.space
            names = metrics or ",".join(group[0] for group in own_metrics) or None
            how: dict[str, Any] = {}
            if score_batch_size is not None:
                how = scoring(names, images, score_batch_size, scores_seed(out, seed))
            how |= {"metrics": names, "strict": strict, "workers": cores() if workers is None else workers}
            options["scores"] = untrained.Scoring(**how) if scored is None else scored
            options["grow"] = grow
            options["pool"] = pool if archs is None else read_archs(archs, chosen)
        else:
            assert table is not None
            assert column is not None
            if direction is None:
                warn_if_minimised(column)
            objective = untrained.TabularObjective(
                table,
                column,
                report_column=report_column,
                direction="maximize" if direction is None else direction,  # pyright: ignore[reportArgumentType] - checked there
            )
            if scored is None:
                scored = table_scores(None, table, metrics, (column, report_column), own_metrics)
            options["scores"] = objective.common(scored, scores or table)
            common = list(options["scores"].archs)
            chosen = untrained.ArchitectureList(common) if space is None else chosen_space(space, space_options, None)
            check_archs(chosen, common, Path(table))
        if out is not None:
            options["on_begin"] = lambda: write_run(out, context)
        elif storage is None:
            options["on_begin"] = lambda: typer.echo("note: without --out, nothing of this search is kept", err=True)
        try:
            result = untrained.search(chosen, objective, **options)
        except KeyboardInterrupt as error:
            if out is None:
                raise
            raise InterruptedSearch(out) from error
    if table is not None:
        typer.echo(f"pool: {result.summary['pool']} architectures stand in both the scores and the table", err=True)
    print_summary(result.summary, as_json)


def training_of(given: Mapping[str, Any], recipe: Mapping[str, Any], on_step: Callable[[int, int], None] | None) -> Any:
    """Makes the trainings of a search.

    Args:
        given: The options of the search, by name.
        recipe: Those of the recipe.
        on_step: Called with (steps done, steps in all) during each training; None for nothing.

    Returns:
        The `TrainingObjective`, with its data and space.

    Raises:
        InputError: Something given cannot be used.
    """
    from untrained.objectives.tuning import read_tune
    from untrained.runtime.devices import usable_device
    from untrained.runtime.lookup import look_up

    # What can be seen at once is looked at before the data, whose reading may take minutes.
    made, tuned = untrained.Recipe(**recipe), read_tune(given["tune"])
    usable_device(given["device"])
    look_up("space", given["space"], untrained.SPACES)
    data = chosen_data(given["data"], given["test_data"], given)
    return untrained.TrainingObjective(
        chosen_space(given["space"], given["space_options"], data),
        data,
        made,
        tune=tuned,
        loss=given["loss"],
        metrics=None if given["measure"] is None else given["measure"].split(","),
        data_workers=given["data_workers"],
        device=given["device"],
        threads=given["threads"],
        on_step=on_step,
    )

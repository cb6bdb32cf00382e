"""`untrained bench`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from untrained.cli.options import DataDir, SpaceOptions, Workers, chosen_space, names_in, seeds_in, warn_if_minimised
from untrained.cli.output import stderr, stdout
from untrained.errors import InputError
from untrained.report.progress import progress_bars
from untrained.runtime.cores import cores

EXAMPLES = """
[bold]Examples[/bold]

  untrained bench

  untrained bench nasbench201 --data-dir tables --figure nasbench201.svg

  untrained bench transnas101-micro/jigsaw --samplers robot,rea --seeds 10:20

  untrained bench nasbench201 --scores mine.parquet --extra-metrics near

  untrained bench --table mine.parquet --column val_acc --metrics snip,synflow
"""


def bench(
    benchmarks: Annotated[
        list[str] | None,
        typer.Argument(help="As nasbench201, transnas101-micro/jigsaw, all. (default: digits-201, which is inside)"),
    ] = None,
    data_dir: DataDir = None,
    samplers: Annotated[
        str | None, typer.Option(help="Separated by commas (untrained samplers); single: each metric. (default: all)")
    ] = None,
    seeds: Annotated[str, typer.Option(help="10 for 0..9, or 10:20 for 10..19.")] = "10",
    budget: Annotated[int | None, typer.Option(help="Queries of a search. (default: T of the benchmark)")] = None,
    metrics: Annotated[str | None, typer.Option(help="Metrics instead of the benchmark's.")] = None,
    extra_metrics: Annotated[str, typer.Option(help="Metrics besides them; params,flops can be counted.")] = "",
    reference: Annotated[str | None, typer.Option(help="Sampler to compare with. (default: robot, if it runs)")] = None,
    table: Annotated[str | None, typer.Option(help="File of your own that answers for trainings.")] = None,
    column: Annotated[str | None, typer.Option(help="Column of --table that is the objective.")] = None,
    report_column: Annotated[str | None, typer.Option(help="Column of --table with a test figure.")] = None,
    cost_column: Annotated[str | None, typer.Option(help="Column of --table with seconds of the training.")] = None,
    direction: Annotated[str | None, typer.Option(help="maximize or minimize --column (default: maximize).")] = None,
    scores: Annotated[
        str | None, typer.Option(help="File with metric columns (default: --table); besides those of a benchmark.")
    ] = None,
    space: Annotated[str | None, typer.Option(help="Space of --table (untrained spaces), or module:Class.")] = None,
    space_options: SpaceOptions = "",
    workers: Workers = None,
    out: Annotated[Path | None, typer.Option(help="Parquet file of every query, to go on from.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw error against queries: .svg, .png or .pdf.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Let samplers search published tables, and compare them with each other and with what was published.

    Repeat the command with the same --out to go on: only searches that the file lacks are made.
    """
    from untrained.benching import bench as run_bench
    from untrained.benching import summarise
    from untrained.benchmarks import Benchmark, get_benchmarks
    from untrained.objectives.base import check_direction
    from untrained.report.bench_figure import checked_path

    if figure is not None:
        checked_path(figure)
    if table is not None and (column is None or metrics is None):
        raise InputError("--table needs --column, the objective, and --metrics, the columns to learn from")
    if table is None and any((column, report_column, cost_column, space, direction)):
        raise InputError("--column, --report-column, --cost-column, --direction and --space need --table")
    if table is None and scores is not None and not benchmarks:
        raise InputError("--scores: name the benchmark whose architectures these are")
    if table is None and scores is not None and not (metrics or extra_metrics):
        raise InputError("--scores needs --metrics or --extra-metrics: its columns to learn from")
    if space is None and space_options:
        raise InputError(f"--space-options {space_options!r} need --space")
    if samplers is not None and not names_in(samplers):
        raise InputError("--samplers names none: give names, separated by commas (untrained samplers)")
    if table is not None and benchmarks:
        raise InputError(f"give either benchmarks ({benchmarks[0]!r}) or --table")
    chosen: list[Any] = list(benchmarks or ["digits-201"])
    if table is not None:
        assert column is not None
        own = Path(table).resolve()
        chosen = [
            Benchmark(
                name=own.stem,
                task="table",
                objective=column,
                table=str(own),
                scores=str(own if scores is None else Path(scores).resolve()),
                space=None if space is None else chosen_space(space, space_options, None),
                metrics=names_in(metrics) or (),
                direction=check_direction("maximize" if direction is None else direction),
                test=report_column,
                cost=cost_column,
            )
        ]
    elif scores is not None:
        chosen = [replace(benchmark, further=str(Path(scores).resolve())) for benchmark in get_benchmarks(chosen)]
    if column is not None and direction is None:
        warn_if_minimised(column)
    console = stderr()
    with progress_bars(console, enabled=not as_json) as bars:
        result = run_bench(
            chosen,
            names_in(samplers),
            seeds_in(seeds),
            budget=budget,
            metrics=None if table is not None else names_in(metrics),
            extra_metrics=names_in(extra_metrics) or (),
            data_dir=data_dir,
            path=out,
            workers=cores() if workers is None else workers,
            on_run=bars.searching,
        )
    ran = set(result.table["sampler"].to_pylist())
    if reference is None and "robot" in ran and len(ran) > 1:
        reference = "robot"
    rows = summarise(result, reference)
    if figure is not None:
        from untrained.report.bench_figure import save_figure

        save_figure(result, figure)
    if as_json:
        import json
        from dataclasses import asdict

        typer.echo(json.dumps({"rows": [asdict(row) for row in rows], "skipped": dict(result.skipped)}))
    else:
        from untrained.report.bench import render_bench

        stdout().print(render_bench(result, rows, reference))
    for path, what in ((out, "queries"), (figure, "figure")):
        if path is not None:
            typer.echo(f"{what}: {path}", err=True)

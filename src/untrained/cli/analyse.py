"""`untrained analyse`."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

import untrained
from untrained.cli.data import DataDir
from untrained.cli.options import Metrics, names_in, warn_if_minimised
from untrained.cli.output import stdout
from untrained.cli.search import table_scores
from untrained.errors import InputError

EXAMPLES = """
[bold]Examples[/bold]

  untrained analyse nasbench201/cifar10/cifar10_val_12 --data-dir tables

  untrained analyse --table t.parquet --column val_acc --budget 20 --seeds 10
"""


def analyse(
    benchmark: Annotated[str | None, typer.Argument(help="As nasbench201/cifar10/cifar10_val_12.")] = None,
    data_dir: DataDir = None,
    table: Annotated[str | None, typer.Option(help="File that knows the objective of the whole pool.")] = None,
    column: Annotated[str | None, typer.Option(help="Column of --table that is the objective.")] = None,
    scores: Annotated[str | None, typer.Option(help="File with the metric columns (default: --table).")] = None,
    metrics: Metrics = None,
    direction: Annotated[str | None, typer.Option(help="maximize or minimize --column (default: maximize).")] = None,
    budget: Annotated[
        int | None, typer.Option(help="T of Precision @ T, walks and searches. (default: the benchmark's, or 20)")
    ] = None,
    seeds: Annotated[int, typer.Option(help="RoBoT searches to run and take apart, with seeds 0, 1, ...")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell how well metrics rank a pool whose objective is known, and where RoBoT's result comes from.

    Correlations, Precision @ T and greedy walks for each metric; for RoBoT how many queries explored, what exploiting
    added, and the bound on the rank of its pick.
    """
    from untrained.analysis import bound, metric_report

    if (benchmark is None) == (table is None):
        raise InputError("give either a benchmark (untrained data) or --table")
    if table is not None and column is None:
        raise InputError("--table needs --column, the objective")
    if benchmark is not None and (column or scores or direction):
        raise InputError("--column, --scores and --direction belong to --table, not to a benchmark")
    if seeds < 0:
        raise InputError(f"{seeds} seeds: give 0 or more")
    if benchmark is not None:
        scored, objective, usual = _published(benchmark, data_dir, metrics)
    else:
        assert table is not None
        assert column is not None
        scored, objective, usual = *_own(table, column, scores, metrics, direction), 20
    budget = usual if budget is None else budget
    if not 1 <= budget <= len(scored):
        raise InputError(f"budget {budget}: give 1 to {len(scored)}, the architectures with scores and an objective")
    reports = metric_report(scored, objective, budget)
    space = untrained.ArchitectureList(list(scored.archs))
    searches = (
        untrained.search(space, objective, budget=budget, sampler="robot", scores=scored, seed=seed)
        for seed in range(seeds)
    )
    bounds = [bound(result.queries, objective, scored) for result in searches]
    if as_json:
        document = {
            "pool": len(scored),
            "budget": budget,
            "objective": objective.identity,
            "metrics": [_finite(asdict(report)) for report in reports],
            "robot": [{"seed": seed} | _finite(asdict(b)) for seed, b in enumerate(bounds)],
        }
        typer.echo(json.dumps(document, allow_nan=False))
        return
    from untrained.report.text import print_table

    out = stdout()
    print_table(
        out,
        f"Metrics and {objective.column}: {len(scored)} architectures, T = {budget}",
        ("metric", "scores", "Spearman", "Kendall", "precision @ T", "rank of first", "best rank", "expected"),
        [
            (
                r.name, f"{r.n}", f"{r.spearman:.3f}", f"{r.kendall:.3f}", f"{r.precision:.2f}", f"{r.first}",
                f"{r.best}", f"{r.expected:.1f}",
            )
            for r in sorted(reports, key=lambda r: r.best)
        ],
    )  # fmt: skip
    if bounds:
        print_table(
            out,
            "RoBoT: objective ranks",
            ("seed", "T0", "explored", "reachable", "precision @ T - T0", "expected <=", "guaranteed <=", "pick"),
            [
                (
                    f"{seed}", f"{b.explored}", f"{b.explore_rank}", f"{b.reachable}", f"{b.precision:.2f}",
                    f"{b.expected:.1f}", f"{b.guaranteed}", f"{b.pick_rank}",
                )
                for seed, b in enumerate(bounds)
            ],
        )  # fmt: skip


def _published(name: str, data_dir: Path | None, metrics: str | None) -> tuple[Any, Any, int]:
    """Scores, objective and budget of a benchmark."""
    from untrained.benching import open_benchmark
    from untrained.benchmarks import data_folder, get_benchmarks

    found = get_benchmarks([name])
    if len(found) > 1:
        raise InputError(f"{name!r} is {len(found)} benchmarks: choose from {', '.join(b.key for b in found)}")
    opened = open_benchmark(found[0], data_folder(data_dir), names_in(metrics))
    return opened.scores, opened.objective, found[0].budget


def _own(table: str, column: str, scores: str | None, metrics: str | None, direction: str | None) -> tuple[Any, Any]:
    """Scores and objective of tables of one's own, for the architectures that stand in both."""
    if direction is None:
        warn_if_minimised(column)
    objective = untrained.TabularObjective(table, column, direction="maximize" if direction is None else direction)  # pyright: ignore[reportArgumentType] - checked there
    scored = table_scores(scores, table, metrics, (column,))
    return objective.common(scored, scores or table), objective


def _finite(fields: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in fields.items()}

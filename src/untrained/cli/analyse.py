"""`untrained analyse`."""

import json
import math
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console

import untrained
from untrained.cli.options import Metrics
from untrained.cli.output import stdout
from untrained.cli.search import sounds_minimised, table_scores
from untrained.errors import InputError

EXAMPLES = """
[bold]Example[/bold]

  untrained analyse --table accuracy.parquet --column val_acc --scores metrics.parquet --budget 20 --seeds 10
"""


def analyse(
    table: Annotated[str, typer.Option(help="Parquet file that knows the objective of the whole pool.")],
    column: Annotated[str, typer.Option(help="Column of --table that is the objective.")],
    scores: Annotated[str | None, typer.Option(help="Parquet file with the metric columns (default: --table).")] = None,
    metrics: Metrics = None,
    direction: Annotated[
        str | None, typer.Option(help="maximize or minimize --column.", show_default="maximize")
    ] = None,
    budget: Annotated[int, typer.Option(help="T: of Precision @ T, of greedy walks, and of the searches.")] = 20,
    seeds: Annotated[int, typer.Option(help="RoBoT searches to run and take apart, with seeds 0, 1, ...")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell how well metrics rank a pool whose objective is known, and where RoBoT's result comes from.

    Correlations, Precision @ T and greedy walks for each metric; for RoBoT how many queries explored, what exploiting
    added, and the bound on the rank of its pick.
    """
    from untrained.analysis import bound, metric_report

    console = Console(stderr=True)
    if seeds < 0:
        raise InputError(f"{seeds} seeds: give 0 or more")
    if direction is None and sounds_minimised(column):
        console.print(
            f"warning: {column!r} sounds like less is better, and is maximised: for less, --direction minimize"
        )
    objective = untrained.TabularObjective(table, column, direction=direction or "maximize")  # pyright: ignore[reportArgumentType]
    scored = table_scores(scores or table, metrics, (column,) if scores in (None, table) else ())
    answered = set(objective.archs)
    archs = [arch for arch in scored.archs if arch in answered]
    if not 1 <= budget <= len(archs):
        raise InputError(f"budget {budget}: give 1 to {len(archs)}, the architectures in both the scores and the table")
    scored = scored.select(archs)
    reports = metric_report(scored, objective, budget)
    space = untrained.ArchitectureList(archs)
    bounds = [
        bound(untrained.search(space, objective, budget=budget, scores=scored, seed=seed).summary, objective, scored)
        for seed in range(seeds)
    ]
    if as_json:
        document = {
            "pool": len(archs),
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
        f"Metrics and {column}: {len(archs)} architectures, T = {budget}",
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


def _finite(fields: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in fields.items()}

"""`untrained analyse`."""

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

import untrained
from untrained.cli.options import DataDir, Metrics, names_in, warn_if_minimised
from untrained.cli.output import stdout
from untrained.cli.scored import table_scores
from untrained.errors import InputError

EXAMPLES = """
[bold]Examples[/bold]

  untrained analyse digits-201 --all-metrics

  untrained analyse nasbench201/cifar10/cifar10_val_12 --data-dir tables

  untrained analyse --table t.parquet --column val_acc --budget 20 --seeds 10

  untrained analyse nasbench201/cifar10/cifar10_test_200 --all-metrics
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
    all_metrics: Annotated[
        bool, typer.Option("--all-metrics", help="Correlations of all metrics and aggregates instead, with intervals.")
    ] = False,
    top: Annotated[int, typer.Option(help="P of nDCG, with --all-metrics.")] = 1000,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples of the pool, with --all-metrics.")] = 200,
    labels: Annotated[
        int | None, typer.Option(help="With --all-metrics: learn from so many architectures, rank the others.")
    ] = None,
    draws: Annotated[int, typer.Option(help="How often the labels are drawn.")] = 20,
    seeds: Annotated[int, typer.Option(help="RoBoT searches to run and take apart, with seeds 0, 1, ...")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell how well metrics rank a pool whose objective is known, and where RoBoT's result comes from.

    Correlations, Precision @ T and greedy walks for each metric; for RoBoT how many queries explored, what exploiting
    added, and the bound on the rank of its pick. With --all-metrics instead: correlations, nDCG and Precision @ T of
    every metric, of aggregates, and of a model that learns from a few labels.
    """
    from untrained.analysis import bound, metric_report

    if (benchmark is None) == (table is None):
        raise InputError("give either a benchmark (untrained data) or --table")
    if table is not None and column is None:
        raise InputError("--table needs --column, the objective")
    if benchmark is not None and direction:
        raise InputError("--direction belongs to --table, not to a benchmark")
    if benchmark is not None and (column or scores) and not all_metrics:
        raise InputError("--column and --scores belong to --table, or to --all-metrics, not to a benchmark alone")
    if seeds < 0:
        raise InputError(f"{seeds} seeds: give 0 or more")
    if labels is not None and not all_metrics:
        raise InputError(f"--labels {labels} needs --all-metrics")
    if benchmark is not None:
        pool = _published(benchmark, data_dir, metrics, column, scores, whole=all_metrics)
    else:
        assert table is not None
        assert column is not None
        pool = _own(table, column, scores, metrics, direction, whole=all_metrics)
    scored, objective = pool.scores, pool.objective
    budget = min(pool.budget, len(scored)) if budget is None else budget
    if all_metrics:
        _correlations(pool, budget, top, resamples, labels, draws, as_json)
        return
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


class _Pool(NamedTuple):
    """What is analysed, and the space of its architectures, if it is known."""

    scores: Any
    objective: Any
    space: Any
    budget: int


def _published(
    name: str, data_dir: Path | None, metrics: str | None, column: str | None, scores: str | None, *, whole: bool
) -> _Pool:
    """A benchmark; `column` and `scores` in place of its own; if `whole` all metrics of the file."""
    from untrained.benching import open_benchmark
    from untrained.benchmarks import data_folder, get_benchmarks

    found = get_benchmarks([name])
    if column is not None:
        found = list(
            {b.task: replace(b, objective=column, test=None, fidelities={}, whole=False) for b in found}.values()
        )
    if len(found) > 1:
        raise InputError(f"{name!r} is {len(found)} benchmarks: choose from {', '.join(b.key for b in found)}")
    benchmark = found[0]
    folder = data_folder(data_dir) if benchmark.needs_folder else Path()
    if scores is not None:
        benchmark = replace(benchmark, scores=str(Path(scores).resolve()), prefix="")
    names = names_in(metrics)
    opened = open_benchmark(benchmark, folder, benchmark.all_metrics(folder) if whole and names is None else names)
    for left_out, why in opened.scores.provenance["left_out"].items():
        typer.echo(f"metric {left_out!r} is left out: it {why}", err=True)
    return _Pool(opened.scores, opened.objective, benchmark.space, benchmark.budget)


def _own(
    table: str, column: str, scores: str | None, metrics: str | None, direction: str | None, *, whole: bool
) -> _Pool:
    """Tables of one's own, for the architectures that stand in both."""
    if direction is None:
        warn_if_minimised(column)
    objective = untrained.TabularObjective(table, column, direction="maximize" if direction is None else direction)  # pyright: ignore[reportArgumentType] - checked there
    if whole and metrics is None:
        if scores is None:
            raise InputError("--all-metrics of --table needs --scores or --metrics: the table has other columns, too")
        found = untrained.ScoreTable.load(scores)
    else:
        found = table_scores(scores, table, metrics, (column,))
    return _Pool(objective.common(found, scores or table), objective, None, 20)


def _correlations(
    pool: _Pool, budget: int, top: int, resamples: int, labels: int | None, draws: int, as_json: bool
) -> None:
    from untrained.analysis.correlations import check_range, correlations
    from untrained.analysis.labels import predicted
    from untrained.report.correlations import correlations_json, print_correlations

    scores, objective, space, _ = pool
    check_range(budget, top, resamples, len(scores))
    learnt = None
    if labels is not None:
        ranked = untrained.ArchitectureList(list(scores.archs)) if space is None else space
        learnt = predicted(scores, ranked, objective, labels, budget, draws=draws, top=top)
    groups = None if space is None else [space.canonical(arch) for arch in scores.archs]
    found = correlations(scores, objective, budget, top=top, resamples=resamples, groups=groups)
    if as_json:
        facts = {"pool": len(scores), "budget": budget, "top": top, "resamples": resamples}
        rows = {"rankings": correlations_json(found), "labels": correlations_json([learnt] if learnt else [])}
        typer.echo(json.dumps({**facts, "objective": objective.identity, **rows}, allow_nan=False))
        return
    networks = "" if groups is None else f", {len(set(groups))} networks"
    title = f"Rankings and {objective.column}: {len(scores)} architectures{networks}"
    print_correlations(stdout(), title, found, learnt, min(top, len(scores)), budget)


def _finite(fields: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in fields.items()}

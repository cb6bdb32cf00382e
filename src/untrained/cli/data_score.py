"""`untrained data score`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from untrained.cli.options import (
    BatchSize,
    Data,
    DataDir,
    ImageColumn,
    Inputs,
    Metrics,
    Resize,
    Seed,
    SpaceOptions,
    Subset,
    Target,
    Task,
    Workers,
    chosen_data,
    chosen_space,
    scoring,
)
from untrained.cli.output import stderr
from untrained.cli.score import scoring_workers, tell_scores
from untrained.errors import InputError
from untrained.report.progress import progress_bars
from untrained.searching import BATCH


def score_table(
    context: typer.Context,
    benchmark: Annotated[str, typer.Argument(metavar="BENCHMARK", help="As digits-201, or nasbench201/cifar10.")],
    data: Data,
    metrics: Metrics,
    data_dir: DataDir = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Parquet to write. (default: NAME_TASK_scores.parquet beside the tables, or here)"),
    ] = None,
    networks: Annotated[
        int | None, typer.Option(help="Score so many distinct networks, the first in a random order. (default: all)")
    ] = None,
    space: Annotated[
        str | None, typer.Option("--space", help="Space that builds the networks (default: the benchmark's).")
    ] = None,
    space_options: SpaceOptions = "",
    resize: Resize = None,
    subset: Subset = None,
    image_column: ImageColumn = None,
    target: Target = None,
    inputs: Inputs = None,
    task: Task = None,
    seed: Seed = 0,
    batch_size: BatchSize = BATCH,
    precision: Annotated[str | None, typer.Option(help="float32, float64 or bfloat16 (autocast).")] = None,
    chunk: Annotated[int | None, typer.Option(help="So many samples at a time, to save memory.")] = None,
    device: Annotated[str, typer.Option(help="Where the networks run: cpu, cuda or auto.")] = "cpu",
    workers: Workers = None,
) -> None:
    """Compute metrics that no published table has, for the networks of a benchmark.

    Equal networks are scored once. Repeat a command that was stopped to go on; one with more --networks or --metrics
    adds to the same file, which `untrained bench` and `untrained analyse` take as --scores.
    """
    from untrained.benchmarks import data_folder, get_benchmarks
    from untrained.benchmarks.networks import score_benchmark
    from untrained.runtime.seeding import check_seed
    from untrained.scoring.pool import Scoring

    if data is None or metrics is None:
        raise InputError("give --data and --metrics")
    if space is None and space_options:
        raise InputError(f"--space-options {space_options!r} need --space")
    check_seed(seed)
    found = get_benchmarks([benchmark])
    if len({(b.name, b.task) for b in found}) > 1:
        tasks = ", ".join(dict.fromkeys(f"{b.name}/{b.task}" for b in found))
        raise InputError(f"{benchmark!r} is several tables: choose from {tasks}")
    chosen = found[0]
    folder = data_folder(data_dir) if chosen.needs_folder else Path()
    path = folder / f"{chosen.name}_{chosen.task}_scores.parquet" if out is None else out
    if path.suffix != ".parquet":
        raise InputError(f"--out {str(path)!r}: give a .parquet file")
    images = chosen_data(data, None, context.params)
    if space is not None:
        chosen = replace(chosen, space=chosen_space(space, space_options, images))
    how = Scoring(
        **scoring(metrics, images, batch_size, seed),
        precision=cast(Any, precision),
        chunk=chunk,
        device=device,
        workers=scoring_workers(device) if workers is None else workers,
    )
    with progress_bars(stderr()) as bars:
        scores = score_benchmark(
            chosen, folder, how, path, networks=networks, seed=seed, facts=images.facts, progress=bars.scoring
        )
    failed = sum(len(why) for why in scores.reasons.values())
    tell_scores(scores, path, failed)

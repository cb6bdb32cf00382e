"""`untrained score`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import typer

import untrained
from untrained.cli.options import (
    BatchSize,
    Data,
    ImageColumn,
    Inputs,
    Metrics,
    OnExecutor,
    Pool,
    Resize,
    Seed,
    Space,
    SpaceOptions,
    Strict,
    Subset,
    Target,
    Task,
    Workers,
    chosen_data,
    chosen_space,
    pool_of,
    scoring,
)
from untrained.cli.output import AsJson, print_json, stderr
from untrained.errors import InputError
from untrained.report.progress import progress_bars
from untrained.runtime.cores import cores
from untrained.searching import BATCH

EXAMPLES = """
[bold]Examples[/bold]

  untrained score --space nasbench201 --data digits --pool 100 --out s.parquet

  untrained score --space resnet --data digits --metrics a.py:mine --out s.csv
"""


def score(
    context: typer.Context,
    space: Space,
    data: Data,
    out: Annotated[Path, typer.Option(help="File to write: .parquet, which can be extended later, or .csv.")],
    archs: Annotated[
        Path | None, typer.Option(help="File with one architecture a line, in any form that the space reads.")
    ] = None,
    pool: Pool = None,
    metrics: Metrics = None,
    resize: Resize = None,
    subset: Subset = None,
    image_column: ImageColumn = None,
    target: Target = None,
    inputs: Inputs = None,
    task: Task = None,
    space_options: SpaceOptions = "",
    seed: Seed = 0,
    batch_size: BatchSize = BATCH,
    strict: Strict = False,
    precision: Annotated[str | None, typer.Option(help="float32, float64 or bfloat16 (autocast).")] = None,
    chunk: Annotated[int | None, typer.Option(help="So many images at a time, to save memory.")] = None,
    device: Annotated[str, typer.Option(help="Where the networks run: cpu, cuda or auto.")] = "cpu",
    workers: Workers = None,
    executor: OnExecutor = None,
    as_json: AsJson = False,
) -> None:
    """Score architectures with training-free metrics. Repeat a command that was stopped to go on."""
    from untrained.runtime.seeding import check_seed
    from untrained.spaces import read_archs

    if space is None or data is None:
        raise InputError("give --space and --data")
    if out.suffix not in (".parquet", ".csv"):
        raise InputError(f"--out {str(out)!r}: give a .parquet or a .csv file")
    if archs is not None and pool is not None:
        raise InputError("give either --archs or --pool")
    check_seed(seed)
    images = chosen_data(data, None, context.params)
    chosen = chosen_space(space, space_options, images)
    pool_archs = read_archs(archs, chosen) if archs is not None else pool_of(chosen, pool, seed)
    console = stderr()
    with progress_bars(console, enabled=not as_json) as bars:
        scores = untrained.compute_scores(
            chosen,
            pool_archs,
            **scoring(metrics, images, batch_size, seed),
            seed=seed,
            strict=strict,
            precision=cast(Any, precision),
            chunk=chunk,
            device=device,
            workers=scoring_workers(device) if workers is None else workers,
            path=out,
            progress=bars.scoring,
            executor=executor,
        )
    failed = sum(len(why) for why in scores.reasons.values())
    if as_json:
        counts = {"architectures": len(scores), "metrics": list(scores.metrics), "failed": failed}
        print_json({"file": str(out), **counts, "idle": dict(scores.idle), "reasons": _told(scores.reasons)})
        return
    tell_scores(scores, out, failed)


def tell_scores(scores: "untrained.ScoreTable", path: Path, failed: int) -> None:
    """Says on stderr what a file of scores holds, which metrics are idle, and why the first scores failed."""
    typer.echo(
        f"{len(scores)} architectures x {len(scores.metrics)} metrics in {path}, {failed} scores failed", err=True
    )
    for name, why in scores.idle.items():
        typer.echo(f"warning: metric {name!r} {why}: it cannot tell them apart", err=True)
    for arch, why in list(scores.reasons.items())[:3]:
        metrics_of = {reason: [m for m in why if why[m] == reason] for reason in why.values()}
        typer.echo(f"  {arch}: " + "; ".join(f"{', '.join(m)}: {w}" for w, m in metrics_of.items()), err=True)


def _told(reasons: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Architecture -> metric -> why it has no score."""
    return {arch: dict(why) for arch, why in reasons.items()}


def scoring_workers(device: str) -> int:
    """All cores; of each GPU at most 4, which take turns there, or 8, if they compute side by side."""
    import torch

    from untrained.runtime.devices import shared_at_once, usable_device

    on_cpu = usable_device(device, double=True).type == "cpu"
    gpus = torch.cuda.device_count() if device in ("auto", "cuda") else 1
    return cores() if on_cpu else min(cores(), gpus * (8 if shared_at_once() else 4))

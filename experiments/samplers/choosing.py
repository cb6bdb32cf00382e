"""How good the pick is for a budget, a pool and a number of metrics: what docs/guides/choosing.md advises by.

    OMP_NUM_THREADS=1 python experiments/samplers/choosing.py tables choosing.jsonl
    python experiments/samplers/choosing.py tables choosing.jsonl --table
    python experiments/samplers/choosing.py tables choosing.jsonl --epochs

The tasks are the three data sets of NAS-Bench-201 (9,445 cells, six metrics, accuracy after 12 epochs) and class_object
in both spaces of TransNAS-Bench-101. One thing is varied at a time, the others are 20 queries, the whole space and
the task's metrics. A line of the file is one search: the objective rank of its pick in the whole space (1 is the best,
ties: 1 + the number of strictly better ones) and how far it is behind the best, in points of accuracy. What stands in
the file is not made again. `--table` prints mean, median and worst rank and the mean distance in Markdown; `--epochs`
prints how well short trainings rank what longer ones do.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from robust_sampler import IMAGES, SIX, Task, column, nasbench201, transnas101
from scipy.stats import spearmanr

from untrained import NASBench201
from untrained.benchmarks import get_benchmarks

BUDGETS, POOLS, METRICS = (5, 10, 20, 50), (64, 256, 1024), (1, 2, 3, 6, 13)

Setting = tuple[Task, str, str, int]
"""A task, the sampler, what is varied, and how far."""


def tasks(data: Path) -> Iterator[Task]:
    """Each with all of its metrics; NAS-Bench-201 has 13, of which the searches see six unless told otherwise."""
    for images in IMAGES:
        scores = nasbench201(data, images)
        values = column(data / "nasbench201_accuracy.parquet", f"{images}_val_12", scores.archs)
        yield Task(f"nasbench201/{images}", NASBench201(), scores, values, 20, 20)
    for space in ("micro", "macro"):
        (benchmark,) = get_benchmarks([f"transnas101-{space}/class_object"])
        yield replace(transnas101(data, benchmark, None), name=f"{benchmark.name}/class_object", budget=20)


def settings(every: list[Task]) -> Iterator[Setting]:
    """What is to be searched; the whole space as a pool is a budget of 20."""
    for task in every:
        yield from ((task, "mixture", "pool", pool) for pool in POOLS)
        yield from ((task, "mixture", "budget", budget) for budget in BUDGETS)
        yield from ((task, "robot", "budget", budget) for budget in BUDGETS if budget <= 20)
        if len(task.scores.metrics) == max(METRICS):
            yield from ((task, "mixture", "metrics", k) for k in METRICS)


def search(setting: Setting, seed: int) -> tuple[int, float]:
    """The rank of the pick in the whole space, and its distance from the best of it."""
    task, sampler, what, much = setting
    rng, scores, budget = np.random.default_rng((seed, much)), task.scores, task.budget
    metrics = list(SIX if set(SIX) <= set(scores.metrics) else scores.metrics)
    rows = np.arange(len(scores))
    if what == "budget":
        budget = much
    elif what == "metrics":
        metrics = sorted(rng.choice(scores.metrics, much, replace=False).tolist())
    else:
        rows = np.sort(rng.choice(len(scores), much, replace=False))
    seen = scores.select([scores.archs[row] for row in rows], metrics)
    best = replace(task, scores=seen, values=task.values[rows], budget=budget).best(sampler, seed)
    return 1 + int((task.values > best).sum()), float(np.nanmax(task.values) - best)


def table(found: dict[str, tuple[int, float]]) -> Iterator[str]:
    """Lines of Markdown: mean (median, worst) rank, and the mean distance; the data sets of NAS-Bench-201 are one."""
    cells = defaultdict[tuple[str, str, str, int], list[tuple[int, float]]](list)
    for key, one in found.items():
        task, sampler, what, much, _ = json.loads(key)
        cells[task.partition("/")[0], sampler, what, much].append(one)
    yield "| space | sampler | varied | | rank, mean (median, worst) | behind, points | searches |"
    yield "|---|---|---|---|---|---|---|"
    for (task, sampler, what, much), ones in sorted(cells.items(), key=lambda cell: (cell[0][2], cell[0])):
        ranks, behind = np.array([rank for rank, _ in ones]), np.array([gap for _, gap in ones])
        shown = f"{ranks.mean():,.0f} ({np.median(ranks):,.0f}, {ranks.max():,})"
        error = behind.std(ddof=1) / np.sqrt(len(behind)) if len(behind) > 1 else np.nan
        yield f"| {task} | {sampler} | {what} | {much} | {shown} | {behind.mean():.2f} ± {error:.2f} | {len(ones)} |"


def epochs(data: Path) -> Iterator[str]:
    """Rank correlations of accuracies after 12 and 200 epochs, of all cells and of the best tenth after 200."""
    yield "| data set | all 15,625 | best tenth | of the 10 best after 12 epochs, among the 100 best after 200 |"
    yield "|---|---|---|---|"
    accuracy = pq.read_table(data / "nasbench201_accuracy.parquet")
    for images in IMAGES:
        short, long = (accuracy[f"{images}_{split}"].to_numpy() for split in ("val_12", "test_200"))
        top = long >= np.quantile(long, 0.9)
        whole, part = (spearmanr(short[rows], long[rows])[0] for rows in (slice(None), top))
        kept = (long[np.argsort(-short)[:10]] >= np.sort(long)[-100]).sum()
        yield f"| {images} | {whole:.3f} | {part:.3f} | {kept} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--seeds", type=int, default=10, help="how many, from 0 on")
    parser.add_argument("--table", action="store_true", help="print what is there")
    parser.add_argument("--epochs", action="store_true", help="print how well short trainings rank")
    args = parser.parse_args()
    lines = args.results.read_text().splitlines() if args.results.is_file() else []
    found: dict[str, tuple[int, float]] = {key: (rank, behind) for key, rank, behind in map(json.loads, lines)}
    if args.table or args.epochs:
        print(*(table(found) if args.table else epochs(args.data)), sep="\n")
        return
    with args.results.open("a") as file:
        every = list(settings(list(tasks(args.data))))
        for seed in range(args.seeds):
            for setting in every:
                key = json.dumps([setting[0].name, *setting[1:], seed])
                if key not in found:
                    found[key] = search(setting, seed)
                    print(json.dumps([key, *found[key]]), file=file, flush=True)


if __name__ == "__main__":
    main()

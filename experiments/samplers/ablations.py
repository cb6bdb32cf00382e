"""What each part of RoBoT is worth: the ablations of He et al. (ICLR 2024), from published tables.

    python experiments/samplers/ablations.py tables
    python experiments/samplers/ablations.py tables --parts 0 5 --seeds 0 100
    python experiments/samplers/ablations.py tables --tasks micro_class_object macro_jigsaw --seeds 0 10

Each line changes one thing of the method as published: mean ± std over seeds of the objective rank of the pick (1 is
best), its median, and the mean T0. Needs the tables of NAS-Bench-201 (`untrained data`), and for the other tasks
`transnas101_{micro,macro}_{class_object,jigsaw}.parquet`.
"""

import argparse
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from untrained import ArchitectureList, RoBoT, ScoreTable, TabularObjective, search
from untrained.analysis import Phases, phases
from untrained.samplers import Greedy, PoolSampler

SIX = ("grad_norm", "snip", "grasp", "fisher", "synflow", "jacov")
NASBENCH201 = ("cifar10", "cifar100", "ImageNet16-120")
TRANSNAS101 = {
    "micro_class_object": ("synflow", "epe_nas", "fisher", "zen"),
    "micro_jigsaw": ("synflow", "fisher", "zen"),
    "macro_class_object": ("synflow", "zen", "epe_nas"),
    "macro_jigsaw": ("synflow", "fisher", "zen"),
}
"""Task -> the metrics that are known for its whole space."""


@dataclass(frozen=True)
class Task:
    name: str
    table: ScoreTable
    objective: TabularObjective
    budget: int

    def run(self, sampler: PoolSampler) -> Phases:
        space = ArchitectureList(list(self.table.archs))
        result = search(space, self.objective, budget=self.budget, sampler=sampler, scores=sampler.table)
        return phases(result.queries, self.objective, self.table.archs)

    def robot(self, seed: int, metrics: Iterable[str] | None = None, **options: object) -> RoBoT:
        table = self.table if metrics is None else self.table.select(metrics=list(metrics))
        space = ArchitectureList(list(table.archs))
        return RoBoT(table, space, budget=self.budget, seed=seed, **options)  # pyright: ignore[reportArgumentType]


def load(data: Path, name: str) -> Task:
    if name in NASBENCH201:
        scores = "cifar10" if name == "cifar100" else name  # the published CIFAR-100 metrics cover a part only
        table = ScoreTable.load(data / f"nasbench201_metrics_{scores}.parquet", SIX)
        return Task(name, table, TabularObjective(data / "nasbench201_accuracy.parquet", f"{name}_val_12"), 20)
    file = data / f"transnas101_{name}.parquet"
    table = ScoreTable.load(file, [f"metric_{m}" for m in TRANSNAS101[name]])
    return Task(name, table, TabularObjective(file, "valid_top1"), 100)


@cache
def learnt(task: Task, seed: int) -> dict[str, float]:
    """The weights that RoBoT ends with on `task`."""
    space = ArchitectureList(list(task.table.archs))
    result = search(space, task.objective, budget=task.budget, sampler=task.robot(seed), scores=task.table, seed=seed)
    return result.summary["queries"][-1]["weights"]


def carried(origin: Task, task: Task, seed: int) -> PoolSampler:
    """Down the ranking of the weights learnt on `origin`: no query explores."""
    weights = learnt(origin, seed)
    merit = task.table.scaled("minmax") @ [weights[name] for name in task.table.metrics]
    return Greedy(task.table, ArchitectureList(list(task.table.archs)), merit)


def ablations(tasks: list[Task]) -> dict[str, dict[str, Callable[[Task, int], PoolSampler | None]]]:
    """Title -> name of a line -> (task, seed) -> the sampler, None where there is none for the task."""
    most = max(len(task.table.metrics) for task in tasks)
    return {
        "As published": {"T proposals, min-max, UCB 2.576": lambda task, seed: task.robot(seed)},
        "Proposals, which decide T0": {
            f"{share:g} T": lambda task, seed, share=share: task.robot(seed, proposals=round(share * task.budget))
            for share in (0.05, 0.1, 0.25, 0.5, 0.75, 2)
        },
        "The greedy step removed, as far as 5 T proposals find new architectures": {
            "5 T": lambda task, seed: task.robot(seed, proposals=5 * task.budget)
        },
        "Number of metrics, drawn anew for each seed": {
            f"{count}": lambda task, seed, count=count: (
                task.robot(seed, random.Random(seed).sample(task.table.metrics, count))
                if count < len(task.table.metrics)
                else None
            )
            for count in range(1, most)
        },
        "Scaling": {
            name: lambda task, seed, name=name: task.robot(seed, scaling=name) for name in ("rank", "log")
        },
        "Acquisition": {
            **{
                f"UCB {kappa:g}": lambda task, seed, kappa=kappa: task.robot(seed, kappa=kappa)
                for kappa in (0.0, 1.0, 10.0)
            },
            "expected improvement": lambda task, seed: task.robot(seed, acquisition="ei"),
            "random weights": lambda task, seed: task.robot(seed, acquisition="random"),
        },
        "Weights carried over from another task": {
            f"from {origin.name}": lambda task, seed, origin=origin: (
                carried(origin, task, seed)
                if origin is not task and origin.table.metrics == task.table.metrics
                else None
            )
            for origin in tasks
        },
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--tasks", nargs="+", default=NASBENCH201, choices=[*NASBENCH201, *TRANSNAS101])
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 10), metavar=("FIRST", "END"))
    parser.add_argument("--parts", type=int, nargs="+", default=range(7), help="which of the tables, from 0")
    args = parser.parse_args()
    tasks = [load(args.data, name) for name in args.tasks]
    start = time.perf_counter()
    print(f"seeds {args.seeds[0]}..{args.seeds[1] - 1}; rank of the pick: mean±std (median), T0")
    print(f"{'':<34}" + "".join(f"{f'{task.name}, T = {task.budget}':>32}" for task in tasks))
    for part, (title, lines) in enumerate(ablations(tasks).items()):
        if part not in args.parts:
            continue
        print(f"\n{title}")
        for name, make in lines.items():
            cells = []
            for task in tasks:
                samplers = [make(task, seed) for seed in range(*args.seeds)]
                found = [task.run(sampler) for sampler in samplers if sampler is not None]
                cells.append(cell(found) if found else "-")
            print(f"  {name:<32}" + "".join(f"{text:>32}" for text in cells), flush=True)
    print(f"\n{time.perf_counter() - start:.0f} s")


def cell(found: list[Phases]) -> str:
    ranks = [f.pick_rank for f in found]
    explored = np.mean([f.explored for f in found])
    return f"{np.mean(ranks):.0f}±{np.std(ranks):.0f} ({np.median(ranks):g}), {explored:.1f}"


if __name__ == "__main__":
    main()

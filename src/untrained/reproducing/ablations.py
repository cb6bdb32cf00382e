"""What each part of RoBoT is worth: one thing of the method as published is changed at a time, on published tables."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from untrained.analysis import Phases, phases
from untrained.benching import Opened, open_benchmark
from untrained.benchmarks import data_folder, get_benchmarks
from untrained.runtime.interrupts import interruptible
from untrained.runtime.journal import Journal
from untrained.samplers import Greedy, PoolSampler, RoBoT
from untrained.searching.search import search

TASKS = (
    "nasbench201/cifar10/cifar10_val_12",
    "nasbench201/cifar100/cifar100_val_12",
    "nasbench201/ImageNet16-120/ImageNet16-120_val_12",
)
"""Each data set's own objective: by the paper's, all three have one best architecture."""

SEEDS = range(10)
DIFFERS = (
    "the paper ablates in pictures and other tables, on metrics that are not published: no figure of its to set beside",
)


@dataclass(frozen=True, eq=False)
class Task:
    """A benchmark on which the method is ablated.

    Args:
        opened: Its tables.
        budget: T.
        learnt: Seed -> the weights that RoBoT ends with there, as they are found.
    """

    opened: Opened
    budget: int
    learnt: dict[int, Mapping[str, float]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The key of the benchmark."""
        return self.opened.benchmark.key

    @property
    def metrics(self) -> tuple[str, ...]:
        """What the method learns from."""
        return self.opened.scores.metrics

    def robot(self, seed: int, metrics: Iterable[str] | None = None, **options: Any) -> RoBoT:
        """RoBoT, with something changed."""
        scores = self.opened.scores if metrics is None else self.opened.scores.select(metrics=list(metrics))
        return RoBoT(scores, self.opened.space, budget=self.budget, seed=seed, **options)

    def run(self, sampler: PoolSampler, seed: int) -> tuple[Phases, Mapping[str, float]]:
        """Searches, and says what each step gave and which weights it ended with."""
        options: Any = {"budget": self.budget, "sampler": sampler, "scores": sampler.table, "seed": seed}
        found = search(self.opened.space, self.opened.objective, **options)
        return phases(found.queries, self.opened.objective, sampler.table.archs), found.summary["queries"][-1][
            "weights"
        ] or {}

    def weights(self, seed: int) -> Mapping[str, float]:
        """Those that RoBoT ends with."""
        if seed not in self.learnt:
            self.learnt[seed] = self.run(self.robot(seed), seed)[1]
        return self.learnt[seed]


Line = Callable[[Task, int], Callable[[], PoolSampler] | None]
"""(task, seed) -> what makes the sampler; None where there is none for the task."""


def lines(tasks: Sequence[Task]) -> dict[str, dict[str, Line]]:
    """What is changed.

    Args:
        tasks: The tasks, which also give each other their weights.

    Returns:
        Title -> name of a line -> its samplers.
    """
    most = max(len(task.metrics) for task in tasks)
    return {
        "As published": {"T proposals, min-max, UCB 2.576": _option()},
        "Proposals, which decide T0": {
            f"{share:g} T": partial(_proposals, share) for share in (0.05, 0.1, 0.25, 0.5, 0.75, 2)
        },
        "The greedy step removed, as far as 5 T proposals find new architectures": {"5 T": partial(_proposals, 5)},
        "Number of metrics, drawn anew for each seed": {str(count): partial(_drawn, count) for count in range(1, most)},
        "Scaling": {name: _option(scaling=name) for name in ("rank", "log")},
        "Acquisition": {
            **{f"UCB {kappa:g}": _option(kappa=kappa) for kappa in (0.0, 1.0, 10.0)},
            "expected improvement": _option(acquisition="ei"),
            "random weights": _option(acquisition="random"),
        },
        "Weights carried over from another task": {f"from {task.key}": partial(_carried, task) for task in tasks},
    }


def _option(**options: Any) -> Line:
    return lambda task, seed: partial(task.robot, seed, **options)


def _proposals(share: float, task: Task, seed: int) -> Callable[[], PoolSampler]:
    return partial(task.robot, seed, proposals=max(round(share * task.budget), 1))


def _drawn(count: int, task: Task, seed: int) -> Callable[[], PoolSampler] | None:
    if count >= len(task.metrics):
        return None
    return partial(task.robot, seed, random.Random(seed).sample(task.metrics, count))


def _carried(origin: Task, task: Task, seed: int) -> Callable[[], PoolSampler] | None:
    return partial(_walk, origin, task, seed) if origin is not task and origin.metrics == task.metrics else None


def _walk(origin: Task, task: Task, seed: int) -> PoolSampler:
    """Down the ranking of the weights learnt on `origin`: no query explores."""
    weights = origin.weights(seed)
    merit = task.opened.scores.scaled("minmax") @ [weights[name] for name in task.metrics]
    return Greedy(task.opened.scores, task.opened.space, merit)


@dataclass(frozen=True)
class Ablated:
    """A line of the ablations on a task.

    Args:
        title: The part that is changed.
        name: What to.
        task: Key of the benchmark.
        ranks: Objective rank of the pick for each seed.
        explored: T0 for each seed.
    """

    title: str
    name: str
    task: str
    ranks: tuple[int, ...]
    explored: tuple[int, ...]


def ablate(
    data_dir: str | Path | None = None,
    tasks: Sequence[str] = TASKS,
    seeds: Sequence[int] = SEEDS,
    *,
    parts: Sequence[int] | None = None,
    budget: int | None = None,
    path: str | Path | None = None,
    on_run: Callable[[int, int], None] | None = None,
) -> list[Ablated]:
    """Changes one thing of RoBoT at a time.

    Args:
        data_dir: Folder of the tables; the one that UNTRAINED_DATA names if None.
        tasks: Names of benchmarks.
        seeds: One search each.
        parts: Which of the parts of `lines`, from 0; all if None.
        budget: Queries of each search in place of the benchmark's.
        path: File of finished searches, a line each: a call that was stopped goes on from there.
        on_run: Called with (searches done, searches in all) after each search.

    Returns:
        One entry for each line and task that it can run on, in the order of `lines`.

    Raises:
        InputError: A table is missing or broken, or `path` is another program's file.

    Example:
        ```python
        published, *_ = ablate("tables", parts=[0])
        print(published.ranks)
        ```
    """
    folder = data_folder(data_dir)
    benchmarks = get_benchmarks(tasks)
    opened = [Task(open_benchmark(one, folder), one.budget if budget is None else budget) for one in benchmarks]
    chosen = [
        (title, name, line, task)
        for part, (title, of) in enumerate(lines(opened).items())
        if parts is None or part in parts
        for name, line in of.items()
        for task in opened
        if line(task, seeds[0]) is not None
    ]
    journal = None if path is None else Journal(Path(path))
    try:
        known = {tuple(who): found for who, found in (journal.entries if journal else ())}
        made, done = list[Ablated](), 0
        with interruptible("search"):
            for title, name, line, task in chosen:
                found = list[Sequence[int]]()
                for seed in seeds:
                    who = (title, name, task.key, task.budget, task.opened.scores.fingerprint, seed)
                    if who not in known:
                        make = line(task, seed)
                        assert make is not None  # `chosen` has those alone
                        one, _ = task.run(make(), seed)
                        known[who] = [one.pick_rank, one.explored]
                        if journal is not None:
                            journal.add([who, known[who]])
                    found.append(known[who])
                    done += 1
                    if on_run:
                        on_run(done, len(chosen) * len(seeds))
                ranks, explored = zip(*found, strict=True)
                made.append(Ablated(title, name, task.key, tuple(ranks), tuple(explored)))
        return made
    finally:
        if journal is not None:
            journal.close()

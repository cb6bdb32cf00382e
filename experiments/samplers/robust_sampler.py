"""The robust sampler on every published table that is at hand, next to random search and RoBoT.

    python experiments/samplers/robust_sampler.py tables
    python experiments/samplers/robust_sampler.py tables --only transnas101-micro --samplers mixture --seeds 5
    python experiments/samplers/robust_sampler.py tables --held-out
    python experiments/samplers/robust_sampler.py tables --few 2

A line a task and sampler: mean, median and worst objective rank of the pick over the seeds (1 is the best of the pool;
ties: 1 + the number of strictly better ones), what random search has on average ((n + 1) / (T + 1)), and seconds of
processor time a search. By default the tasks that the sampler was designed on, with the rank that was aimed at: 100
seeds with T = 20 on NAS-Bench-201, 30 with T = 100 on TransNAS-Bench-101. `--held-out`: tasks that had little part in
it, 40 seeds each. `--few K`: NAS-Bench-201 with K metrics alone, each one or random ones, 12 seeds. A last line has the
mean over the tasks, the worst task, and on how many random search is better. Tables are those that `untrained data`
lists.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from untrained import NASBench201, ScoreTable
from untrained.benchmarks import BENCHMARKS, Benchmark
from untrained.errors import InputError
from untrained.samplers import PoolSampler, get_sampler
from untrained.samplers.query import Query
from untrained.spaces import ArchitectureList, SearchSpace

SIX = ("grad_norm", "snip", "grasp", "fisher", "synflow", "jacov")
IMAGES = ("cifar10", "cifar100", "ImageNet16-120")


@dataclass(frozen=True)
class Task:
    """`values` (n, NaN: the query fails) of the architectures of `scores`, to be maximised with `budget` queries."""

    name: str
    space: SearchSpace
    scores: ScoreTable
    values: np.ndarray
    budget: int
    seeds: int
    target: float | None = None

    def search(self, sampler: str, seed: int) -> int:
        """The objective rank of the best query."""
        return 1 + int((self.values > self.best(sampler, seed)).sum())

    def best(self, sampler: str, seed: int) -> float:
        """The best value of the queries."""
        chooser, history = get_sampler(sampler, self.scores, self.space, self.budget, seed), list[Query]()
        assert isinstance(chooser, PoolSampler)
        for _ in range(self.budget):
            choice = chooser.choose(history)
            value = self.values[self.scores.index[choice.architecture]]
            value = None if np.isnan(value) else float(value)
            state = "failed" if value is None else "complete"
            history.append(Query(choice.architecture, value, state, sampler_state=choice.sampler_state))
        return max((q.value for q in history if q.value is not None), default=-np.inf)


def column(path: Path, name: str, archs: tuple[str, ...]) -> np.ndarray:
    table = pq.read_table(path, columns=["arch", name])
    values = dict(zip(table["arch"].to_pylist(), table[name].to_numpy(), strict=True))
    return np.array([values[arch] for arch in archs], dtype=np.float64)


def nasbench201(data: Path, images: str) -> ScoreTable:
    """All 13 metrics; those of CIFAR-100 cover a part of the space only, so that those of CIFAR-10 stand in."""
    return ScoreTable.load(data / f"nasbench201_metrics_{'cifar10' if images == 'cifar100' else images}.parquet")


def designed_on(data: Path) -> Iterator[Task]:
    for images in IMAGES:
        scores = nasbench201(data, images)
        values = column(data / "nasbench201_accuracy.parquet", f"{images}_val_12", scores.archs)
        for table in (scores.select(metrics=SIX), scores):
            name = f"nasbench201/{images}/val_12, {len(table.metrics)} metrics"
            yield Task(name, NASBench201(), table, values, 20, 100, 15)
    targets = {
        "transnas101-micro/class_object": 2, "transnas101-micro/jigsaw": 8,
        "transnas101-macro/class_object": 3, "transnas101-macro/jigsaw": 2,
    }  # fmt: skip
    for benchmark in BENCHMARKS.values():
        if benchmark.name.startswith("transnas101") and (data / benchmark.table).is_file():
            yield transnas101(data, benchmark, targets.get(f"{benchmark.name}/{benchmark.task}", 1.5))


def transnas101(data: Path, benchmark: Benchmark, target: float | None) -> Task:
    """The metrics of the whole space; where that is zen alone, parameters and FLOPs beside it."""
    scores = benchmark.load_scores(data)
    if scores.metrics == ("zen",):
        scores = benchmark.load_scores(data, ["zen", "params", "flops"])
    assert benchmark.space is not None
    values = column(data / benchmark.table, benchmark.objective, scores.archs)
    return Task(f"{benchmark.name}/{benchmark.task}", benchmark.space, scores, values, 100, 30, target)


def held_out(data: Path) -> Iterator[Task]:
    space, seeds = NASBench201(), 40
    accuracy, hardware = data / "nasbench201_accuracy.parquet", data / "nasbench201_hardware.parquet"
    rng = np.random.default_rng(0)
    for images in IMAGES:
        scores = nasbench201(data, images)
        for metrics in (SIX, scores.metrics):
            values = column(accuracy, f"{images}_test_200", scores.archs)
            name = f"{images}/test_200, {len(metrics)} metrics"
            yield Task(name, space, scores.select(metrics=metrics), values, 20, seeds)
    scores = nasbench201(data, "ImageNet16-120")
    values = column(accuracy, "ImageNet16-120_val_12", scores.archs)
    for metric in ("synflow", "fisher", "params", "epe_nas"):
        yield Task(f"ImageNet16-120/val_12, {metric} alone", space, scores.select(metrics=[metric]), values, 20, seeds)
    plain = ArchitectureList([f"{i}" for i in range(len(scores))])
    for metrics in (("snip",), ("jacov", "zen")):
        table = ScoreTable(tuple(plain.archs), metrics, scores.select(metrics=metrics).values)
        yield Task(f"ImageNet16-120/val_12, {' + '.join(metrics)}, numbered", plain, table, values, 20, seeds)
    upside_down = ScoreTable(scores.archs, tuple(f"-{m}" for m in SIX), -scores.select(metrics=SIX).values)
    yield Task("ImageNet16-120/val_12, 6 metrics inverted", space, upside_down, values, 20, seeds)
    noise = ScoreTable(scores.archs, ("a", "b", "c"), rng.normal(size=(len(scores), 3)))
    yield Task("ImageNet16-120/val_12, 3 of noise", space, noise, values, 20, seeds)
    for budget in (5, 10, 50):
        yield Task(f"ImageNet16-120/val_12, T = {budget}", space, scores.select(metrics=SIX), values, budget, seeds)
    scores = nasbench201(data, "cifar10")
    for device in ("pixel3_latency", "fpga_energy", "eyeriss_arithmetic_intensity"):
        values = -column(hardware, f"cifar10_{device}", scores.archs)
        yield Task(f"cifar10/least {device}, 6 metrics", space, scores.select(metrics=SIX), values, 20, seeds)
    latency, values = (
        column(hardware, "cifar10_raspi4_latency", scores.archs),
        column(accuracy, "cifar10_val_200", scores.archs),
    )
    values = np.where(latency <= np.median(latency), values, np.nan)
    yield Task(
        "cifar10/val_200 where raspi4 is fast, else failed", space, scores.select(metrics=SIX), values, 20, seeds
    )
    values = column(accuracy, "cifar100_val_200", scores.archs)
    for _ in range(8):
        rows = np.sort(rng.choice(len(scores), int(rng.integers(300, 6_000)), replace=False))
        metrics = [scores.metrics[j] for j in rng.choice(len(scores.metrics), int(rng.integers(2, 9)), replace=False)]
        table = scores.select([scores.archs[row] for row in rows], metrics)
        name = f"cifar100/val_200, {len(rows)} with {' '.join(metrics)}"
        yield Task(name, space, table, values[rows], 20, seeds)


def few(data: Path, k: int) -> Iterator[Task]:
    """Each metric, or ten random choices of k, on the three data sets."""
    for images in IMAGES:
        scores, rng = nasbench201(data, images), np.random.default_rng(k)
        values = column(data / "nasbench201_accuracy.parquet", f"{images}_val_12", scores.archs)
        draws = [(m,) for m in scores.metrics] if k == 1 else [rng.choice(scores.metrics, k, False) for _ in range(10)]
        for metrics in draws:
            table = scores.select(metrics=list(metrics))
            yield Task(f"{images}/val_12, {' + '.join(table.metrics)}", NASBench201(), table, values, 20, 12)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", default="", metavar="TEXT", help="tasks whose name holds this")
    parser.add_argument("--samplers", nargs="+", default=["random", "robot", "mixture"])
    parser.add_argument("--seeds", type=int, help="how many, from 0 on")
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--few", type=int, metavar="K", help="tasks of so many metrics")
    args = parser.parse_args()
    print(f"{'task':<64} {'n':>5} {'T':>3} {'sampler':<8} {'mean':>6} {'median':>6} {'worst':>5} {'target':>6} "
          f"{'random':>6} {'s':>5}")  # fmt: skip
    tasks = few(args.data, args.few) if args.few else (held_out if args.held_out else designed_on)(args.data)
    means: dict[str, list[tuple[float, float]]] = {sampler: [] for sampler in args.samplers}
    for task in tasks:
        if args.only not in task.name:
            continue
        n, chance = len(task.scores), (len(task.scores) + 1) / (task.budget + 1)
        for sampler in args.samplers:
            start = time.process_time()
            try:
                ranks = [task.search(sampler, seed) for seed in range(args.seeds or task.seeds)]
            except InputError as error:
                print(f"{task.name:<64} {n:>5} {task.budget:>3} {sampler:<8} {error}", flush=True)
                continue
            seconds = (time.process_time() - start) / len(ranks)
            means[sampler].append((float(np.mean(ranks)), chance))
            target = "" if task.target is None else f"{task.target:g}"
            found = f"{np.mean(ranks):>6.1f} {np.median(ranks):>6.1f} {max(ranks):>5}"
            line = f"{task.name:<64} {n:>5} {task.budget:>3} {sampler:<8} {found} {target:>6} {chance:>6.0f}"
            print(f"{line} {seconds:>5.2f}", flush=True)
    for sampler, of in means.items():
        worse = sum(rank > chance for rank, chance in of)
        if of:
            mean, worst = np.mean([rank for rank, _ in of]), max(of)[0]
            print(f"{sampler}: {len(of)} tasks, mean {mean:.1f}, worst {worst:.1f}, {worse} behind random")


if __name__ == "__main__":
    main()

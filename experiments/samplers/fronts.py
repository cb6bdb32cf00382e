"""Fronts of published tables: the robust sampler with costs next to random search and Optuna's samplers.

    python experiments/samplers/fronts.py DATA RESULTS.jsonl
    python experiments/samplers/fronts.py DATA RESULTS.jsonl --only mnasnet --samplers random mixture nsga2 tpe
    python experiments/samplers/fronts.py DATA RESULTS.jsonl --table

A row a run: the hypervolume of the queries, as a part of that of the table's true front, after 20, 50 and 100 queries;
once within the worst of the table in each objective (`worst`), once within the worst of its front and a tenth of the
front's range beyond (`nadir`). Rows that are there are not made again.

The tasks: NAS-Bench-201 (accuracy after 200 epochs on CIFAR-10, 13 metrics) against each device of HW-NAS-Bench,
Accel-NASBench (top-1 on ImageNet) against each accelerator, HW-GPT-Bench small (perplexity) against each device; the
latter two with the tables' parameters and multiply-accumulates as metrics. Every sampler chooses from the architectures
that the table holds, each once. Optuna's look for both objectives over the decisions; if the table has no such
architecture, or it is known, the nearest unknown one stands in, and Optuna is told its decisions and figures.

`mixture` plans for its budget: 20 by default, so that it has no value at 50; `--budgets 20 50 100` makes a run of each.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import optuna
import pyarrow.parquet as pq

from untrained import ScoreTable
from untrained.samplers import PoolSampler, get_sampler
from untrained.samplers.decisions import decision_pool
from untrained.samplers.query import Query
from untrained.samplers.tradeoffs import hypervolume
from untrained.spaces import GPTs, MnasNets, NASBench201, SearchSpace

READ = (20, 50, 100)
DEVICES = {
    "nasbench201": ("edgegpu_latency", "raspi4_latency", "edgetpu_latency", "pixel3_latency", "eyeriss_latency",
                    "fpga_latency"),
    "mnasnet": ("latency_zcu102", "latency_vck190", "throughput_a100", "throughput_3090", "throughput_tpuv2",
                "throughput_tpuv3", "throughput_zcu102", "throughput_vck190"),
    "gpt": ("a100_ms", "h100_ms", "rtx2080_ms", "v100_ms", "cpu_alldlc_ms", "cpu_meta_ms"),
}  # fmt: skip
MAKE = {
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed),
}


@dataclass(frozen=True)
class Task:
    """`values` are better if higher, `costs` if lower, of the architectures of `scores`."""

    name: str
    space: SearchSpace
    scores: ScoreTable
    values: np.ndarray
    costs: np.ndarray

    @cached_property
    def points(self) -> np.ndarray:
        return np.column_stack([-self.values, self.costs])

    @cached_property
    def references(self) -> dict[str, tuple[np.ndarray, float]]:
        """Name -> the worst that counts, and the hypervolume of the true front."""
        front, least = list[np.ndarray](), np.inf
        for point in self.points[np.lexsort((self.costs, -self.values))]:
            if point[1] < least:
                front.append(point)
                least = point[1]
        true = np.array(front)
        ways = {"worst": self.points.max(0), "nadir": true.max(0) + 0.1 * np.ptp(true, axis=0)}
        return {name: (worst, hypervolume(true, worst)) for name, worst in ways.items()}

    def found(self, rows: list[int]) -> dict[str, dict[str, float]]:
        """Reference -> number of queries -> part of the hypervolume."""
        return {
            name: {str(n): hypervolume(self.points[rows[:n]], worst) / whole for n in READ if n <= len(rows)}
            for name, (worst, whole) in self.references.items()
        }

    def search(self, sampler: str, seed: int, budget: int) -> list[int]:
        """The rows that are queried."""
        return self._ours(sampler, seed, budget) if sampler not in MAKE else self._optuna(sampler, seed, budget)

    def _ours(self, sampler: str, seed: int, budget: int) -> list[int]:
        chooser, history = get_sampler(sampler, self.scores, self.space, budget, seed, self.costs[:, None]), []
        assert isinstance(chooser, PoolSampler)
        for _ in range(budget):
            choice = chooser.choose(history)
            row = self.scores.index[choice.architecture]
            history.append(Query(choice.architecture, float(self.values[row]), sampler_state=choice.sampler_state))
        return [self.scores.index[query.architecture] for query in history]

    def _optuna(self, sampler: str, seed: int, budget: int) -> list[int]:
        study = optuna.create_study(directions=["maximize", "minimize"], sampler=MAKE[sampler](seed))
        pool, rng, taken = decision_pool(self.scores, self.space), np.random.default_rng(seed), set[str]()
        every, rows = self.space.study_distributions(), list[int]()
        for _ in range(budget):
            trial = study.ask(every)
            suggested = self.space.suggest(trial)
            arch = pool.member(suggested)
            if arch is None or arch in taken:
                arch = pool.nearest(self.space.to_params(suggested), taken, rng)
            # What was evaluated, not what was asked for.
            study._storage._get_trial(trial._trial_id).params.update(self.space.to_params(arch))  # type: ignore
            row = self.scores.index[arch]
            study.tell(trial, [float(self.values[row]), float(self.costs[row])])
            taken.add(arch)
            rows.append(row)
        return rows


def tasks(data: Path, only: str) -> Iterator[Task]:
    for benchmark, devices in DEVICES.items():
        for device in devices:
            if only in f"{benchmark}/{device}":
                yield MADE[benchmark](data, device)


def nasbench201(data: Path, device: str) -> Task:
    scores = ScoreTable.load(data / "nasbench201_metrics_cifar10.parquet")
    values = column(data / "nasbench201_accuracy.parquet", "cifar10_val_200", scores.archs)
    costs = column(data / "nasbench201_hardware.parquet", f"cifar10_{device}", scores.archs)
    return known(f"nasbench201/{device}", NASBench201(), scores, values, costs)


def mnasnet(data: Path, device: str) -> Task:
    path = data / "accelnas_imagenet.parquet"
    scores = ScoreTable.load(path, ("params", "macs"))
    costs = column(path, device, scores.archs)
    costs = -costs if device.startswith("throughput") else costs
    space = MnasNets(num_classes=1000, image_size=224)
    return known(f"mnasnet/{device}", space, scores, column(path, "val_top1", scores.archs), costs)


def gpt(data: Path, device: str) -> Task:
    path = data / "hwgpt_small.parquet"
    scores = ScoreTable.load(path, ("params", "macs"))
    values, costs = -column(path, "perplexity", scores.archs), column(path, device, scores.archs)
    return known(f"gpt/{device}", GPTs(vocabulary=50254, scale="small"), scores, values, costs)


MADE = {"nasbench201": nasbench201, "mnasnet": mnasnet, "gpt": gpt}


def known(name: str, space: SearchSpace, scores: ScoreTable, values: np.ndarray, costs: np.ndarray) -> Task:
    """The task of the architectures whose cost is known."""
    has = np.isfinite(costs)
    kept = scores.select([arch for arch, is_known in zip(scores.archs, has, strict=True) if is_known])
    return Task(name, space, kept, values[has], costs[has])


def column(path: Path, name: str, archs: tuple[str, ...]) -> np.ndarray:
    table = pq.read_table(path, columns=["arch", name])
    values = dict(zip(table["arch"].to_pylist(), table[name].to_pylist(), strict=True))
    return np.array([np.nan if values[arch] is None else values[arch] for arch in archs], dtype=np.float64)


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def print_tables(rows: list[dict]) -> None:
    """A line a task and one a benchmark: the mean over the seeds that all samplers of the task have."""
    for reference in ("worst", "nadir"):
        print(f"\n{reference}: mean (least) part of the hypervolume")
        print(f"{'task':<34}{'seeds':>6}", *(f"{s + ' ' + str(n):>16}" for s, n in COLUMNS))
        means = dict[str, dict[tuple[str, int], list[float]]]()
        for task in dict.fromkeys(row["task"] for row in rows):
            found = dict[tuple[str, int], dict[int, float]]()
            for row in (row for row in rows if row["task"] == task):
                for n, part in row[reference].items():
                    if row["sampler"] != "mixture" or int(n) == row["budget"]:
                        found.setdefault((row["sampler"], int(n)), {})[row["seed"]] = part
            cells, ours = list[str](), found.get(("mixture", 20), {})
            for key in COLUMNS:
                of = list(found.get(key, {}).values())
                cells.append(f"{np.mean(of):>8.3f} ({min(of):.3f})" if of else f"{'':>16}")
                if of:
                    means.setdefault(task.split("/")[0], {}).setdefault(key, []).append(float(np.mean(of)))
            print(f"{task:<34}{len(ours):>6}", *cells, flush=True)
        for benchmark, of in means.items():
            cells = [f"{np.mean(of[key]):>8.3f} of {len(of[key]):<4}" if key in of else f"{'':>16}" for key in COLUMNS]
            print(f"{benchmark:<40}", *cells)


COLUMNS = [(s, n) for s in ("mixture", "random", "nsga2", "tpe", "gp") for n in READ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--only", default="", metavar="TEXT", help="tasks whose name holds this")
    parser.add_argument("--samplers", nargs="+", default=["random", "mixture", "nsga2"])
    parser.add_argument("--seeds", type=int, default=30, help="how many, from 0 on")
    parser.add_argument("--budgets", type=int, nargs="+", default=[20], help="for which the mixture plans")
    parser.add_argument("--table", action="store_true", help="print what is there")
    args = parser.parse_args()
    if args.table:
        print_tables([row for row in read(args.results) if args.only in row["task"]])
        return
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    made = {(row["task"], row["sampler"], row["budget"], row["seed"]) for row in read(args.results)}
    chosen = list(tasks(args.data, args.only))
    for seed in range(args.seeds):
        for task in chosen:
            for sampler in args.samplers:
                for budget in args.budgets if sampler == "mixture" else [max(READ)]:
                    if (task.name, sampler, budget, seed) in made:
                        continue
                    start = time.process_time()
                    found = task.found(task.search(sampler, seed, budget))
                    row = {"task": task.name, "sampler": sampler, "budget": budget, "seed": seed, **found}
                    row["seconds"] = round(time.process_time() - start, 2)
                    with args.results.open("a") as file:
                        file.write(json.dumps(row) + "\n")
        print(f"seed {seed}", flush=True)


if __name__ == "__main__":
    main()

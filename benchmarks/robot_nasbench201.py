"""RoBoT on NAS-Bench-201, as in table 1 of He et al. (ICLR 2024), from published tables.

    python benchmarks/robot_nasbench201.py ../shared/data
    python benchmarks/robot_nasbench201.py ../shared/data --seeds 0 100

For each task: the objective of the paper (CIFAR-10 validation accuracy after 12 epochs) and the task's own. Needs
`nasbench201_accuracy.parquet` and `nasbench201_metrics_{cifar10,ImageNet16-120}.parquet` (columns: see the README).
"""

import argparse
import time
from pathlib import Path

import numpy as np

from untrained import NASBench201, ScoreTable, TabularObjective, search

METRICS = ("grad_norm", "snip", "grasp", "fisher", "synflow", "jacov")
TASKS = ("cifar10", "cifar100", "ImageNet16-120")
SCORES = {"cifar100": "cifar10"}  # the published CIFAR-100 metrics cover a part of the space only


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, nargs=2, default=(10, 20), metavar=("FIRST", "END"))
    parser.add_argument("--budget", type=int, default=20)
    parser.add_argument("--samplers", nargs="+", default=["robot", "random"])
    args = parser.parse_args()
    print(f"T = {args.budget}, seeds {args.seeds[0]}..{args.seeds[1] - 1}, mean ± std over seeds")
    print(f"{'task':<15} {'objective':<22} {'sampler':<8} {'test accuracy %':>16} {'objective rank':>15} "
          f"{'median':>6} {'worst':>6} {'cost s':>7} {'s/search':>8}")  # fmt: skip
    for task in TASKS:
        table = ScoreTable.load(args.data / f"nasbench201_metrics_{SCORES.get(task, task)}.parquet", METRICS)
        for column in dict.fromkeys(("cifar10_val_12", f"{task}_val_12")):
            objective = TabularObjective(
                args.data / "nasbench201_accuracy.parquet",
                column,
                report_column=f"{task}_test_200",
                cost_column="cifar10_train_seconds_12",
            )
            for sampler in args.samplers:
                start = time.perf_counter()
                results = [
                    search(NASBench201(), objective, budget=args.budget, sampler=sampler, scores=table, seed=seed)
                    for seed in range(*args.seeds)
                ]
                seconds = (time.perf_counter() - start) / len(results)
                tests = [result.reported[f"{task}_test_200"] for result in results]
                ranks = [result.rank or 0 for result in results]
                costs = [sum(q["cost_seconds"] for q in result.summary["queries"]) for result in results]
                print(f"{task:<15} {column:<22} {sampler:<8} {spread(tests, 2):>16} {spread(ranks, 0):>15} "
                      f"{np.median(ranks):>6.0f} {max(ranks):>6} {np.mean(costs):>7.0f} {seconds:>8.2f}")  # fmt: skip


def spread(values: list[float] | list[int], digits: int) -> str:
    return f"{np.mean(values):.{digits}f}±{np.std(values):.{digits}f}"


if __name__ == "__main__":
    main()

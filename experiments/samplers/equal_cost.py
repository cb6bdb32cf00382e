"""Samplers on NAS-Bench-201's 200-epoch objectives, compared at equal cost rather than at equally many queries.

    python experiments/samplers/equal_cost.py tables

BOHB stops most trainings after 12 of 200 epochs, so that its queries are cheaper than those of the others. Every search
therefore spends the same: what `--trainings` 200-epoch trainings cost on average. Its result is the best of the
trainings that were finished by then. Mean ± std over seeds of its objective rank, and of the queries it made.
"""

import argparse
from pathlib import Path

import numpy as np

from untrained import NASBench201, ScoreTable, TabularObjective, search

TASKS = {"cifar10": "cifar10", "cifar100": "cifar10", "ImageNet16-120": "ImageNet16-120"}
"""Task -> the data set whose published metrics stand for it."""
METRICS = ("grad_norm", "snip", "grasp", "fisher", "synflow", "jacov")
COST = "cifar10_train_seconds_12"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--trainings", type=int, default=20)
    parser.add_argument("--samplers", nargs="+", default=["random", "tpe", "bohb"])
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 10), metavar=("FIRST", "END"))
    args = parser.parse_args()
    file = args.data / "nasbench201_accuracy.parquet"
    print(f"{'task':<15} {'sampler':<10} {'rank':>12} {'queries':>10} {'stopped':>8}")
    for task, scores in TASKS.items():
        table = ScoreTable.load(args.data / f"nasbench201_metrics_{scores}.parquet", METRICS)
        long = f"{task}_val_200"
        objective = TabularObjective(
            file, long, cost_column=COST, cost_epochs=12, fidelities={12: f"{task}_val_12", 200: long}
        )
        mean_cost = np.mean([objective(arch).cost_seconds or 0.0 for arch in table.archs])
        for sampler in args.samplers:
            ranks, made, stopped = [], [], []
            for seed in range(*args.seeds):
                result = search(
                    NASBench201(), objective, budget=3 * args.trainings, sampler=sampler, scores=table, seed=seed
                )
                spent = np.cumsum([query.cost_seconds or 0.0 for query in result.queries])
                paid = [q for q, cost in zip(result.queries, spent, strict=True) if cost <= args.trainings * mean_cost]
                ranks.append(min(objective.rank(q.architecture, table.archs) for q in paid if q.state == "complete"))
                made.append(len(paid))
                stopped.append(sum(q.state == "pruned" for q in paid))
            print(f"{task:<15} {sampler:<10} {f'{np.mean(ranks):.0f}±{np.std(ranks):.0f}':>12} "
                  f"{np.mean(made):>10.1f} {np.mean(stopped):>8.1f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

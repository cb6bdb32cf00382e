"""A limit on a column: the best of Accel-NASBench that a ZCU102 runs in at most 5 ms, with 20 queries.

    python experiments/samplers/limited.py DATA
    python experiments/samplers/limited.py DATA --column latency_vck190 --most 3 --seeds 10

A line a sampler: mean, median and worst rank of the pick among the architectures that meet the limit (1 is the best),
and how many of the queries met it. `mixture`, `robot` and `random` choose from those that meet it, as `--where` has it,
with the table's parameters and multiply-accumulates as metrics; so does `tpe, filtered`, this package's `tpe`. Optuna's
TPE with `constraints_func` learns from each query whether it meets the limit: it chooses from the whole table, where
the nearest unknown architecture stands in for one that the table does not have.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import optuna
import pyarrow.parquet as pq

from untrained import ScoreTable
from untrained.samplers import PoolSampler, get_sampler
from untrained.samplers.decisions import decision_pool
from untrained.samplers.query import Query
from untrained.spaces import MnasNets

SPACE = MnasNets(num_classes=1000, image_size=224)
EXCESS = "excess"


def by_name(name: str, scores: ScoreTable, values: np.ndarray, seed: int, budget: int) -> list[int]:
    """The rows of the queries of a sampler of this package."""
    chooser, history = get_sampler(name, scores, SPACE, budget, seed), list[Query]()
    assert isinstance(chooser, PoolSampler)
    for _ in range(budget):
        choice = chooser.choose(history)
        value = float(values[scores.index[choice.architecture]])
        history.append(Query(choice.architecture, value, sampler_state=choice.sampler_state))
    return [scores.index[query.architecture] for query in history]


def by_constraints(scores: ScoreTable, values: np.ndarray, excess: np.ndarray, seed: int, budget: int) -> list[int]:
    """The rows of the queries of Optuna's TPE that is told by how much each goes beyond the limit."""

    def constraints(trial: optuna.trial.FrozenTrial) -> Sequence[float]:
        return (trial.user_attrs[EXCESS],)

    sampler = optuna.samplers.TPESampler(seed=seed, constraints_func=constraints)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    pool, rng, taken, rows = decision_pool(scores, SPACE), np.random.default_rng(seed), set[str](), list[int]()
    every = SPACE.study_distributions()
    for _ in range(budget):
        trial = study.ask(every)
        suggested = SPACE.suggest(trial)
        arch = pool.member(suggested)
        if arch is None or arch in taken:
            arch = pool.nearest(SPACE.to_params(suggested), taken, rng)
        study._storage._get_trial(trial._trial_id).params.update(SPACE.to_params(arch))  # type: ignore
        row = scores.index[arch]
        trial.set_user_attr(EXCESS, float(excess[row]))
        study.tell(trial, float(values[row]))
        taken.add(arch)
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--column", default="latency_zcu102")
    parser.add_argument("--most", type=float, default=5.0)
    parser.add_argument("--budget", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=30)
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = args.data / "accelnas_imagenet.parquet"
    table = pq.read_table(path, columns=["arch", "val_top1", args.column])
    scores = ScoreTable.load(path, ("params", "macs"))
    values, costs = (np.array(table[name].to_pylist(), dtype=np.float64) for name in ("val_top1", args.column))
    meets = costs <= args.most  # an empty cell does not
    few = scores.select([arch for arch, is_in in zip(scores.archs, meets, strict=True) if is_in])
    print(f"{len(few)} of {len(scores)} architectures have {args.column} <= {args.most:g}; {args.budget} queries, "
          f"{args.seeds} seeds")  # fmt: skip
    print(f"{'sampler':<24}{'mean':>8}{'median':>8}{'worst':>7}{'within':>8}")
    excess = np.where(np.isnan(costs), 1.0, costs - args.most)
    for name in ("random", "mixture", "robot", "tpe, filtered", "tpe, constraints_func"):
        ranks, within = list[int](), list[int]()
        for seed in range(args.seeds):
            if name.endswith("func"):
                rows = by_constraints(scores, values, excess, seed, args.budget)
                found = values[[row for row in rows if meets[row]]]
            else:
                found = values[meets][by_name(name.partition(",")[0], few, values[meets], seed, args.budget)]
            ranks.append(1 + int((values[meets] > found.max(initial=-np.inf)).sum()))
            within.append(len(found))
        print(
            f"{name:<24}{np.mean(ranks):>8.1f}{np.median(ranks):>8g}{max(ranks):>7}{np.mean(within):>8.1f}", flush=True
        )


if __name__ == "__main__":
    main()

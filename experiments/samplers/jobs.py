"""Whether several queries at a time find as good a rank as one after the other, at an equal number of queries.

    python experiments/samplers/jobs.py tables
    python experiments/samplers/jobs.py tables --only nasbench201 --jobs 1 4 --seeds 100 --budget 50 --keep ranks.json

Each search makes its queries on a published table, `jobs` at a time: a query takes a random time (uniform, 0.5 to 1.5),
and as soon as one ends the sampler is asked for the next, with the others still running. A line a task and number of
jobs: mean and median objective rank of the pick over the seeds (1 is the best of the pool), the mean of log10(rank),
and how much larger that is than with the first number of jobs on the same seeds, with its standard error. The last
lines have the same over all tasks. With `--keep`, ranks that stand in the file are not computed again.
"""

import argparse
import heapq
import json
from pathlib import Path

import numpy as np
from robust_sampler import SIX, Task, designed_on

from untrained.samplers import PoolSampler, get_sampler
from untrained.samplers.query import Query

NAMES = ("nasbench201", "transnas101-micro")


def search(task: Task, sampler: str, seed: int, jobs: int, budget: int) -> int:
    """The objective rank of the best query of a search with so many jobs."""
    chooser, rng = get_sampler(sampler, task.scores, task.space, budget, seed), np.random.default_rng((seed, 77))
    assert isinstance(chooser, PoolSampler)
    history, running, now = list[Query](), list[tuple[float, int]](), 0.0
    while len(history) < budget or running:
        if len(history) == budget or len(running) == jobs:
            now, ended = heapq.heappop(running)
            value = task.values[task.scores.index[history[ended].architecture]]
            value = None if np.isnan(value) else float(value)
            found = history[ended]
            state = "failed" if value is None else "complete"
            history[ended] = Query(found.architecture, value, state, sampler_state=found.sampler_state)
            continue
        choice = chooser.choose(history)
        assert choice.architecture not in {query.architecture for query in history}
        heapq.heappush(running, (now + rng.uniform(0.5, 1.5), len(history)))
        history.append(Query(choice.architecture, None, "running", sampler_state=choice.sampler_state))
    best = max((query.value for query in history if query.value is not None), default=-np.inf)
    return 1 + int((task.values > best).sum())


def line(name: str, jobs: int, ranks: np.ndarray, first: np.ndarray) -> str:
    logs, difference = np.log10(ranks), np.log10(ranks) - np.log10(first)
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    shown = f"{ranks.mean():>8.1f} {np.median(ranks):>6.1f} {logs.mean():>6.3f}"
    return f"{name:<44} {jobs:>4} {shown} {difference.mean():>+7.3f} ± {error:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", default="", metavar="TEXT", help="tasks whose name holds this")
    parser.add_argument("--sampler", default="mixture")
    parser.add_argument("--jobs", nargs="+", type=int, default=[1, 2, 4, 8, 16])
    parser.add_argument("--seeds", type=int, default=100, help="how many, from 0 on")
    parser.add_argument("--budget", type=int, default=20)
    parser.add_argument("--keep", type=Path, metavar="FILE", help="JSON file of the ranks")
    args = parser.parse_args()
    kept = json.loads(args.keep.read_text()) if args.keep and args.keep.is_file() else {}
    tasks = [task for task in designed_on(args.data) if task.name.startswith(NAMES) and args.only in task.name]
    tasks = [task for task in tasks if len(task.scores.metrics) <= len(SIX)]
    print(f"{'task':<44} {'jobs':>4} {'mean':>8} {'median':>6} {'log10':>6} {'more than with ' + str(args.jobs[0])}")
    ranks = dict[int, list[np.ndarray]]()
    for task in tasks:
        for jobs in args.jobs:
            found = list[int]()
            for seed in range(args.seeds):
                key = f"{task.name}, {args.sampler}, T = {args.budget}, {jobs} jobs, seed {seed}"
                if key not in kept:
                    kept[key] = search(task, args.sampler, seed, jobs, args.budget)
                found.append(kept[key])
            if args.keep:
                args.keep.write_text(json.dumps(kept))
            ranks.setdefault(jobs, []).append(np.array(found, dtype=float))
            print(line(task.name, jobs, ranks[jobs][-1], ranks[args.jobs[0]][-1]), flush=True)
    for jobs in args.jobs:
        print(line("all", jobs, np.concatenate(ranks[jobs]), np.concatenate(ranks[args.jobs[0]])))


if __name__ == "__main__":
    main()

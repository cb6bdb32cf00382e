"""How much sooner a search ends with several trainings at once, and what that costs in processor time.

    python experiments/speed/jobs.py --rounds 3
    python experiments/speed/jobs.py --rounds 1 --executors "" ray file.py:make_executor -- --budget 4 --epochs 1

Runs the search of the README, each round once in every way, one after the other, in a folder of its own; what follows
`--` is added to its command. A line a way: the least wall time over the rounds and its ratio to one job without an
executor, processor time of all processes, the sum of the seconds of the trainings, how many of them ran at once on
average while any did, and the seconds outside of all trainings (start, scoring, choosing, the end). Wall times compare
only on machines that do nothing else: the load at the start stands beside them.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import optuna

from untrained.samplers.query import SECONDS

SEARCH = ("search", "--space", "nasbench201", "--data", "digits", "--budget", "10")


@dataclass(frozen=True)
class Run:
    """Seconds of one search, and the processes that waited for a processor when it began."""

    wall: float
    processor: float
    trainings: float
    busy: float
    load: float


def run(jobs: int, executor: str, more: list[str]) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        given = ["--jobs", str(jobs), "--out", folder, *(["--executor", executor] if executor else []), *more]
        load, before, start = os.getloadavg()[0], resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([sys.executable, "-m", "untrained", *SEARCH, *given], check=True, capture_output=True)
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        study = optuna.load_study(study_name=None, storage=f"sqlite:///{folder}/study.db")
        ends = [t.datetime_complete.timestamp() for t in study.trials if t.datetime_complete]
        took = [t.user_attrs[SECONDS] for t in study.trials]
    spans = sorted((end - seconds, end) for end, seconds in zip(ends, took, strict=True))
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(wall, processor, sum(took), covered(spans), load)


def covered(spans: list[tuple[float, float]]) -> float:
    """Seconds that lie in any of the spans, which are sorted by their start."""
    total, until = 0.0, float("-inf")
    for start, end in spans:
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--executors", nargs="+", default=[""], help="names, and '' for processes of the package")
    parser.add_argument("more", nargs="*", help="of the search, after --")
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    runs: dict[tuple[str, int], list[Run]] = {(name, jobs): [] for name in args.executors for jobs in args.jobs}
    for number in range(args.rounds):
        for (name, jobs), found in runs.items():
            found.append(run(jobs, name, args.more))
            print(f"round {number + 1}, {name or 'processes'}, {jobs} jobs: {found[-1]}", file=sys.stderr, flush=True)
    first = min(r.wall for r in next(iter(runs.values())))
    print(f"{'executor':<12} {'jobs':>4} {'wall s':>7} {'ratio':>5} {'processor s':>11} {'trainings s':>11} "
          f"{'at once':>7} {'outside s':>9} {'load':>5}")  # fmt: skip
    for (name, jobs), found in runs.items():
        best = min(found, key=lambda run: run.wall)
        times = f"{best.wall:>7.1f} {best.wall / first:>5.2f} {best.processor:>11.1f} {best.trainings:>11.1f}"
        rest = f"{best.trainings / best.busy:>7.2f} {best.wall - best.busy:>9.1f} {best.load:>5.1f}"
        print(f"{name or 'processes':<12} {jobs:>4} {times} {rest}")


if __name__ == "__main__":
    main()

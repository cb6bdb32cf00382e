"""Many processes on one study: is each query made once, is the budget kept, and are the picks as good as one's?

Each run has a new storage, in which so many processes make one search together (`join=True`): a sampler, a pool of
NAS-Bench-201's architectures with made-up scores, and an objective that takes some milliseconds. Some of the processes
are killed in the middle. A run is right if the study has as many queries as its budget, none of an architecture that
was queried before, each with the value that belongs to it, and if every process that was left alone ended with the
same pick. One line of JSON for each run; a run that is in the file is not made again.

python experiments/scale/owners.py run --storage sqlite --owners 16 --queries 500 --kill 4 --to owners.jsonl
python experiments/scale/owners.py quality ../shared/data --owners 4 --seeds 20 --to quality.jsonl
"""

import argparse
import json
import math
import os
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from kept import is_kept, keep
from storages import KINDS, missing, storage_of

from untrained import NASBench201, ScoreTable, search
from untrained.objectives import Evaluation, Objective
from untrained.samplers.query import SKIPPED, queries
from untrained.searching.storage import open_storage
from untrained.searching.studies import searches

SPACE = NASBench201()


def value_of(arch: str) -> float:
    return arch.count("nor_conv_3x3") + random.Random(arch).random()


class Quick(Objective):
    """Takes some milliseconds, and gives a value that anybody can compute again."""

    direction = "maximize"

    @property
    def identity(self) -> dict[str, Any]:
        return {"kind": "quick"}

    def __call__(self, arch: str, trial: Any = None) -> Evaluation:
        time.sleep(random.Random(arch).uniform(0.5, 1.5) * MEAN)
        return Evaluation(value_of(arch), MEAN)


MEAN = 0.02


def scores(pool: int) -> ScoreTable:
    archs = tuple(random.Random(0).sample(list(SPACE), pool))
    noise = np.random.default_rng(0).normal(size=(pool, 6))
    metrics = ("grad_norm", "snip", "grasp", "fisher", "synflow", "jacov")
    return ScoreTable(archs, metrics, noise + np.array([[value_of(arch)] for arch in archs]))


def own(number: int, url: str, table: ScoreTable, options: argparse.Namespace, folder: Path) -> None:
    """What a process does; it writes how it ended to a file of its own."""
    told = list[str]()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        began = time.time()
        result = search(
            SPACE,
            Quick(),
            scores=table,
            sampler=options.sampler,
            budget=options.queries,
            storage=url,
            join=True,
            isolate=False,
        )
        told += [str(one.message) for one in caught if "is gone" in str(one.message)]
    spent = resource.getrusage(resource.RUSAGE_SELF)
    end = {
        "pick": result.architecture,
        "queries": len(result.queries),
        "told": told,
        "wall": time.time() - began,
        "cpu": spent.ru_utime + spent.ru_stime,
        "peak_mb": spent.ru_maxrss / 1024,
    }
    (folder / f"end{number}.json").write_text(json.dumps(end))


def fork(function: Any, *arguments: Any) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setsid()
            function(*arguments)
            code = 0
        except BaseException as error:
            print(f"process {os.getpid()}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    return pid


def import_all(table: ScoreTable, sampler: str, url: str) -> None:
    """Imports here what a search does, for those that are forked: each would take seconds for it."""
    optuna.storages.get_storage(url).remove_session()
    search(SPACE, Quick(), scores=table, sampler=sampler, budget=1, isolate=False)


def run(options: argparse.Namespace) -> dict[str, Any]:
    table = scores(options.pool)
    with tempfile.TemporaryDirectory(dir=options.folder) as name, storage_of(options.storage, Path(name)) as url:
        folder, start = Path(name), time.time()
        if options.storage == "postgres":
            import_all(table, options.sampler, url)
        pids = {fork(own, k, url, table, options, folder): k for k in range(options.owners)}
        killed = set[int]()
        codes = dict[int, int]()
        while len(codes) < len(pids):
            done, status = os.waitpid(-1, os.WNOHANG)
            if done in pids:
                codes[done] = os.waitstatus_to_exitcode(status)
            elif not done:
                time.sleep(max(1, options.owners / 8))
            due = int(options.kill * (made_in(url) + 1) / options.queries * 1.5) if options.kill else 0
            if len(killed) < min(due, options.kill):
                victim = random.choice([pid for pid in pids if pid not in codes and pid not in killed])
                os.kill(victim, signal.SIGKILL)
                killed.add(victim)
        wall = time.time() - start
        study = study_in(url)
        return judged(study, options, wall, [codes[pid] for pid in pids if pid not in killed], killed, folder)


def study_in(url: str) -> optuna.Study:
    storage = open_storage(url, url)
    return optuna.load_study(study_name=searches(storage)[0].study_name, storage=storage)


def made_in(url: str) -> int:
    try:
        return len(queries(study_in(url)))
    except Exception:  # not begun, or not there yet
        return 0


def judged(
    study: optuna.Study, options: argparse.Namespace, wall: float, codes: list[int], killed: set[int], folder: Path
) -> dict[str, Any]:
    made, trials = queries(study, running=True), study.get_trials(deepcopy=False)
    ends = [json.loads(path.read_text()) for path in sorted(folder.glob("end*.json"))]
    twice = [arch for arch, times in Counter(query.architecture for query in made).items() if times > 1]
    best = max((query.value or 0.0, query.architecture) for query in made)
    right = {
        "budget": len(made) == options.queries and all(query.state == "complete" for query in made),
        "once": not twice,
        "values": all(query.value == value_of(query.architecture) for query in made),
        "picks": {end["pick"] for end in ends} == {best[1]},
        "ends": len(ends) == options.owners - len(killed) and not any(codes),
    }
    return {
        **{key: getattr(options, key) for key in ("storage", "owners", "queries", "sampler", "pool", "kill", "mean")},
        "right": all(right.values()),
        "checks": right,
        "killed": len(killed),
        "taken_over": sum(len(end["told"]) for end in ends),
        "skipped": dict(Counter(trial.user_attrs[SKIPPED] for trial in trials if SKIPPED in trial.user_attrs)),
        "wall": round(wall, 1),
        "queries_a_second": round(len(made) / wall, 2),
        "cpu_a_query": round(sum(end["cpu"] for end in ends) / max(len(made), 1), 3),
        "peak_mb": round(max((end["peak_mb"] for end in ends), default=0)),
    }


class Looked(Objective):
    """A published table that answers after a while, so that the owners overlap."""

    def __init__(self, task: Any) -> None:
        self.task = task

    @property
    def identity(self) -> dict[str, Any]:
        return {"kind": "looked up", "task": self.task.name}

    def __call__(self, arch: str, trial: Any = None) -> Evaluation:
        time.sleep(random.Random(arch).uniform(0.5, 1.5) * MEAN)
        return Evaluation(float(self.task.values[self.task.scores.index[arch]]), MEAN)


def pick(task: Any, seed: int, owners: int, budget: int, folder: str | None) -> int:
    """The rank of the pick of a search by so many owners; 1 is the best of the pool."""
    made: dict[str, Any] = {
        "scores": task.scores,
        "sampler": "mixture",
        "budget": budget,
        "seed": seed,
        "isolate": False,
    }
    if owners == 1:
        value = search(task.space, Looked(task), **made).value
    else:
        with tempfile.TemporaryDirectory(dir=folder) as name, storage_of("journal", Path(name)) as url:

            def one() -> None:
                warnings.simplefilter("ignore")
                search(task.space, Looked(task), storage=url, join=True, **made)

            pids = [fork(one) for _ in range(owners)]
            if any(os.waitpid(pid, 0)[1] for pid in pids):
                raise RuntimeError("an owner failed")
            made_here = queries(study_in(url))
            assert len(made_here) == len({query.architecture for query in made_here}) == budget
            value = max(query.value for query in made_here if query.value is not None)
    return 1 + int((task.values > value).sum())


def quality(options: argparse.Namespace) -> None:
    """Ranks of the picks by one process and by several, of the same seeds and as many queries."""
    sys.path.append(str(Path(__file__).parents[1] / "samplers"))
    from robust_sampler import designed_on  # pyright: ignore[reportMissingImports] - of a folder beside this one

    tasks = [task for task in designed_on(options.data) if task.name.startswith(options.only)]
    kept = json.loads(options.to.read_text()) if options.to is not None and options.to.is_file() else {}
    logs = dict[int, list[float]]()
    for task in tasks:
        for seed in range(options.seeds):
            for owners in (1, options.owners):
                key = f"{task.name}, {owners} owners, T = {options.queries}, seed {seed}"
                if key not in kept:
                    kept[key] = pick(task, seed, owners, options.queries, options.folder)
                    if options.to is not None:
                        options.to.write_text(json.dumps(kept))
                logs.setdefault(owners, []).append(math.log10(kept[key]))
    one, several = np.array(logs[1]), np.array(logs[options.owners])
    for owners, of in ((1, one), (options.owners, several)):
        print(f"{owners:>3} owners: rank {10 ** of.mean():.2f} (geometric mean), median {10 ** np.median(of):.1f}")
    error = (several - one).std(ddof=1) / math.sqrt(len(one))
    print(f"log10: {(several - one).mean():+.3f} ± {error:.3f} over {len(tasks)} tasks, {options.seeds} seeds each")


def main() -> None:
    global MEAN
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("run")
    one.add_argument("--storage", choices=KINDS, default="sqlite")
    one.add_argument("--owners", type=int, default=4)
    one.add_argument("--queries", type=int, default=100)
    one.add_argument("--pool", type=int, default=5_000)
    one.add_argument("--sampler", default="random")
    one.add_argument("--kill", type=int, default=0)
    one.add_argument("--mean", type=float, default=0.02, help="Seconds of an evaluation.")
    one.add_argument("--folder", default=None, help="Where the storage lies.")
    one.add_argument("--to", type=Path, default=None)
    two = verbs.add_parser("quality")
    two.add_argument("data", type=Path)
    two.add_argument("--only", default="nasbench201", help="Tasks whose name begins so.")
    two.add_argument("--owners", type=int, default=4)
    two.add_argument("--queries", type=int, default=20)
    two.add_argument("--seeds", type=int, default=20)
    two.add_argument("--mean", type=float, default=0.3, help="Seconds of an evaluation.")
    two.add_argument("--folder", default=None, help="Where the storage lies.")
    two.add_argument("--to", type=Path, default=None)
    options = parser.parse_args()
    MEAN = options.mean
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if options.verb == "quality":
        quality(options)
        return
    if why := missing(options.storage):
        raise SystemExit(why)
    keys = ("storage", "owners", "queries", "sampler", "pool", "kill", "mean")
    wanted = {key: getattr(options, key) for key in keys}
    if is_kept(options.to, wanted):
        return
    keep(options.to, run(options))


if __name__ == "__main__":
    main()

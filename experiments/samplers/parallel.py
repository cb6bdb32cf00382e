"""Whether several workers on one study share a pool without repeats: every sampler, threads and processes.

Each study has a pool of 20 architectures and 20 queries of a few milliseconds, made by 4 workers at once: threads
(`n_jobs=4`, a study in memory) or processes (a study in a journal file). A study is right if no worker fails and each
architecture is queried exactly once. Usage: python experiments/samplers/parallel.py --seeds 8
"""

import argparse
import multiprocessing
import random
import tempfile
import time
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from untrained import NASBench201, ScoreTable
from untrained.samplers import SAMPLERS, get_sampler
from untrained.samplers.query import queries

SPACE = NASBench201()
POOL, WORKERS = 20, 4
METRICS = ("snip", *dict.fromkeys(group[0] for info in SAMPLERS.values() for group in info.metrics))
NAMES = [info.form.replace("METRIC", "snip") for info in SAMPLERS.values()]


def table(seed: int) -> ScoreTable:
    archs = tuple(random.Random(seed).sample(list(SPACE), POOL))
    return ScoreTable(archs, METRICS, np.random.default_rng(seed).lognormal(size=(POOL, len(METRICS))))


def study(name: str, seed: int, journal: Path | None) -> optuna.Study:
    storage = None if journal is None else JournalStorage(JournalFileBackend(str(journal)))
    return optuna.create_study(
        study_name=f"{name} {seed}",
        storage=storage,
        direction="maximize",
        sampler=get_sampler(name, table(seed), SPACE, POOL, 0),
        load_if_exists=True,
    )


def evaluate(trial: optuna.Trial) -> float:
    arch = SPACE.to_arch({name: trial._suggest(name, dist) for name, dist in SPACE.distributions.items()})
    time.sleep(random.uniform(0.001, 0.01))
    return float(arch.count("nor_conv_3x3"))


def work(journal: Path, seeds: int, together: Barrier) -> None:
    """What each of the processes does: its part of every study, all at the same time."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for name in NAMES:
        for seed in range(seeds):
            own = study(name, seed, journal)
            together.wait()
            own.optimize(evaluate, n_trials=POOL // WORKERS)


def is_right(done: optuna.Study, seed: int) -> bool:
    return sorted(query.architecture for query in queries(done)) == sorted(table(seed).archs)


def by_threads(name: str, seed: int) -> optuna.Study:
    done = study(name, seed, None)
    done.optimize(evaluate, n_trials=POOL, n_jobs=WORKERS)
    return done


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=8, help="Studies of each sampler and kind.")
    seeds = range(parser.parse_args().seeds)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "journal"
        for name in NAMES:
            for seed in seeds:
                study(name, seed, journal)  # several processes at once would race for making it
        spawn: Any = multiprocessing.get_context("spawn")
        together = spawn.Barrier(WORKERS)
        workers = [spawn.Process(target=work, args=(journal, len(seeds), together)) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        failed = [worker.exitcode for worker in workers if worker.exitcode]
        print(f"{'sampler':<16} {'threads':>9} {'processes':>9}   right of {len(seeds)}, {WORKERS} workers each")
        for name in NAMES:
            threads = sum(is_right(by_threads(name, seed), seed) for seed in seeds)
            processes = sum(is_right(study(name, seed, journal), seed) for seed in seeds)
            print(f"{name:<16} {threads:>9} {processes:>9}", flush=True)
        print(f"processes that failed: {failed or 'none'}")


if __name__ == "__main__":
    main()

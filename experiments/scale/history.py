"""What a query costs as the history grows, beside what Optuna's own trials cost on the same kind of storage.

One search of so many queries, whose objective takes no time, on a storage of its own; then as many trials of plain
Optuna with its random sampler. Told are the processor's milliseconds of a query in each part of the history, the
difference, and the resident memory at the end of each part.

python experiments/scale/history.py --sampler mixture --storage sqlite --queries 5000 --to history.jsonl
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from kept import is_kept, keep
from owners import Quick, scores
from storages import storage_of
from threadpoolctl import threadpool_limits

from untrained import NASBench201, search
from untrained.objectives import Evaluation
from untrained.searching.storage import open_storage

KEYS = ("sampler", "storage", "queries", "pool")


class AtOnce(Quick):
    """Takes no time."""

    def __call__(self, arch: str, trial: Any = None) -> Evaluation:
        return Evaluation(arch.count("nor_conv_3x3") + len(arch) / 100, 0.0)


class Clock:
    """Reads the processor's time and the memory after each query."""

    def __init__(self) -> None:
        self.seconds, self.memory = [time.process_time()], [0]

    def read(self, *_: Any) -> None:
        self.seconds.append(time.process_time())
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.memory.append(pages * 4096 // 2**20)

    def by_part(self, parts: int) -> list[float]:
        """Milliseconds of a query in each part; the first ten, which import and prepare, are left out."""
        cost = 1e3 * np.diff(self.seconds)
        cost[:10] = np.nan
        return [round(float(np.nanmean(part)), 1) for part in np.array_split(cost, parts)]


def optunas(url: str, queries: int, choices: int) -> Clock:
    """Plain trials, each of one decision, on a new study."""
    study = optuna.create_study(storage=open_storage(url, url), sampler=optuna.samplers.RandomSampler(0))
    clock = Clock()
    for _ in range(queries):
        trial = study.ask()
        study.tell(trial, float(trial.suggest_int("architecture", 0, choices)))
        clock.read()
    return clock


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    table, clock = scores(options.pool), Clock()
    with storage_of(options.storage, folder) as url, threadpool_limits(1):
        made: dict[str, Any] = {"sampler": options.sampler, "budget": options.queries, "storage": url}
        search(NASBench201(), AtOnce(), scores=table, isolate=False, on_query=clock.read, **made)
    (folder / "plain").mkdir()
    with storage_of(options.storage, folder / "plain") as url, threadpool_limits(1):
        plain = optunas(url, options.queries, options.pool)
    ours, theirs = clock.by_part(options.parts), plain.by_part(options.parts)
    return {
        **{key: getattr(options, key) for key in KEYS},
        "ms": ours,
        "optuna_ms": theirs,
        "beyond_ms": [round(one - other, 1) for one, other in zip(ours, theirs, strict=True)],
        "mb": [int(part[-1]) for part in np.array_split(clock.memory[1:], options.parts)],
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sampler", default="mixture")
    parser.add_argument("--storage", choices=("sqlite", "journal"), default="sqlite")
    parser.add_argument("--queries", type=int, default=5_000)
    parser.add_argument("--pool", type=int, default=6_000)
    parser.add_argument("--parts", type=int, default=5)
    parser.add_argument("--to", type=Path, default=None)
    options = parser.parse_args()
    if is_kept(options.to, {key: getattr(options, key) for key in KEYS}):
        return
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        keep(options.to, run(options, Path(folder)))


if __name__ == "__main__":
    main()

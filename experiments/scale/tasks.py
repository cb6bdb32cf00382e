"""What a task costs beside its work: milliseconds of the process that hands it out, for each kind of executor.

Tasks that take no time are handed out, a few at a time, and each carries a short text, as those of scoring do.
Told are the processor's milliseconds of this process, and the wall's, for each task; workers have imported all before.

python experiments/scale/tasks.py --executors ray,dask --tasks 1000 --to tasks.jsonl
"""

import argparse
import os
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from kept import keep

from untrained.runtime.elsewhere import Elsewhere
from untrained.runtime.executors import executors_of


class Read:
    """Takes no time."""

    def __call__(self, item: str) -> int:
        return len(item)


def measured(name: str, tasks: int, workers: int) -> dict[str, Any]:
    with executors_of(name, workers) as executors:
        assert executors is not None
        with closing(Elsewhere[str, int](Read(), executors, 2 * workers)) as there:
            for number in range(8 * workers):  # workers start, and import
                there.begin(f"|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2| {number}")
            for _ in range(8 * workers):
                there.end()
            wall, cpu = time.perf_counter(), time.process_time()
            for number in range(tasks):
                there.begin(f"|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2| {number}")
            for _ in range(tasks):
                there.end()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    each = {"cpu_ms": round(1e3 * cpu / tasks, 2), "wall_ms": round(1e3 * wall / tasks, 2)}
    return {"executor": name, "tasks": tasks, "workers": workers, **each}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--executors", default="ray,dask")
    parser.add_argument("--tasks", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--to", type=Path, default=None)
    options = parser.parse_args()
    torch.set_num_threads(1)
    os.environ.setdefault("RAY_worker_niceness", "0")  # 15 by default: on a busy machine they would never be served
    for name in options.executors.split(","):
        keep(options.to, measured(name, options.tasks, options.workers))


if __name__ == "__main__":
    main()

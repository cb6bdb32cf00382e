"""What one coordinator bears: `unordered_elsewhere` as it is, with many workers that sleep, and that die.

The workers are threads of this process: each takes a task, does what a worker does (`call` of `runtime.elsewhere`),
sleeps for as long as the networks of the task are held to take, and with a certain chance dies in the middle. Every so
often a whole node of them dies at once. The coordinator's own work is the processor time of its thread. A run is right
if every item came back once, or was given up after two losses, and none twice.

python experiments/scale/coordinator.py --workers 1000 --items 100000 --seconds 1 --deaths 0.01 --to coordinator.jsonl
"""

import argparse
import random
import resource
import threading
import time
from collections import Counter
from concurrent.futures import Executor, Future
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import torch
from kept import is_kept, keep

from untrained.errors import InputError
from untrained.runtime.elsewhere import unordered_elsewhere
from untrained.runtime.executors import Executors

KEYS = ("workers", "items", "seconds", "deaths", "node", "node_every")


class WorkerDied(Exception):
    """What an executor says of a worker that is gone."""


class Scored:
    """Stands for scoring a network: gives back what belongs to it, and waits for as long as that takes."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self, item: str) -> tuple[str, int]:
        if self.seconds:
            time.sleep(self.seconds * random.uniform(0.5, 1.5))
        return item, len(item)


class Workers(Executor):
    """Threads that are held to be workers of their own machines.

    Args:
        n: How many.
        deaths: The chance that a worker dies of a task.
        node: How many workers a node has.
        node_every: Seconds between two deaths of nodes; 0 for never.
    """

    def __init__(self, n: int, deaths: float, node: int, node_every: float) -> None:
        self.tasks = SimpleQueue[Any]()
        self.deaths, self.node, self.died = deaths, node, 0
        self.doomed = 0  # workers of a node that is going down: the next so many tasks that end are lost
        self.lock = threading.Lock()
        self.submitted = 0
        self.stop = threading.Event()
        threading.stack_size(256 * 1024)
        for _ in range(n):
            threading.Thread(target=self._work, daemon=True).start()
        if node_every:
            threading.Thread(target=self._fell, args=(node_every,), daemon=True).start()

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future = Future[Any]()
        future.set_running_or_notify_cancel()
        self.submitted += 1
        self.tasks.put((future, fn, args))
        return future

    def _work(self) -> None:
        while True:
            future, fn, (key, parcel, _, content) = self.tasks.get()
            answer = fn(key, parcel, False, content)  # each is held to be a process, and need not wait for others
            if self._dies():
                future.set_exception(WorkerDied("the machine is gone"))
            else:
                future.set_result(answer)

    def _dies(self) -> bool:
        with self.lock:
            dies = self.doomed > 0 or random.random() < self.deaths
            self.doomed -= self.doomed > 0
            self.died += dies
        return dies

    def _fell(self, every: float) -> None:
        while not self.stop.wait(every):
            with self.lock:
                self.doomed = self.node

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.stop.set()


def run(options: argparse.Namespace) -> dict[str, Any]:
    items = [f"|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2| {k}" for k in range(options.items)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    workers = Workers(options.workers, options.deaths, options.node, options.node_every)
    wall, own, whole = time.perf_counter(), time.thread_time(), time.process_time()
    found, failed, why = Counter[str](), Counter[str](), ""
    lost = partial(lambda item, reason: (item, -1))
    try:
        for item, length in unordered_elsewhere(
            Scored(options.seconds), items, Executors(workers), options.workers, died=lost
        ):
            (failed if length == -1 else found)[item] += 1
    except InputError as error:
        why = str(error)
    wall, own, whole = time.perf_counter() - wall, time.thread_time() - own, time.process_time() - whole
    workers.shutdown()
    both = found + failed
    return {
        **{key: getattr(options, key) for key in KEYS},
        "right": both == Counter(items) and not found & failed,
        "stopped": why,
        "given_up": len(failed),
        "workers_lost": workers.died,
        "tasks": workers.submitted,
        "wall": round(wall, 1),
        "networks_a_second": round(len(both) / wall),
        "coordinator_cpu_s": round(own, 2),
        "coordinator_tasks_a_cpu_second": round(workers.submitted / own),
        "coordinator_networks_a_cpu_second": round(len(both) / own),
        "process_cpu_s": round(whole, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "grown_mb": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=1_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=1.0, help="That a network takes, in the mean.")
    parser.add_argument("--deaths", type=float, default=0.01, help="The chance that a worker dies of a task.")
    parser.add_argument("--node", type=int, default=64, help="Workers that die at once with their node.")
    parser.add_argument("--node-every", type=float, default=0.0, help="Seconds between two deaths of nodes.")
    parser.add_argument("--to", type=Path, default=None)
    options = parser.parse_args()
    wanted = {key: getattr(options, key) for key in KEYS}
    if is_kept(options.to, wanted):
        return
    torch.set_num_threads(1)
    keep(options.to, run(options))


if __name__ == "__main__":
    main()

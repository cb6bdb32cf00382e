"""Ray with several nodes on one machine, nodes taken away and added in the middle: the same scores, to the bit?

`ray.cluster_utils.Cluster` starts nodes that are processes of this machine, each with an object store and workers of
its own; Ray holds them to be machines. Cells are scored there by cheap metrics. When a third of them is done, and again
at two thirds, a node is killed with all that runs on it, and another one comes. The table must be that of this process
alone, bit for bit. Then trainings run there, `--jobs` at a time, with a node killed too: the values must be those of
trainings here. The tables of this process are kept in `--folder`, so that a run that was stopped goes on.

python experiments/scale/ray_cluster.py --cells 20000 --nodes 2 --cpus 2 --folder serial --to ray.jsonl
"""

import argparse
import logging
import os
import resource
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from kept import is_kept, keep

from untrained import DARTS, NASBench201, Recipe, ScoreTable, Scoring, SearchSpace, load_data, search

METRICS = ["params", "synflow"]
NASBENCH201 = NASBench201(N=1, C=2, in_channels=1)
MEMORY = 100 * 2**20
"""Of each node's object store: what travels is small."""


def spaces(cells: int) -> list[tuple[str, SearchSpace, list[str]]]:
    """All cells of NAS-Bench-201, or three quarters of so many cells, and the others of DARTS."""
    first = min(cells * 3 // 4, 15_625)
    darts = DARTS(layers=1, C=2, in_channels=1)
    return [
        ("nasbench201", NASBENCH201, NASBENCH201.pool(first, 0, at_most=True)),
        ("darts", darts, darts.pool(cells - first, 0)),
    ]


class Nodes:
    """Nodes on this machine, of which one is killed, and one added, when it is asked for."""

    def __init__(self, nodes: int, cpus: int) -> None:
        from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports] - an extra

        self.cpus = cpus
        # The head does no work: it would take the search along.
        head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": MEMORY}
        self.cluster: Any = started(lambda: Cluster(initialize_head=True, head_node_args=head))
        self.nodes = [self.add() for _ in range(nodes)]
        self.changes = 0

    def add(self) -> Any:
        return started(lambda: self.cluster.add_node(num_cpus=self.cpus, object_store_memory=MEMORY))

    def change(self) -> None:
        """Kills a node, without a word to those who run there, and adds one. For the main thread only."""
        self.cluster.remove_node(self.nodes.pop(0), allow_graceful=False)
        self.nodes.append(self.add())
        self.changes += 1


def started(start: Callable[[], Any]) -> Any:
    """Starts a node, for which Ray waits half a minute: a busy machine may need more."""
    for _ in range(9):
        with suppress(Exception):
            return start()
    return start()


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def scored(nodes: Nodes, name: str, space: SearchSpace, archs: list[str], workers: int, folder: Path) -> dict[str, Any]:
    batch = load_data("digits").batch(8)
    start = cpu()
    serial = Scoring(METRICS, batch).scores(space, archs, 0, path=folder / f"{name}-{len(archs)}.parquet")
    one = cpu() - start
    before, todo = nodes.changes, [len(archs) // 3, 2 * len(archs) // 3]

    def progress(so_far: int, of: int) -> None:
        if todo and so_far > todo[0]:
            todo.pop(0)
            nodes.change()

    with tempfile.TemporaryDirectory() as place:
        scoring = Scoring(METRICS, batch, executor="ray", workers=workers)
        start, wall = cpu(), time.perf_counter()
        there = scoring.scores(space, archs, 0, path=Path(place) / "scores.parquet", progress=progress)
    return {
        "same": same(serial, there),
        "serial_cpu_s": round(one, 1),  # less, if a part of it was there
        "ray_s": round(time.perf_counter() - wall, 1),
        "coordinator_cpu_s": round(cpu() - start, 1),
        "nodes_changed": nodes.changes - before,
    }


def same(one: ScoreTable, other: ScoreTable) -> bool:
    equal = np.array_equal(one.values.view(np.int64), other.values.view(np.int64))
    return equal and (one.archs, one.metrics, one.reasons) == (other.archs, other.metrics, other.reasons)


def trained(nodes: Nodes, jobs: int, queries: int) -> dict[str, Any]:
    table = Scoring(["params"], load_data("digits").batch(8)).scores(NASBENCH201, NASBENCH201.pool(4 * queries, 0))
    made: dict[str, Any] = {"data": "digits", "recipe": Recipe(epochs=1), "scores": table, "sampler": "random"}
    before = nodes.changes

    def note(query: Any, so_far: int, of: int) -> None:
        if so_far >= of // 3 and nodes.changes == before:
            nodes.change()

    start = time.perf_counter()
    there = search(NASBENCH201, **made, budget=queries, jobs=jobs, executor="ray", on_query=note)
    ray_s = time.perf_counter() - start
    start = time.perf_counter()
    here = search(NASBENCH201, **made, budget=queries)
    values = [{query.number: (query.architecture, query.value) for query in result.queries} for result in (here, there)]
    return {
        "same": values[0] == values[1] and len(values[1]) == queries,
        "serial_s": round(time.perf_counter() - start, 1),
        "ray_s": round(ray_s, 1),
        "nodes_changed": nodes.changes - before,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, default=20_000, help="Of both spaces.")
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--cpus", type=int, default=2, help="Workers of each node.")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--queries", type=int, default=24)
    parser.add_argument("--folder", type=Path, default=Path("serial"), help="Where the tables of this process are.")
    parser.add_argument("--to", type=Path, default=None)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    os.environ.setdefault("RAY_worker_niceness", "0")  # 15 by default: on a busy machine they would never be served
    import ray  # pyright: ignore[reportMissingImports] - an extra

    nodes = Nodes(options.nodes, options.cpus)
    try:
        ray.init(address=nodes.cluster.address, logging_level=logging.ERROR, log_to_driver=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            setting = {"nodes": options.nodes, "cpus": options.cpus}
            for name, space, archs in spaces(options.cells):
                row = {"what": f"scores of {name}", "items": len(archs), **setting}
                if not is_kept(options.to, row):
                    workers = options.nodes * options.cpus
                    keep(options.to, row | scored(nodes, name, space, archs, workers, options.folder))
            row = {"what": f"trainings, {options.jobs} jobs", "items": options.queries, **setting}
            if not is_kept(options.to, row):
                keep(options.to, row | trained(nodes, options.jobs, options.queries))
    finally:
        ray.shutdown()
        with suppress(Exception):  # of a node that is gone
            nodes.cluster.shutdown()


if __name__ == "__main__":
    main()

"""Ray with several nodes on one machine, nodes taken away and added in the middle: the same scores, to the bit?

`ray.cluster_utils.Cluster` starts nodes that are processes of this machine, each with an object store and workers of
its own; Ray holds them to be machines. Cells are scored there by cheap metrics, and, in the meantime, a node is removed
with all that runs on it, and another one comes. The table must be that of this process alone, bit for bit. Then
trainings run there, `--jobs` at a time, with a node removed too: the values must be those of trainings here.

python experiments/scale/ray_cluster.py --cells 2000 --nodes 2 --cpus 2 --to ray.jsonl
"""

import argparse
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from kept import keep

from untrained import DARTS, NASBench201, Recipe, ScoreTable, Scoring, SearchSpace, load_data, search

METRICS = ["params", "flops", "synflow"]


def spaces(cells: int) -> list[tuple[str, SearchSpace, list[str]]]:
    nb201 = NASBench201(N=1, C=4, in_channels=1)
    darts = DARTS(layers=2, C=4, in_channels=1)
    return [
        ("nasbench201", nb201, nb201.pool(min(cells, 15_625), 0, at_most=True)),
        ("darts", darts, darts.pool(cells, 0)),
    ]


class Nodes:
    """Nodes on this machine, of which one is removed, and one added, after some time."""

    def __init__(self, nodes: int, cpus: int) -> None:
        from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports] - an extra

        self.cpus = cpus
        # The head does no work: it would take the search along.
        self.cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
        self.nodes = [self.cluster.add_node(num_cpus=cpus) for _ in range(nodes)]
        self.changes = 0

    def change(self) -> None:
        """Removes a node at once, without a word to those who run there, and adds one. For the main thread only."""
        self.cluster.remove_node(self.nodes.pop(0), allow_graceful=False)
        self.nodes.append(self.cluster.add_node(num_cpus=self.cpus))
        self.changes += 1


def scored(nodes: Nodes, name: str, space: SearchSpace, archs: list[str], workers: int, folder: Path) -> dict[str, Any]:
    batch = load_data("digits").batch(8)
    start = time.perf_counter()
    serial = Scoring(METRICS, batch).scores(space, archs, 0)
    one = time.perf_counter() - start
    before = nodes.changes

    def progress(so_far: int, of: int) -> None:
        if so_far > of // 3 and nodes.changes == before:
            nodes.change()

    start = time.perf_counter()
    scoring = Scoring(METRICS, batch, executor="ray", workers=workers)
    there = scoring.scores(space, archs, 0, path=folder / f"{name}.parquet", progress=progress)
    wall = time.perf_counter() - start
    return {
        "what": f"scores of {name}",
        "items": len(archs),
        "same": same(serial, there),
        "serial_s": round(one, 1),
        "ray_s": round(wall, 1),
        "nodes_changed": nodes.changes - before,
    }


def same(one: ScoreTable, other: ScoreTable) -> bool:
    equal = np.array_equal(one.values.view(np.int64), other.values.view(np.int64))
    return equal and (one.archs, one.metrics, one.reasons) == (other.archs, other.metrics, other.reasons)


def trained(nodes: Nodes, jobs: int, queries: int) -> dict[str, Any]:
    space = NASBench201(N=1, C=4, in_channels=1)
    archs = space.pool(4 * queries, 0)
    table = Scoring(["params"], load_data("digits").batch(8)).scores(space, archs, 0)
    made: dict[str, Any] = {"data": "digits", "recipe": Recipe(epochs=1), "scores": table, "sampler": "random"}
    before = nodes.changes

    def note(query: Any, so_far: int, of: int) -> None:
        if so_far >= of // 3 and nodes.changes == before:
            nodes.change()

    start = time.perf_counter()
    there = search(space, **made, budget=queries, jobs=jobs, executor="ray", on_query=note)
    wall = time.perf_counter() - start
    start = time.perf_counter()
    here = search(space, **made, budget=queries)
    values = [{query.architecture: query.value for query in result.queries} for result in (here, there)]
    return {
        "what": f"trainings, {jobs} jobs",
        "items": queries,
        "same": values[0] == values[1] and len(values[1]) == queries,
        "serial_s": round(time.perf_counter() - start, 1),
        "ray_s": round(wall, 1),
        "nodes_changed": nodes.changes - before,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, default=2_000, help="Of each space.")
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--cpus", type=int, default=2, help="Workers of each node.")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--queries", type=int, default=24)
    parser.add_argument("--to", type=Path, default=None)
    options = parser.parse_args()
    torch.set_num_threads(1)
    os.environ.setdefault("RAY_worker_niceness", "0")  # 15 by default: on a busy machine they would never be served
    import ray  # pyright: ignore[reportMissingImports] - an extra

    nodes = Nodes(options.nodes, options.cpus)
    try:
        ray.init(address=nodes.cluster.address, logging_level=logging.ERROR, log_to_driver=False)
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            steps: list[Callable[[], dict[str, Any]]] = [
                lambda given=given: scored(nodes, *given, options.nodes * options.cpus, Path(folder))
                for given in spaces(options.cells)
            ]
            for step in [*steps, lambda: trained(nodes, options.jobs, options.queries)]:
                keep(options.to, {"nodes": options.nodes, "cpus": options.cpus, **step()})
    finally:
        ray.shutdown()
        with suppress(Exception):
            nodes.cluster.shutdown()


if __name__ == "__main__":
    main()

"""How well FLOPs, parameters and the latency on this machine rank networks by their latency on other devices.

    python experiments/limits/devices.py nasbench201_hardware.parquet --networks 200 --out nasbench201.json
    python experiments/limits/devices.py accelnas_imagenet.parquet --networks 100 --out accelnas.json

The tables are those of HW-NAS-Bench (Li et al., ICLR 2021) and Accel-NASBench (Ahmad et al., 2024). Of so many networks
drawn from a table, Kendall's tau-b and Spearman's rho with each of its columns are printed; a throughput counts by its
reciprocal. NAS-Bench-201 networks are those of CIFAR-10 (5 cells a stage, 16 channels), MnasNets take 224 pixels.

The time of a pass is the processor time of its one thread, the median of 11 passes, and the least of the rounds over
all networks: on a machine with nothing else to do, that is the time on the wall, and others that use it change it
least. Kept in `--out` network by network: killed, it goes on where it was.
"""

import argparse
import json
import os
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
import torch.utils._pytree as pytree
from scipy.stats import kendalltau, rankdata

from untrained.measuring import Subject, measured
from untrained.measuring.runtimes import Flat, onnx_model
from untrained.runtime.onnx_models import session_of
from untrained.runtime.seeding import seeded
from untrained.spaces import MnasNets, NASBench201, SearchSpace

PASSES, WARM_UP = 11, 3
KNOWN = ("params", "flops", "eager", "onnx")


def space_of(table: Path) -> tuple[SearchSpace, torch.Tensor]:
    """The space of a table, and an input of its networks."""
    if "nasbench201" in table.name:
        return NASBench201(N=5, C=16), torch.randn(1, 3, 32, 32)
    return MnasNets(num_classes=1000, image_size=224), torch.randn(1, 3, 224, 224)


def milliseconds(run: Callable[[], Any]) -> float:
    """The median processor time of a pass."""
    found = []
    for _ in range(WARM_UP + PASSES):
        start = time.thread_time()
        run()
        found.append(1e3 * (time.thread_time() - start))
    return statistics.median(found[WARM_UP:])


def network_figures(space: SearchSpace, arch: str, example: torch.Tensor) -> dict[str, float]:
    """Parameters and FLOPs, and the times of one round."""
    with seeded(0):
        network = space.build(arch).eval().requires_grad_(False)
    subject = Subject(lambda: network, example)
    structure = pytree.tree_flatten(example)[1]
    session = session_of(onnx_model(Flat(network, structure), [example]), 1)
    feed = {session.get_inputs()[0].name: example.numpy()}
    with torch.no_grad():
        times = {"eager": milliseconds(lambda: network(example)), "onnx": milliseconds(lambda: session.run(None, feed))}
    return {name: measured(subject, name).value for name in ("params", "flops")} | times


def tau(one: Any, other: Any) -> float:
    """Kendall's tau-b."""
    found: Any = kendalltau(one, other)
    return float(found[0])


def print_table(table: Path, found: dict[str, dict[str, float]]) -> None:
    """Rank correlations with each column that is a time or a throughput."""
    rows = pq.read_table(table)
    place = {arch: k for k, arch in enumerate(rows["arch"].to_pylist())}
    order = [place[arch] for arch in found]
    print(f"| column | {' | '.join(KNOWN)} |\n| --- |{' --- |' * len(KNOWN)}")
    for column in rows.column_names:
        if "latency" not in column and "throughput" not in column:
            continue
        values = rows[column].to_numpy()[order]
        values = 1 / values if "throughput" in column else values
        cells = []
        for name in KNOWN:
            mine = np.array([figures[name] for figures in found.values()])
            known = np.isfinite(values)  # a device may lack some networks
            rho = np.corrcoef(rankdata(mine[known]), rankdata(values[known]))[0, 1]
            cells.append(f"{tau(mine[known], values[known]):.2f} / {rho:.2f}")
        print(f"| `{column}` | {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("table", type=Path)
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    space, example = space_of(given.table)
    archs = random.Random(0).sample(pq.read_table(given.table, columns=["arch"])["arch"].to_pylist(), given.networks)
    done: dict[str, Any] = json.loads(given.out.read_text()) if given.out.exists() else {}
    for number in range(given.rounds):
        for arch in archs:
            rounds = done.setdefault(arch, [])
            if len(rounds) == number:
                load = os.getloadavg()[0]
                rounds.append(network_figures(space, arch, example) | {"load": load})
                given.out.write_text(json.dumps(done))
        loads = [done[arch][number]["load"] for arch in archs]
        print(f"round {number + 1} of {given.rounds}, load {min(loads):.1f} to {max(loads):.1f}", flush=True)
    best = {arch: {name: min(one[name] for one in done[arch]) for name in KNOWN} for arch in archs}
    print_table(given.table, best)
    for name in ("eager", "onnx"):
        times = [figures[name] for figures in best.values()]
        print(f"{name}: {min(times):.2f} to {max(times):.2f} ms")
        for number in range(1, given.rounds):
            again = tau([done[arch][0][name] for arch in archs], [done[arch][number][name] for arch in archs])
            print(f"{name}, rounds 1 and {number + 1}: tau {again:.2f}")


if __name__ == "__main__":
    main()

"""How long a large ScoreTable takes to build, scale, rank, save and load, and how much memory.

    python experiments/speed/score_table.py [--archs 100000] [--metrics 25]

The architectures are strings as NAS-Bench-201 writes them. Memory is what the process's peak grew by after the imports;
the scores and strings that the table is made from are not the table's and count apart.
"""

import argparse
import itertools
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from untrained.data.tables import open_table
from untrained.scores import SCALINGS, ScoreTable

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3", "max_pool_3x3", "dil_conv_3x3")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--archs", type=int, default=100_000)
    parser.add_argument("--metrics", type=int, default=25)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scores.parquet"
        ScoreTable(("a",), ("m",), np.ones((1, 1))).save(path)  # so that what is loaded at first use is loaded
        ScoreTable.load(path).scaled("rank")
        start = peak()
        archs = tuple(itertools.islice(cells(), args.archs))
        rng = np.random.default_rng(0)
        values = np.exp(rng.normal(size=(args.archs, args.metrics)) * 5)
        values[rng.random(values.shape) < 0.001] = np.nan
        rows = np.flatnonzero(np.isnan(values).any(1))
        names = tuple(f"metric_{k}" for k in range(args.metrics))
        reasons = {archs[i]: {names[k]: "RuntimeError: no" for k in np.flatnonzero(np.isnan(values[i]))} for i in rows}
        given = peak() - start
        print(f"{len(archs)} architectures x {len(names)} metrics, {np.isnan(values).sum()} failed scores; "
              f"made of {given:.0f} MB")  # fmt: skip
        print(f"{'step':<15} {'seconds':>8} {'MB of peak':>11}")
        total = time.perf_counter()
        table = step("build", lambda: ScoreTable(archs, names, values, reasons, {"seed": 0}))
        for scaling in SCALINGS:
            step(f"scaled({scaling!r})", lambda scaling=scaling: table.scaled(scaling))
        step("save", lambda: table.save(path))
        total = time.perf_counter() - total
        print(f"{'together':<15} {total:>8.2f} {peak() - start - given:>11.0f}")
        step("load", lambda: ScoreTable.load(path))
        step("fingerprint", lambda: table.fingerprint)
        step("select half", lambda: table.select(archs[::2], names[::2]))
        print(f"{path.stat().st_size / 1e6:.0f} MB on disk in {1 + len(open_table(path).names)} columns")


def cells() -> Any:
    for ops in itertools.product(OPERATIONS, repeat=6):
        yield "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|".format(*ops)


def step(name: str, run: Callable[[], Any]) -> Any:
    before, start = peak(), time.perf_counter()
    result = run()
    print(f"{name:<15} {time.perf_counter() - start:>8.2f} {peak() - before:>11.0f}")
    return result


def peak() -> float:
    """MB that this process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()

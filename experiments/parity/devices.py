"""Whether a score is the same on two devices: every metric, on some networks of several spaces.

    python experiments/parity/devices.py --device cuda [--networks 4] [--precision float64]

Prints the largest relative difference of each metric from its value on the CPU, and what failed on one of them only.
"""

import argparse
import math

import torch

from untrained.metrics import METRICS
from untrained.scoring.pool import compute_scores
from untrained.spaces import MnasNets, NASBench201, SearchSpace

CLOCKED = {"latency"}
"""Metrics that measure the device itself."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--device", default="cuda")
    options.add_argument("--networks", type=int, default=4)
    options.add_argument("--precision", default="float64", choices=["float32", "float64"])
    given = options.parse_args()
    torch.manual_seed(0)
    batch = torch.randn(16, 3, 32, 32), torch.randint(10, (16,))
    second = torch.randn(16, 3, 32, 32), torch.randint(10, (16,))
    names = [name for name in METRICS if name not in CLOCKED]
    spaces: dict[str, SearchSpace] = {
        "nasbench201": NASBench201(N=1, C=8),
        "mnasnet": MnasNets(num_classes=10, image_size=32),
    }
    for title, space in spaces.items():
        pool = space.pool(given.networks)
        tables = [
            compute_scores(
                space,
                pool,
                names,
                batch,
                second_batch=second,
                precision=given.precision,
                device=device,
                workers=1,
            )
            for device in ("cpu", given.device)
        ]
        print(f"{title}, {len(pool)} networks, {given.precision}, {given.device} against cpu")
        for index, name in enumerate(names):
            here, there = (table.values[:, index] for table in tables)
            one_only = [a for a, x, y in zip(pool, here, there, strict=True) if math.isnan(x) != math.isnan(y)]
            apart = max(
                (abs(x - y) / max(abs(x), 1e-12) for x, y in zip(here, there, strict=True) if x == x and y == y),
                default=math.nan,
            )
            print(
                f"  {name:22} {apart:9.2e}" + (f"  only one has a score of {one_only}" if one_only else ""), flush=True
            )


if __name__ == "__main__":
    main()

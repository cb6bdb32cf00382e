"""Scoring networks of NAS-Bench-201 on a GPU: one process at a time against several that share it.

    python experiments/speed/gpu.py                  # needs a GPU
    python experiments/speed/gpu.py --device cpu     # the same on the CPU, to see that it runs

Each process keeps the GPU warm and has its own stream of kernels, so that small networks overlap.
"""

import argparse
import random
import time

import torch

from untrained.metrics import ROBOT_METRICS
from untrained.scoring.pool import compute_scores
from untrained.spaces import NASBench201


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--device", default="cuda")
    options.add_argument("--networks", type=int, default=64)
    options.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    given = options.parse_args()
    if given.device.startswith("cuda") and not torch.cuda.is_available():
        raise SystemExit("there is no GPU here: nothing is measured (--device cpu runs the same on the CPU)")

    space = NASBench201()
    networks = sorted({space.canonical(arch) for arch in space})
    sample = random.Random(0).sample(networks, given.networks)
    torch.manual_seed(0)
    batch = torch.randn(64, 3, 32, 32), torch.randint(10, (64,))
    one_by_one = None
    for workers in given.workers:
        moments = list[tuple[int, float]]()
        compute_scores(
            space,
            sample,
            ROBOT_METRICS,
            batch,
            workers=workers,
            device=given.device,
            progress=lambda done, _, moments=moments: moments.append((done, time.perf_counter())),
        )
        # The start of the processes and of the GPU in each is paid once.
        first = next(moment for moment in moments if moment[0] >= 2 * workers)
        seconds = (moments[-1][1] - first[1]) / (moments[-1][0] - first[0])
        one_by_one = one_by_one or seconds
        print(
            f"{workers:3} at once: {1 / seconds:8.2f} networks/s, {one_by_one / seconds:.1f} times the first",
            flush=True,
        )


if __name__ == "__main__":
    main()

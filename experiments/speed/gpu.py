"""What a GPU gives: networks scored in a second by workers that share it, and a training step.

    python experiments/speed/gpu.py                                  # needs a GPU; some two minutes
    python experiments/speed/gpu.py --device cpu --networks 4 --workers 1 2 --public 2   # the same here, to see it run

Scored are networks of NAS-Bench-201 (N = 5, C = 16, 64 images of 3 x 32 x 32) with RoBoT's six metrics: one by one in
this process by the procedure of the public zero-cost implementation, one by one by this package, and by so many worker
processes, each of which keeps the GPU warm and has its own stream of kernels, so that small networks overlap. Then
`training_step.py` runs, in single precision and in bfloat16.
"""

import argparse
import random
import subprocess
import sys
import time
from pathlib import Path

import torch
from public_procedure import PROCEDURE, score

from untrained.metrics import ROBOT_METRICS
from untrained.scoring.pool import compute_scores
from untrained.spaces import NASBench201


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--device", default="cuda")
    options.add_argument("--networks", type=int, default=32, help="scored by each worker")
    options.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    options.add_argument("--public", type=int, default=12, help="networks for the public procedure")
    options.add_argument("--no-step", action="store_true", help="no training step")
    given = options.parse_args()
    on_gpu = given.device.startswith("cuda")
    if on_gpu and not torch.cuda.is_available():
        raise SystemExit("there is no GPU here: nothing is measured (--device cpu runs the same on the CPU)")
    print(torch.cuda.get_device_name() if on_gpu else given.device, "torch", torch.__version__, flush=True)

    space = NASBench201()
    networks = sorted({space.canonical(arch) for arch in space})
    random.Random(0).shuffle(networks)
    torch.manual_seed(0)
    batch = torch.randn(64, 3, 32, 32), torch.randint(10, (64,))
    there = batch[0].to(given.device), batch[1].to(given.device)

    def public(some: list[str]) -> float:
        """Seconds a network."""
        start = time.perf_counter()
        for arch in some:
            net = space.build(arch).to(given.device)
            for name in PROCEDURE:
                score(name, net, *there)
        return (time.perf_counter() - start) / len(some)

    public(networks[:2])  # the first kernels are compiled and loaded
    theirs = public(networks[: given.public])
    print(f"public procedure, one by one: {1 / theirs:8.2f} networks/s", flush=True)
    for workers in given.workers:
        moments = list[tuple[int, float]]()
        compute_scores(
            space,
            networks[: given.networks * workers],
            ROBOT_METRICS,
            batch,
            workers=workers,
            device=given.device,
            progress=lambda done, _, moments=moments: moments.append((done, time.perf_counter())),
        )
        # The start of the processes and of the GPU in each is paid once.
        first = next(moment for moment in moments if moment[0] >= 2 * workers)
        seconds = (moments[-1][1] - first[1]) / (moments[-1][0] - first[0])
        print(
            f"{workers:3} at once: {1 / seconds:8.2f} networks/s, {theirs / seconds:.1f} times the public", flush=True
        )

    if not given.no_step:
        script = Path(__file__).with_name("training_step.py")
        for precision in ("float32", "bfloat16"):
            print("training step,", precision, flush=True)
            steps = ["--steps", "20", "--precision", precision]
            subprocess.run([sys.executable, script, "--device", given.device, *steps], check=True)


if __name__ == "__main__":
    main()

"""What the full procedure in the DARTS space costs: processor seconds of one core, measured on a few networks.

Run: python experiments/speed/darts_cost.py [--networks 5]
"""

import argparse
import time

import torch
from torch import nn

from untrained.reproducing import DARTS_SCALES
from untrained.reproducing.darts import METRICS
from untrained.scoring.pool import compute_scores
from untrained.spaces import DARTS

TRAINED_ON = 40_000
"""Training images of CIFAR-10, a fifth of which is held out."""


def step_seconds(space: DARTS, arch: str, batch: int) -> float:
    """Processor seconds of a forward, a backward and an update.

    Args:
        space: Builds the network.
        arch: An architecture of it.
        batch: Images.
    """
    network = space.build(arch).train()
    optimizer = torch.optim.SGD(network.parameters(), 0.01)
    images, labels = torch.randn(batch, 3, 32, 32), torch.randint(10, (batch,))
    start = time.process_time()
    nn.functional.cross_entropy(network(images), labels).backward()
    optimizer.step()
    return time.process_time() - start


def main() -> None:
    """Prints the seconds of each part, and the hours of the whole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    full = DARTS_SCALES["full"]
    small, large = DARTS(C=full.C, layers=full.layers), DARTS(C=full.final_C, layers=full.final_layers)
    archs = small.pool(options.networks)
    batch = torch.randn(full.score_batch, 3, 32, 32), torch.randint(10, (full.score_batch,))
    start = time.process_time()
    compute_scores(small, archs, METRICS, batch)
    score = (time.process_time() - start) / len(archs)
    batches = full.recipe.batch_size or 64, full.final_recipe.batch_size or 64
    steps = [
        sum(step_seconds(space, arch, size) for arch in archs) / len(archs)
        for space, size in zip((small, large), batches, strict=True)
    ]
    hours = [
        full.pool * score / 3600,
        full.budget * full.recipe.epochs * TRAINED_ON / batches[0] * steps[0] / 3600,
        full.final_recipe.epochs * TRAINED_ON / batches[1] * steps[1] / 3600,
    ]
    print(f"scoring: {score:.2f} s a network, {hours[0]:.0f} h of {full.pool:,}")
    print(f"training: {steps[0]:.1f} s a step, {hours[1]:.0f} h of {full.budget} networks")
    print(f"large network: {steps[1]:.1f} s a step, {hours[2]:,.0f} h of {full.final_recipe.epochs} epochs")


if __name__ == "__main__":
    main()

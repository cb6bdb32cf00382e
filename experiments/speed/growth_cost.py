"""How many samples are trained on in the time in which one network is scored.

    python experiments/speed/growth_cost.py --networks 3

Processor seconds on one thread: the default metrics of a space on a batch of 32, and steps of a training on batches of
64 of the same images, the first of which does not count. `COST` in `untrained.searching.growth` is near the median.
"""

import argparse
import statistics
import time

import torch
from torch import nn

from untrained import Scoring
from untrained.spaces import get_space

SPACES = ("resnet", "nasbench201", "mobilenet", "mnasnet", "darts")
STEPS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--networks", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    images, labels = torch.randn(64, 3, 32, 32), torch.randint(10, (64,))
    found = []
    for name in SPACES:
        space = get_space(name, num_classes=10)
        archs = space.pool(args.networks + 1, seed=1)
        scoring = Scoring(batch=(images[:32], labels[:32]))
        scoring.scores(space, archs[:1], note=lambda line: None)  # what is made once
        start = time.process_time()
        scoring.scores(space, archs[1:], note=lambda line: None)
        scored = (time.process_time() - start) / args.networks
        trained = statistics.mean(seconds_of_a_step(space.build(arch), images, labels) for arch in archs[1:])
        found.append(64 * scored / trained)
        print(f"{name:<12} {scored:8.2f} s to score, {trained:8.3f} s a step: {found[-1]:8.0f} samples", flush=True)
    print(f"median {statistics.median(found):.0f}")


def seconds_of_a_step(net: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    for step in range(STEPS + 1):
        if step == 1:
            start = time.process_time()
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    return (time.process_time() - start) / STEPS  # pyright: ignore[reportPossiblyUnboundVariable]


if __name__ == "__main__":
    main()

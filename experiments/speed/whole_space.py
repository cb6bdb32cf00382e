"""How many architectures of NAS-Bench-201 are scored an hour, next to the public zero-cost implementation.

    python experiments/speed/whole_space.py

Scores a random sample of different networks with the six metrics of RoBoT, as `untrained score` does it. The public
procedure scores some of the same networks, with PyTorch's default number of threads. The space has 15,625
architectures; those that make the same network are scored once, where the public implementation scores each.
"""

import argparse
import random
import time

import torch
from public_procedure import PROCEDURE, score

from untrained.metrics import ROBOT_METRICS
from untrained.scoring.pool import compute_scores
from untrained.spaces import NASBench201


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--networks", type=int, default=60)
    options.add_argument("--public", type=int, default=8, help="networks for the public procedure")
    options.add_argument("--workers", type=int, default=2)
    given = options.parse_args()

    space = NASBench201()
    archs = list(space)
    networks = sorted({space.canonical(arch) for arch in archs})
    sample = random.Random(0).sample(networks, given.networks)
    torch.manual_seed(0)
    inputs, targets = torch.randn(64, 3, 32, 32), torch.randint(10, (64,))

    def public(some: list[str]) -> float:
        """Seconds a network."""
        start = time.perf_counter()
        for arch in some:
            net = space.build(arch)
            for name in PROCEDURE:
                score(name, net, inputs, targets)
        return (time.perf_counter() - start) / len(some)

    half = given.public // 2
    before = public(sample[:half])
    # The start of the workers is paid once, so the time between the first scores and the last is what counts.
    moments = list[tuple[int, float]]()
    compute_scores(
        space,
        sample,
        ROBOT_METRICS,
        (inputs, targets),
        workers=given.workers,
        progress=lambda done, _: moments.append((done, time.perf_counter())),
    )
    first = next(moment for moment in moments if moment[0] >= given.workers)
    ours = (moments[-1][1] - first[1]) / (moments[-1][0] - first[0])
    theirs = (before + public(sample[half : given.public])) / 2

    gain = len(archs) / len(networks)
    print(f"{len(sample)} networks, {given.workers} workers; {given.public} by the public procedure, before and after")
    print(f"public procedure: {3600 / theirs:8.0f} architectures/h ({theirs:.2f} s each)")
    print(
        f"each scored:      {3600 / ours:8.0f} architectures/h ({ours:.2f} s each), {theirs / ours:.1f} times as many"
    )
    print(f"{len(archs)} architectures are {len(networks)} networks:")
    print(f"twins scored once:{3600 / ours * gain:8.0f} architectures/h, {theirs / ours * gain:.1f} times as many")
    print(
        f"the whole space:  {ours * len(networks) / 3600:8.1f} h, {theirs * len(archs) / 3600:.1f} h by the public one"
    )


if __name__ == "__main__":
    main()

"""What this machine gives to several trainings at once, whatever runs them: plain PyTorch, a process and a thread each.

    python experiments/speed/two_at_once.py [--processes 2] [--seconds 10]

Steps a second of one process alone, of each of several at once, and of one alone again, on the networks of the README's
search (NAS-Bench-201, digits). A search with `--jobs N` cannot be quicker than this ratio: cores of a virtual machine
share caches, memory and often the arithmetic of one physical core.
"""

import argparse
import multiprocessing
import time
from typing import Any

ARCH = "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"


def steps_per_second(start: Any, seconds: float, found: Any) -> None:
    """Forward, backward and a step of SGD, for so long after all processes are ready."""
    import torch
    import torch.nn.functional as F

    from untrained import NASBench201
    from untrained.runtime.memory import keep_freed_memory

    torch.set_num_threads(1)
    keep_freed_memory()
    network = NASBench201(in_channels=1).build(ARCH)
    images, labels = torch.randn(64, 1, 8, 8), torch.randint(10, (64,))
    optimizer = torch.optim.SGD(network.parameters(), 0.025, momentum=0.9, nesterov=True)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()

    for _ in range(3):
        step()
    start.wait()
    begun, done = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        step()
        done += 1
    found.put(done / (time.perf_counter() - begun))


def measured(processes: int, seconds: float) -> list[float]:
    """Steps a second of each of so many at once."""
    context = multiprocessing.get_context("spawn")
    start, found = context.Barrier(processes), context.Queue()
    workers = [context.Process(target=steps_per_second, args=(start, seconds, found)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    rates = [found.get() for _ in workers]
    for worker in workers:
        worker.join()
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    before = measured(1, given.seconds)[0]
    several = measured(given.processes, given.seconds)
    after = measured(1, given.seconds)[0]
    alone, together = (before + after) / 2, sum(several)
    rates = ", ".join(f"{rate:.2f}" for rate in several)
    print(f"alone: {before:.2f} and {after:.2f} steps/s; {given.processes} at once: {rates}")
    print(f"together {together / alone:.2f} times as many: the same work in {alone / together:.2f} of the time")


if __name__ == "__main__":
    main()

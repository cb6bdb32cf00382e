"""The figure `memory` against what torch's profiler sees of the allocator, on two networks of each space.

    python experiments/limits/memory.py

The profiler tells each allocation and each release, those inside operations included; its peak and the weights, buffers
and the input together are what the figure is compared with.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from untrained.errors import InputError
from untrained.measuring import Subject, example_for, measured
from untrained.spaces import SPACES, get_space


def profiled_megabytes(network: nn.Module, example: Tensor) -> float:
    """The most that the allocator has given out during an inference, and what was there before."""
    network.eval()
    with torch.no_grad():
        network(example)
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
            outputs = network(example)
    now = most = 0
    profiler: Any = profiled.profiler
    events = [event for event in profiler.kineto_results.events() if event.name() == "[memory]"]
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    del outputs
    before = (*network.parameters(), *network.buffers(), example)
    return (most + sum(tensor.numel() * tensor.element_size() for tensor in before)) / 1e6


def main() -> None:
    torch.set_num_threads(1)
    print("| space | memory | by the profiler | ratio |\n| --- | --- | --- | --- |")
    for name in SPACES:
        space = get_space(name)
        try:
            example = example_for(space)
        except InputError:  # tables only
            continue
        for arch in space.pool(2, seed=1):
            network = space.build(arch)
            ours = measured(Subject(lambda network=network: network, example), "memory").value
            theirs = profiled_megabytes(network, example)
            print(f"| {name} | {ours:.3f} | {theirs:.3f} | {theirs / ours:.2f} |", flush=True)


if __name__ == "__main__":
    main()

"""How long the metrics take, next to one forward and backward pass and to the public zero-cost implementation.

    python experiments/speed/speed.py                 # the six of RoBoT, and one pass
    python experiments/speed/speed.py --all           # also each metric alone, and all together

Networks of NAS-Bench-201 (N = 5, C = 16), 64 random images of 3 x 32 x 32. Everything is measured in turn on every
network, several times; a figure is the mean over the networks of the fastest time. A pass is a plain
`loss.backward()` in PyTorch's default memory format. CPU time, which other processes disturb less, stands beside.
"""

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from public_procedure import PROCEDURE, score
from torch import Tensor, nn

from untrained.metrics import METRICS, ROBOT_METRICS, Metric, get_metrics
from untrained.probe import Probe
from untrained.runtime.memory import keep_freed_memory
from untrained.spaces import NASBench201

Step = Callable[[nn.Module], object]


def ours(metrics: Sequence[str | Metric], inputs: Tensor, targets: Tensor, second: tuple[Tensor, Tensor]) -> Step:
    """All of `metrics` on one probe. One that has no value for a network counts with the time it takes to say so."""
    found = get_metrics(metrics)
    second_order = any("Hessian" in m.needs for m in found)

    def step(net: nn.Module) -> None:
        probe = Probe(net, inputs, targets, second=second, second_order=second_order)
        for metric in found:
            try:
                metric(probe)
            except ValueError as error:
                failures.add(f"{metric.name}: {error}")

    return step


failures: set[str] = set()


def one_pass(inputs: Tensor, targets: Tensor, channels_last: bool = False) -> Step:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    inputs = inputs.contiguous(memory_format=layout)

    def step(net: nn.Module) -> None:
        net.to(memory_format=layout)  # type: ignore[call-overload]
        net.zero_grad()
        F.cross_entropy(net(inputs), targets).backward()

    return step


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--networks", type=int, default=8)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--threads", type=int, default=torch.get_num_threads())
    options.add_argument("--all", action="store_true", help="each metric alone, and all together")
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    keep_freed_memory()  # as in the processes of `compute_scores`; all that is measured gains by it

    space = NASBench201()
    archs = random.Random(0).sample(sorted({space.canonical(arch) for arch in space}), given.networks)
    torch.manual_seed(0)
    inputs, targets = torch.randn(64, 3, 32, 32), torch.randint(10, (64,))
    second = torch.randn(64, 3, 32, 32), torch.randint(10, (64,))
    nets = [space.build(arch) for arch in archs]

    steps: dict[str, Step] = {
        "one pass": one_pass(inputs, targets),
        "one pass, channels last": one_pass(inputs, targets, channels_last=True),
        "the six together": ours(ROBOT_METRICS, inputs, targets, second),
        "grasp": ours(["grasp"], inputs, targets, second),
    }
    for name in PROCEDURE:
        steps[f"public {name}"] = lambda net, name=name: score(name, net, inputs, targets)
    if given.all:
        steps |= {name: ours([name], inputs, targets, second) for name in METRICS}
        steps["all together"] = ours(list(METRICS), inputs, targets, second)

    best = {clock: defaultdict[str, dict[int, float]](dict) for clock in ("wall", "cpu")}
    for repeat in range(given.repeats):
        for number, net in enumerate(nets):
            for name, step in steps.items():
                net.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
                wall, cpu = time.perf_counter(), time.process_time()
                step(net)
                took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
                for clock, seconds in took.items():
                    before = best[clock][name].get(number, float("inf"))
                    best[clock][name][number] = min(before, seconds)
        print(f"# round {repeat + 1} of {given.repeats}", flush=True)

    mean = {c: {name: sum(times.values()) / len(times) for name, times in of.items()} for c, of in best.items()}
    for of in mean.values():
        of["public, the six"] = sum(of[f"public {name}"] for name in PROCEDURE)
    print(f"{given.networks} networks, {given.threads} threads, fastest of {given.repeats}")
    print(f"{'':28}{'seconds':>9}{'passes':>8}{'networks/s':>12}{'CPU seconds':>13}{'passes':>8}")
    for name in mean["wall"]:
        wall, cpu = mean["wall"][name], mean["cpu"][name]
        passes, cpu_passes = wall / mean["wall"]["one pass"], cpu / mean["cpu"]["one pass"]
        print(f"{name:28}{wall:9.3f}{passes:8.2f}{1 / wall:12.2f}{cpu:13.3f}{cpu_passes:8.2f}")
    for clock, of in mean.items():
        print(f"{clock}: the public procedure takes {of['public, the six'] / of['the six together']:.1f} times the six")
        if given.all:
            print(f"{clock}: all together take {of['all together'] / of['the six together']:.2f} times the six")
    for failure in sorted(failures):
        print(f"no value: {failure}")


if __name__ == "__main__":
    main()

"""A training step of this package beside the same step written out in plain PyTorch.

The network is one of NAS-Bench-201 with N = 5, C = 16 and 3 x 32 x 32 images in batches of 64, trained by SGD with
Nesterov momentum and a weight decay. Three ways are timed in turn, so that whatever else the machine does meets all:

    bare        one batch on the device, the same in each step: forward, backward, step of SGD
    bare last   the same, with images and weights channels last
    untrained   steps of a training: batches drawn from uint8 images, normalised, losses watched, the rate scheduled

    python experiments/speed/training_step.py [--threads 1] [--device cpu] [--precision float32] [--augment none]

Prints medians in milliseconds, and the ratio of the package to each bare one: by the clock, and of the processor,
which a busy machine lengthens less.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F

from untrained import ImageData, NASBench201, Recipe, TrainingObjective
from untrained.runtime.memory import keep_freed_memory

ARCH = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"
BATCH = 64


def bare_step(device: torch.device, precision: str, layout: torch.memory_format) -> Callable[[], None]:
    """Forward, backward and a step of SGD on one batch."""
    network: Any = NASBench201(N=5, C=16).build(ARCH)
    network.to(device, memory_format=layout)
    images = torch.randn(BATCH, 3, 32, 32, device=device).to(memory_format=layout)
    labels = torch.randint(10, (BATCH,), device=device)
    optimizer = torch.optim.SGD(network.parameters(), 0.025, momentum=0.9, nesterov=True, weight_decay=5e-4)
    dtype = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]
    scaler = torch.amp.GradScaler("cuda") if precision == "float16" else None

    def step() -> None:
        optimizer.zero_grad()
        with nullcontext() if dtype is None else torch.autocast(device.type, dtype):
            loss = F.cross_entropy(network(images), labels)
        if scaler is None:
            loss.backward()
            optimizer.step()
        else:
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()

    return step


def steps_of(function: Callable[[], Any], count: int, device: torch.device) -> tuple[float, float]:
    """Milliseconds of a step: by the clock, and of the processor."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    clock, processor = time.perf_counter(), time.process_time()
    for _ in range(count):
        function()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return 1e3 * (time.perf_counter() - clock) / count, 1e3 * (time.process_time() - processor) / count


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--augment", default="none")
    parser.add_argument("--steps", type=int, default=2, help="of each way at a time")
    parser.add_argument("--repeats", type=int, default=9)
    given = parser.parse_args()
    device = torch.device(given.device)
    torch.set_num_threads(given.threads)
    keep_freed_memory()
    pixels = torch.randint(256, (BATCH * given.steps, 3, 32, 32), dtype=torch.uint8)
    labels = torch.randint(10, (len(pixels),))
    rows: Any = torch.arange(len(pixels)).numpy()
    splits = {"train": rows, "valid": rows[:BATCH]}
    data = ImageData("noise", labels.numpy(), lambda rows: pixels[rows], splits, tuple("0123456789"))
    recipe = Recipe(epochs=10_000, precision=given.precision, augment=given.augment)
    objective = TrainingObjective(NASBench201(N=5, C=16), data, recipe, device=given.device, threads=given.threads)
    ways = {
        "bare": bare_step(device, given.precision, torch.contiguous_format),
        "bare last": bare_step(device, given.precision, torch.channels_last),
    }
    times = {name: list[tuple[float, float]]() for name in (*ways, "untrained")}
    with objective.begun(ARCH) as fit:
        fit.valid = None  # a step is timed, not a measurement
        for repeat in range(given.repeats + 1):
            found = {name: steps_of(way, given.steps, device) for name, way in ways.items()}
            whole = steps_of(fit.epoch, 1, device)
            found["untrained"] = whole[0] / given.steps, whole[1] / given.steps
            for name, value in found.items() if repeat else ():  # the first warms up
                times[name].append(value)
    for i, what in enumerate(("by the clock", "of the processor")):
        medians = {name: statistics.median(pair[i] for pair in values) for name, values in times.items()}
        told = ", ".join(f"{name} {value:.1f} ms" for name, value in medians.items())
        ratios = " and ".join(f"{medians['untrained'] / medians[name]:.3f} of {name}" for name in ways)
        print(f"{what}: {told}: {ratios}")


if __name__ == "__main__":
    main()

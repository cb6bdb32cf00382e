"""Figures of one network."""

import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from untrained.measuring.live import live_bytes
from untrained.measuring.runtimes import Runtime, running
from untrained.measuring.timing import timed
from untrained.metrics import METRICS
from untrained.probe import Probe
from untrained.probe.packing import packed
from untrained.runtime.devices import usable_device
from untrained.runtime.seeding import seeded
from untrained.runtime.threads import torch_threads


@dataclass(frozen=True)
class Measurement:
    """A figure and how it came about.

    Args:
        value: The figure, in its unit.
        details: Of a time its spread, passes, runtime, threads, batch and device (JSON).
    """

    value: float
    details: Mapping[str, Any] = field(default_factory=dict)


class Subject:
    """A network to be measured, built when it is needed.

    Args:
        build: Builds it.
        example: Its input as a batch of one.

    Example:
        >>> measured(Subject(lambda: nn.Linear(10, 5), torch.zeros(1, 10)), "memory").value
        0.00028
    """

    def __init__(self, build: Callable[[], nn.Module], example: Any = None) -> None:
        self.build = build
        self.example = example

    @cached_property
    def network(self) -> nn.Module:
        """The network."""
        with seeded(0), torch_threads(1):
            return self.build()

    def batch(self, n: int) -> Any:
        """The example n times."""
        return pytree.tree_map_only(Tensor, lambda part: torch.cat([part[:1]] * n), self.example)


def params(subject: Subject) -> Measurement:
    """Millions of parameters: what the metric of this name counts, without memory and initial weights."""
    with seeded(0):
        try:
            with torch.device("meta"):
                network = subject.build()
        except Exception:  # such as a network whose code looks at its weights
            network = subject.build()
    return Measurement(sum(weight.numel() for weight in network.parameters()) / 1e6)


def flops(subject: Subject) -> Measurement:
    """Millions of operations for one example, as the metric of this name counts them."""
    with seeded(0), torch_threads(1):
        return Measurement(METRICS["flops"](Probe(*packed(subject.network, subject.example))))


def memory(subject: Subject, batch: int = 1) -> Measurement:
    """Megabytes (10^6 bytes) that all tensors take at most during an inference, see `live_bytes`."""
    with seeded(0), torch_threads(1):
        return Measurement(live_bytes(subject.network, subject.batch(batch)) / 1e6)


def latency(
    subject: Subject, runtime: Runtime = "eager", threads: int = 1, batch: int = 1, device: str = "cpu"
) -> Measurement:
    """Milliseconds of an inference on this machine, see `timed`.

    Args:
        subject: The network.
        runtime: "eager", "compile" (`torch.compile`) or "onnx" (onnxruntime).
        threads: Of one operation on the CPU.
        batch: How many examples go through at a time.
        device: "cpu", "cuda", ...

    Raises:
        Unsteady: The passes differ too much.
        InputError: It has no ONNX form.
    """
    where = usable_device(device)
    with seeded(0), running(subject.network, subject.batch(batch), runtime, threads, where) as run:
        found = timed(run, own_core=threads == 1 and where.type == "cpu")
    details = asdict(found) | {"runtime": runtime, "threads": threads, "batch": batch, "device": device_name(where)}
    return Measurement(details.pop("median"), details)


FUNCTIONS: dict[str, Callable[..., Measurement]] = {
    "params": params,
    "flops": flops,
    "memory": memory,
    "latency": latency,
}
"""Name -> function, cheapest first. Further arguments are the options of the figure."""


def measured(subject: Subject, base: str, options: Mapping[str, Any] | None = None) -> Measurement:
    """Measures a figure.

    Args:
        subject: The network.
        base: One of `FIGURES`.
        options: See `Figure`.

    Raises:
        Exception: Whatever the network raises.
    """
    return FUNCTIONS[base](subject, **(options or {}))


@cache
def device_name(device: torch.device) -> str:
    """What a device calls itself: the model of the processor, or of the graphics card."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return device.type
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.processor() or platform.machine()

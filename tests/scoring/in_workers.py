"""What scoring processes import of the tests: little, so that they start soon."""

import os
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from toy import MLPs
from untrained.metrics import metric
from untrained.probe import Probe


@metric("waiting", paper="none")
def waiting(probe: Probe) -> float:
    """On the smallest network, waits for a file."""
    deadline = time.monotonic() + 60
    while len(probe.weights[0]) == 4 and not Path(os.environ["GO"]).exists():
        if time.monotonic() > deadline:
            raise TimeoutError("nobody went on without this network")
        time.sleep(0.01)
    return 1.0


@metric("breaks", paper="none")
def breaks(probe: Probe) -> float:
    if sum(p.numel() for p in probe.net.parameters()) > 300:
        raise torch.AcceleratorError("CUDA error: device-side assert triggered")
    return 1.0


@metric("perilous", paper="none")
def perilous(probe: Probe) -> float:
    """Kills its process on networks of depth 1, as a fault in a library would, and does not end on those of depth 3."""
    if len(probe.layers) == 2:
        os.abort()
    if len(probe.layers) == 4:
        time.sleep(1000)
    return 1.0


class TwoHeads(MLPs):
    """Class scores, and a number a sample."""

    def build(self, arch: str) -> torch.nn.Module:
        return Forked(super().build(arch))


class Forked(torch.nn.Module):
    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = self.net(x)
        return y, y.sum(1)


def two_losses(outputs: tuple[torch.Tensor, ...], targets: tuple[torch.Tensor, ...]) -> torch.Tensor:
    return F.cross_entropy(outputs[0], targets[0]) + F.l1_loss(outputs[1], targets[1])

"""Weights drawn anew, in the place of a network's own, for metrics whose formula asks for a certain distribution."""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor

from untrained.metrics.passes import frozen
from untrained.metrics.probe import NORM_MODULES, Probe

Draw = Callable[[Tensor, Generator], None]
"""Fills a layer's weight."""


def standard_normal(weight: Tensor, stream: Generator) -> None:
    """N(0, 1)."""
    weight.normal_(generator=stream)


def kaiming_normal(weight: Tensor, stream: Generator) -> None:
    """N(0, 2 / fan-in): He et al., ICCV 2015."""
    weight.normal_(0, math.sqrt(2 / weight[0].numel()), generator=stream)


def generator(probe: Probe) -> Generator:
    """A stream of random numbers that depends on the probe's seed alone."""
    return Generator(probe.inputs.device).manual_seed(probe.seed)


def redrawn(probe: Probe, draw: Draw, stream: Generator) -> dict[str, Tensor]:
    """The network's state with every layer's weight drawn anew, biases 0, and normalisations that scale by 1.

    Other parameters and all buffers are as they were. Nothing requires a gradient.
    """
    state = frozen(probe)
    with torch.no_grad():
        for layer in probe.layers:
            draw(state[layer.weight], stream)
            _fill(state, layer.name, "bias", 0)
        for name, module in probe.net.named_modules():
            if isinstance(module, NORM_MODULES):
                _fill(state, name, "weight", 1)
                _fill(state, name, "bias", 0)
    return state


def _fill(state: dict[str, Tensor], module: str, key: str, value: float) -> None:
    name = f"{module}.{key}" if module else key
    if name in state:
        state[name].fill_(value)

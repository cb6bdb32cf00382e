"""Weights drawn anew, for metrics whose formula asks for a certain distribution instead of the network's own."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor
from torch.nn.utils.parametrize import ParametrizationList

from untrained.probe.evaluation import detached_state
from untrained.probe.probe import Probe
from untrained.probe.runner import NORM_MODULES

Draw = Callable[[Tensor, Generator], None]
"""Fills a layer's weight with random numbers."""


def standard_normal(weight: Tensor, stream: Generator) -> None:
    """Draws from N(0, 1)."""
    weight.copy_(normal(weight.shape, stream))


def kaiming_normal(weight: Tensor, stream: Generator) -> None:
    """Draws from N(0, 2 / fan-in): He et al., ICCV 2015."""
    weight.copy_(normal(weight.shape, stream) * math.sqrt(2 / weight[0].numel()))


def generator(probe: Probe) -> Generator:
    """Returns a stream of random numbers that depends on the probe's seed alone.

    The numbers are drawn on the CPU, so that they are the same for any device.
    """
    return Generator().manual_seed(probe.seed)


def normal(shape: Sequence[int], stream: Generator) -> Tensor:
    """Draws from N(0, 1) in single precision, so that the numbers are the same in any precision and memory format.

    Example:
        >>> normal((2, 3), Generator().manual_seed(0)).dtype
        torch.float32
    """
    return torch.randn(tuple(shape), generator=stream, dtype=torch.float32)


def redrawn(probe: Probe, draw: Draw, stream: Generator, scale: float = 1.0) -> dict[str, Tensor]:
    """Returns the network's state with every layer's weight drawn anew, biases 0 and normalisations that scale by 1.

    Other parameters and all buffers keep their values. Nothing requires a gradient.

    Args:
        probe: A probe of the network.
        draw: Fills one weight.
        stream: The random numbers to fill it with, see `generator`.
        scale: What normalisations scale by.

    Raises:
        ValueError: If the batch is to go through in chunks.

    Example:
        >>> probe = Probe(torch.nn.Linear(3, 2), torch.ones(4, 3))
        >>> redrawn(probe, standard_normal, generator(probe))["bias"]
        tensor([0., 0.])
    """
    state = detached_state(probe)
    with torch.no_grad():
        for layer in probe.layers:
            draw(state[layer.weight], stream)
            owner = layer.name
            if isinstance(layer.module, ParametrizationList):  # the layer is the module two levels above
                owner = owner.rpartition("parametrizations")[0].rstrip(".")
            for key in probe.net.get_submodule(owner)._parameters:
                if "bias" in key:
                    _fill(state, owner, key, 0)
        for name, module in probe.net.named_modules():
            if isinstance(module, NORM_MODULES):
                _fill(state, name, "weight", scale)
                _fill(state, name, "bias", 0)
    return state


def _fill(state: dict[str, Tensor], module: str, key: str, value: float) -> None:
    name = f"{module}.{key}" if module else key
    if name in state:
        state[name].fill_(value)

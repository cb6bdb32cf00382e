"""Which dimension of a tensor holds the channels, as the tensor goes through the network."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from untrained.probe.functions import CONVOLUTIONS, MOVES


class Channels(NamedTuple):
    """The channels of a tensor.

    Attributes:
        order: The number of the layer that made them, among all.
        dimension: The dimension that they are in now.
    """

    order: int
    dimension: int


CHANNEL = "_untrained_channel"
"""The attribute in which a tensor of the pass says which of its dimensions holds the channels."""


class ChannelWatch(TorchFunctionMode):
    """A mode that can note on each tensor where its channels are: call `mark` after every function.

    Attributes:
        made: Layers so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.made = 0

    def mark(self, func: Any, args: Sequence[Any], kwargs: dict[str, Any], output: Tensor) -> None:
        """Notes which dimension of `output` holds the channels, if the function or what it was given tells."""
        if func in CONVOLUTIONS or func is F.linear:
            self.made += 1
            setattr(output, CHANNEL, Channels(self.made, output.ndim - 1 if func is F.linear else 1))
            return
        given = (t for arg in args for t in (arg if isinstance(arg, list | tuple) else (arg,)))
        known = [t for t in given if isinstance(t, Tensor) and hasattr(t, CHANNEL)]
        if known:
            first = min(known, key=lambda t: getattr(t, CHANNEL).order)
            channels: Channels = getattr(first, CHANNEL)
            if (channel := _after(func, first, channels.dimension, args, kwargs, output)) is not None:
                setattr(output, CHANNEL, Channels(channels.order, channel))


def _after(
    func: Any, x: Tensor, channel: int, args: Sequence[Any], kwargs: dict[str, Any], output: Tensor
) -> int | None:
    """Returns the dimension of `output` that dimension `channel` of `x` has become; None if that is not known."""
    if func in MOVES:
        marked = torch.empty([2 if d == channel else 1 for d in range(x.ndim)], device="meta")
        return func(marked, *args[1:], **kwargs).shape.index(2)
    if channel == x.ndim - 1 and output.ndim > 1 and output.shape[-1] == x.shape[-1]:
        return output.ndim - 1
    kept = channel < output.ndim and output.shape[channel] == x.shape[channel]
    return channel if kept and (output.ndim == x.ndim or channel == 1) else None

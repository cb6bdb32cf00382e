"""The channels-last memory format, in which convolutions and pools are faster on a CPU."""

import torch
from torch import Tensor


def prepared(x: Tensor) -> Tensor:
    """Returns `x`, channels last if that is faster."""
    if x.ndim == 4 and x.device.type == "cpu" and x.dtype == torch.float32:
        return x.contiguous(memory_format=torch.channels_last)
    return x


def is_prepared(x: Tensor) -> bool:
    """Tells whether `x` is in the format of `prepared`, and not in the default format at the same time."""
    return (
        x.ndim == 4
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.is_contiguous(memory_format=torch.channels_last)
        and not x.is_contiguous()
    )


def by_memory(x: Tensor) -> Tensor:
    """Flattens n x ... to n x numbers in the order of memory, which is the same for every sample, without a copy.

    Example:
        >>> x = torch.arange(8.0).view(1, 2, 2, 2).contiguous(memory_format=torch.channels_last)
        >>> by_memory(x)
        tensor([[0., 4., 1., 5., 2., 6., 3., 7.]])
    """
    if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
        x = x.permute(0, 2, 3, 1)
    return x.flatten(1) if x.ndim > 1 else x

"""The channels-last memory format: on a CPU, convolutions and pools take about half the time in it."""

import torch
from torch import Tensor


def prepared(x: Tensor) -> Tensor:
    """`x`, channels last where that is faster."""
    if x.ndim == 4 and x.device.type == "cpu" and x.dtype == torch.float32:
        return x.contiguous(memory_format=torch.channels_last)
    return x


def is_prepared(x: Tensor) -> bool:
    """Is `x` as `prepared` leaves it, and not in the default format as well?"""
    return (
        x.ndim == 4
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.is_contiguous(memory_format=torch.channels_last)
        and not x.is_contiguous()
    )


def by_memory(x: Tensor) -> Tensor:
    """n x ..., each sample's numbers in the order of memory: the same for every sample, and no copy."""
    if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
        x = x.permute(0, 2, 3, 1)
    return x.flatten(1) if x.ndim > 1 else x

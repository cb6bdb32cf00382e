"""Where in a tensor the samples are: mostly in the first dimension, but not in a sequence that comes first."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

Arrange = Callable[[Tensor], Tensor]
"""Brings a tensor of n samples into the shape n x ..., and another of the same shape likewise."""


def unchanged(t: Tensor) -> Tensor:
    return t


def resized(batch: Tensor) -> Tensor:
    """The first two samples; all of them twice, where there are no more: BatchNorm cannot do with one."""
    return batch[:2] if len(batch) > 2 else torch.cat([batch] * 2)


def samples_first(whole: Tensor, other: Tensor, n: int) -> Arrange | None:
    """How to bring `whole`, of n samples, into n x ...; None where it has nothing to do with samples.

    other: the same of another number of samples, of which the first are the same.

    Raises ValueError where it cannot be told.
    """
    if whole.shape == other.shape:
        return None
    if whole.ndim == other.ndim:
        d, *more = (d for d, (a, b) in enumerate(zip(whole.shape, other.shape, strict=True)) if a != b)
        parts, rest = divmod(whole.shape[d], n)
        if not more and not rest and other.shape[d] % parts == 0:
            if parts == 1:
                return partial(torch.movedim, source=d, destination=0)
            m = other.shape[d] // parts
            for order in (_sample_by_sample, _part_by_part):
                if same_outputs(order(whole, d=d, n=n)[: min(n, m)], order(other, d=d, n=m)[: min(n, m)]):
                    return partial(order, d=d, n=n)
    raise ValueError(f"where the {n} samples are in a tensor of shape {tuple(whole.shape)} cannot be told")


def _sample_by_sample(t: Tensor, *, d: int, n: int) -> Tensor:
    """Dimension d goes over samples, and in each over its parts, such as windows."""
    return t.unflatten(d, (n, -1)).movedim(d, 0)


def _part_by_part(t: Tensor, *, d: int, n: int) -> Tensor:
    """The other way round."""
    return t.unflatten(d, (-1, n)).movedim(d + 1, 0)


def same_outputs(together: Tensor, alone: Tensor) -> bool:
    """Are they the same numbers, but for rounding?"""
    if together.shape != alone.shape or not torch.isfinite(alone).all():
        return False
    return torch.allclose(together, alone, rtol=1e-3, atol=1e-4 * float(alone.detach().abs().max()))

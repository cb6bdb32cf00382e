"""In which dimension of a tensor the samples are: mostly the first, but not if, say, a sequence comes first."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

Arrange = Callable[[Tensor], Tensor]
"""Brings a tensor of n samples into the shape n x ..., and every other tensor of the same shape likewise."""


def unchanged(t: Tensor) -> Tensor:
    """The `Arrange` of tensors whose samples come first already."""
    return t


def resized(batch: Tensor) -> Tensor:
    """Returns a batch of another size: the first two samples, or all of them twice if there are only one or two.

    BatchNorm cannot run on a single sample.
    """
    return batch[:2] if len(batch) > 2 else torch.cat([batch] * 2)


def samples_first(whole: Tensor, other: Tensor, n: int) -> Arrange | None:
    """Finds the dimension of the samples by comparing two batch sizes.

    Args:
        whole: A tensor that a pass over n samples made.
        other: The same tensor of a pass over another number of samples, the first of which are the same samples.
        n: How many samples `whole` belongs to.

    Returns:
        How to bring `whole` into the shape n x ...; None if the tensor does not depend on the number of samples.

    Raises:
        ValueError: If the dimension cannot be told.

    Example:
        >>> arrange = samples_first(torch.zeros(7, 5, 3), torch.zeros(7, 2, 3), 5)
        >>> tuple(arrange(torch.zeros(7, 5, 3)).shape)
        (5, 7, 3)
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
    """Splits dimension d, which holds all parts (such as windows) of the first sample, then all of the second, ..."""
    return t.unflatten(d, (n, -1)).movedim(d, 0)


def _part_by_part(t: Tensor, *, d: int, n: int) -> Tensor:
    """Splits dimension d, which holds the first part of each sample, then the second part of each, ..."""
    return t.unflatten(d, (-1, n)).movedim(d + 1, 0)


def same_outputs(together: Tensor, alone: Tensor) -> bool:
    """Tells whether two tensors hold the same finite numbers, except for rounding."""
    if together.shape != alone.shape or not torch.isfinite(alone).all():
        return False
    return torch.allclose(together, alone, rtol=1e-3, atol=1e-4 * float(alone.detach().abs().max()))


def check_alone(together: Tensor, alone: Tensor) -> None:
    """Raises ValueError if the outputs of a sample in a batch differ from its outputs alone."""
    if not same_outputs(together, alone):
        raise ValueError("the outputs for one sample depend on the other samples: chunks would change the score")

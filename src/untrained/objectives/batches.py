"""Data on its way into a training: as a data set, in batches, augmented.

A batch is (inputs, targets); each is a tensor whose first dimension goes over samples, or tuples, lists and
dictionaries of such tensors.
"""

from collections.abc import Iterator
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    RandomSampler,
    SequentialSampler,
)

from untrained.data.prepared import in_memory
from untrained.errors import InputError
from untrained.runtime.seeding import seeded

Batch = tuple[Any, Any]

CROP_PADDING = 8
"""Augmentation pads by 1/8 of the side before cropping back: 4 pixels for 32 x 32, as in NAS-Bench-201."""


def batches(data: Dataset[Any], batch_size: int, device: torch.device, *, shuffle: bool) -> Iterator[Batch]:
    """Yields `data` in batches on `device`, images channels last.

    Args:
        shuffle: In random order; a last batch of one sample is then left out, as BatchNorm has no statistics of it.
    """
    sampler = RandomSampler(cast(Any, data)) if shuffle else SequentialSampler(cast(Any, data))
    if in_memory(data):
        # Indexed by a whole batch at once, far faster than sample by sample.
        loader = DataLoader(data, batch_size=None, sampler=BatchSampler(sampler, batch_size, drop_last=False))
    else:
        loader = DataLoader(data, batch_size, sampler=sampler)
    for inputs, targets in loader:
        if shuffle and len(pytree.tree_leaves(inputs)[0]) == 1 < batch_size:
            continue
        yield pytree.tree_map_only(Tensor, lambda t: t.to(device, memory_format=layout(t)), inputs), on(device, targets)


def layout(tensor: Tensor) -> torch.memory_format:
    """Channels last for images: the format in which convolutions train fastest, by 15 % and more."""
    return torch.channels_last if tensor.ndim == 4 else torch.preserve_format


def on(device: torch.device, values: Any) -> Any:
    """All tensors in `values` on `device`."""
    return pytree.tree_map_only(Tensor, lambda t: t.to(device), values)


def joined(parts: list[Any]) -> Any:
    """The outputs (or targets) of all batches as one: tensors are joined along their first dimension, and scalars
    stacked; anything else is taken from the first batch."""

    def join(*values: Any) -> Any:
        if not isinstance(values[0], Tensor):
            return values[0]
        return torch.cat(values) if values[0].ndim else torch.stack(values)

    return pytree.tree_map(join, *parts)


def check_augmentable(data: Dataset[Any]) -> None:
    """Raises `InputError` unless flips and crops of the inputs leave the targets right."""
    with seeded(0):
        inputs, targets = data[0]
    if not (isinstance(inputs, Tensor) and inputs.ndim == 3 and inputs.is_floating_point()):
        what = f"of shape {tuple(inputs.shape)}" if isinstance(inputs, Tensor) else f"a {type(inputs).__name__}"
        raise InputError(f"augment flips and crops images (channels x height x width): an input here is {what}")
    if any(torch.as_tensor(target).ndim > 1 for target in pytree.tree_leaves(targets)):
        raise InputError(
            "augment flips and crops the inputs, and the targets are images too, which would not go along: "
            "leave it out, or let the data set augment both"
        )


def augmented(inputs: Tensor) -> Tensor:
    """Each image (n x c x h x w) flipped left to right with probability 1/2, padded with zeros and cropped back."""
    n, _, h, w = inputs.shape
    pad = max(h // CROP_PADDING, 1)
    flip = torch.rand(n, device=inputs.device) < 0.5
    inputs = torch.where(flip[:, None, None, None], inputs.flip(3), inputs)
    padded = F.pad(inputs, (pad, pad, pad, pad))
    top, left = torch.randint(2 * pad + 1, (2, n), device=inputs.device)
    rows = top[:, None] + torch.arange(h, device=inputs.device)
    columns = left[:, None] + torch.arange(w, device=inputs.device)
    image = torch.arange(n, device=inputs.device)
    return padded[image[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)

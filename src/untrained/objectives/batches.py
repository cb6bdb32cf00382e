"""Data on its way into a training: as a data set, in batches, augmented.

A batch is (inputs, targets); each is a tensor whose first dimension goes over samples, or tuples, lists and
dictionaries of such tensors.
"""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
    default_collate,
)

from untrained.data import Images
from untrained.errors import InputError
from untrained.runtime.seeding import seeded

Data = Dataset[Any] | tuple[Any, Any]
"""A map-style data set of (input, target), or a pair of arrays or tensors (n x ..., n)."""

Batch = tuple[Any, Any]

CROP_PADDING = 8
"""Augmentation pads by 1/8 of the side before cropping back: 4 pixels for 32 x 32, as in NAS-Bench-201."""


def as_dataset(data: Data, what: str) -> Dataset[Any]:
    """`data` as a data set.

    Args:
        data: A data set or a pair of arrays.
        what: What errors call it, such as "training".

    Raises:
        InputError: It is empty, its arrays do not fit together or hold NaN, or its samples are no pairs.
    """
    if isinstance(data, tuple):
        data = _from_arrays(data, what)
    if isinstance(data, IterableDataset) or not hasattr(data, "__len__"):
        raise InputError(f"the {what} data, {type(data).__name__}, has no length: give a data set with __len__")
    if len(cast(Any, data)) == 0:
        raise InputError(f"the {what} data is empty")
    with seeded(0):
        sample = data[0]
    if not (isinstance(sample, tuple | list) and len(sample) == 2):
        raise InputError(f"a sample of the {what} data is a {type(sample).__name__}: give pairs (input, target)")
    return data


def _from_arrays(pair: tuple[Any, Any], what: str) -> TensorDataset:
    inputs, targets = (torch.as_tensor(array) for array in pair)
    if len(inputs) != len(targets):
        raise InputError(f"the {what} data has {len(inputs)} inputs but {len(targets)} targets")
    for name, tensor in (("inputs", inputs), ("targets", targets)):
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise InputError(f"the {what} data's {name} hold NaN or infinite values")
    inputs = inputs.float() if inputs.dtype == torch.float64 else inputs
    return TensorDataset(inputs, targets if targets.is_floating_point() else targets.long())


def batches(data: Dataset[Any], batch_size: int, device: torch.device, *, shuffle: bool) -> Iterator[Batch]:
    """Yields `data` in batches on `device`, images channels last.

    Args:
        shuffle: In random order; a last batch of one sample is then left out, as BatchNorm has no statistics of it.
    """
    sampler = RandomSampler(cast(Any, data)) if shuffle else SequentialSampler(cast(Any, data))
    if isinstance(data, TensorDataset | Images):
        # Indexed by a whole batch at once, far faster than sample by sample.
        loader = DataLoader(data, batch_size=None, sampler=BatchSampler(sampler, batch_size, drop_last=False))
    else:
        loader = DataLoader(data, batch_size, sampler=sampler)
    for inputs, targets in loader:
        if shuffle and len(pytree.tree_leaves(inputs)[0]) == 1 < batch_size:
            continue
        yield pytree.tree_map_only(Tensor, lambda t: t.to(device, memory_format=layout(t)), inputs), on(device, targets)


def drawn_batch(data: Dataset[Any], n: int, seed: int, *, second: bool = False) -> Batch:
    """`n` samples drawn with `seed`, without replacement; with `second`, `n` others.

    Raises:
        InputError: The data set has too few samples.
    """
    length = len(cast(Any, data))
    most = length // 2 if second else length
    if not 1 <= n <= most:
        raise InputError(f"batch size {n}: the training data has {length} samples: give 1 to {most}")
    rng = np.random.default_rng(seed)
    rows = rng.choice(length, n, replace=False)
    if second:
        rows = rng.choice(np.setdiff1d(np.arange(length), rows), n, replace=False)
    if isinstance(data, TensorDataset | Images):
        inputs, targets = data[torch.from_numpy(rows)]
    else:
        with seeded(seed):
            inputs, targets = default_collate([data[int(row)] for row in rows])
    return inputs, targets


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

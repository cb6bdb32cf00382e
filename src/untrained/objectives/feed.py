"""A split on its way into a network: raw batches on the device.

A batch is (inputs, targets); each is a tensor whose first dimension goes over samples, or tuples, lists and
dictionaries of such tensors.
"""

from collections.abc import Callable, Iterator
from copy import copy
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from torch import Generator, Tensor
from torch.utils import _pytree as pytree
from torch.utils.data import ConcatDataset, DataLoader, Dataset, TensorDataset

from untrained.data.decoded import Decoded, Loaded
from untrained.objectives.memory import free_memory
from untrained.runtime.cores import cores

Batch = tuple[Any, Any]
Check = Callable[[Any, Tensor], None]

MOST_OF_DEVICE = 0.25
"""Part of a device's free memory that one split may take; more comes batch by batch from the main memory."""


class Feed:
    """A split in batches.

    Samples in memory lie on the device as they are, pixels as uint8, if they take at most a quarter of its free memory:
    a batch is a selection there. All others come through PyTorch's `DataLoader`, by its `collate_fn` if the data set
    has an attribute of this name.

    Args:
        data: Pairs (raw input, target).
        batch_size: Samples of a batch.
        device: Where batches are wanted.
        workers: Processes that read the samples which are not in memory; None for all cores but one if images are
            decoded, and none for data sets of a user's own, whose random numbers then come from this process.
        check: Called with (targets, the numbers of their samples) of what is read, before it is used.

    Example:
        >>> feed = Feed(TensorDataset(torch.arange(5.0), torch.arange(5)), 2, torch.device("cpu"))
        >>> [targets.tolist() for _, targets in feed.batches(shuffle=False)]
        [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        data: Dataset[Any],
        batch_size: int,
        device: torch.device,
        workers: int | None = None,
        check: Check | None = None,
    ) -> None:
        self.data = data
        self.batch_size = batch_size
        self.device = device
        self.workers = (cores() - 1 if isinstance(data, Decoded) else 0) if workers is None else workers
        self.check = check

    def __len__(self) -> int:
        return len(cast(Any, self.data))

    @cached_property
    def _tensors(self) -> tuple[Tensor, Tensor] | None:
        """Inputs and targets, on the device if they fit; None if they are not in memory."""
        if not isinstance(self.data, TensorDataset):
            return None
        inputs, targets = self.data.tensors
        if self.check is not None and isinstance(self.data, Loaded) and self.data.labels is None:
            self.check(targets, torch.arange(len(targets)))
        size = sum(tensor.numel() * tensor.element_size() for tensor in (inputs, targets))
        if size > MOST_OF_DEVICE * free_memory(self.device):
            return inputs, targets
        return inputs.to(self.device), targets.to(self.device)

    def resized(self, batch_size: int) -> "Feed":
        """The same samples, and the same tensors of them, in batches of another size."""
        self._tensors  # noqa: B018 - put on the device once, for both
        twin = copy(self)
        twin.batch_size = batch_size
        return twin

    def check_all(self) -> None:
        """Looks at all targets, if they are in memory: before anything is spent."""
        if isinstance(self.data, Decoded | Loaded):  # no image is decoded for this
            known = self.data.labels
        elif isinstance(self.data, TensorDataset):
            known = self.data.tensors[1]
        else:
            known = getattr(self.data, "targets", None)
        if self.check is not None and isinstance(known, Tensor):
            self.check(known, torch.arange(len(known)))

    def batches(self, *, shuffle: bool) -> Iterator[Batch]:
        """Yields all samples in batches on the device.

        Args:
            shuffle: In random order; a last batch of one sample is then left out, as BatchNorm has no statistics of it.
        """
        # Two numbers are drawn, as a DataLoader draws them: a seed of the workers, and one of the order.
        of_workers, order = _drawn(), torch.arange(len(self))
        if shuffle:
            order = torch.randperm(len(self), generator=Generator().manual_seed(_drawn()))
        parts = list(order.split(self.batch_size))
        if shuffle and len(parts[-1]) == 1 < self.batch_size:
            del parts[-1]
        return self._loaded(parts, of_workers) if self._tensors is None else self._selected(self._tensors, parts)

    def _selected(self, tensors: tuple[Tensor, Tensor], parts: list[Tensor]) -> Iterator[Batch]:
        inputs, targets = tensors
        for part in parts:
            places = part.to(inputs.device)
            yield on(self.device, (inputs[places], targets[places]))

    def _loaded(self, parts: list[Tensor], seed: int) -> Iterator[Batch]:
        data, places = self.data, [part.tolist() for part in parts]
        how: dict[str, Any] = {
            "num_workers": min(self.workers, len(parts)),
            "pin_memory": self.device.type == "cuda",
            "generator": Generator().manual_seed(seed),
        }
        if isinstance(data, Decoded):
            loader = DataLoader(_Whole(data), batch_size=None, sampler=cast(Any, places), **how)
        else:
            collate = getattr(data, "collate_fn", None)
            loader = DataLoader(data, batch_sampler=places, collate_fn=collate, **how)
        for part, (inputs, targets) in zip(parts, loader, strict=True):
            if self.check is not None:
                self.check(targets, part)
            yield on(self.device, (inputs, targets))


class _Whole(Dataset[Any]):
    """Decoded images by batches: an index is the numbers of a batch's samples.

    Args:
        data: The images.
    """

    def __init__(self, data: Decoded) -> None:
        self._data = data

    def __getitem__(self, index: Any) -> tuple[Tensor, Tensor]:
        return self._data.batch(index)


def together(first: Dataset[Any], second: Dataset[Any]) -> Dataset[Any]:
    """Two splits as one, such as the training and validation data for a last training.

    Args:
        first: Pairs (raw input, target).
        second: Pairs of the same form.

    Returns:
        In memory if both are.
    """
    if isinstance(first, TensorDataset) and isinstance(second, TensorDataset):
        return TensorDataset(*map(torch.cat, zip(first.tensors, second.tensors, strict=True)))
    if isinstance(first, Decoded) and isinstance(second, Decoded) and first.images == second.images:
        return Decoded(first.images, np.concatenate([first.rows, second.rows]), first.targets)
    both = ConcatDataset([first, second])
    if hasattr(first, "collate_fn"):
        cast(Any, both).collate_fn = cast(Any, first).collate_fn
    return both


def on(device: torch.device, values: Any) -> Any:
    """All tensors in `values` on `device`."""
    return pytree.tree_map_only(Tensor, lambda t: t.to(device, non_blocking=True), values)


def layout(tensor: Tensor) -> torch.memory_format:
    """Channels last for images: the format in which convolutions train fastest, by 15 % and more."""
    return torch.channels_last if tensor.ndim == 4 else torch.preserve_format


def joined(parts: list[Any]) -> Any:
    """The outputs (or targets) of all batches as one: tensors are joined along their first dimension, and scalars
    stacked; anything else is taken from the first batch."""

    def join(*values: Any) -> Any:
        if not isinstance(values[0], Tensor):
            return values[0]
        return torch.cat(values) if values[0].ndim else torch.stack(values)

    return pytree.tree_map(join, *parts)


def _drawn() -> int:
    return int(torch.empty((), dtype=torch.int64).random_().item())

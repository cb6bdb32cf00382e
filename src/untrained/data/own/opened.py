"""What a user gave for a split, opened: a data set, and maybe how its samples become batches."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    TensorDataset,
    default_collate,
)

from untrained.data.own.parts import CHANNELS, as_input, as_tensor
from untrained.data.own.samples import length_of
from untrained.errors import InputError, InputWarning, shown, warn

Collate = Callable[[list[Any]], Any]


@dataclass(frozen=True, eq=False)
class Opened:
    """Data of one split.

    Args:
        data: A map-style data set.
        collate: Its samples -> a batch; None for PyTorch's own way.
        batch_size: What a loader asked for.
    """

    data: Any
    collate: Collate | None = None
    batch_size: int | None = None

    @property
    def single(self) -> Any:
        """The samples, one by one, as a batch has them."""
        return self.data if self.collate is None else Alone(self.data, self.collate)

    def taken(self, rows: Any) -> "Opened":
        """Some of the samples."""
        if isinstance(self.data, TensorDataset):
            places = torch.as_tensor(np.asarray(rows))
            return Opened(TensorDataset(*(tensor[places] for tensor in self.data.tensors)), None, self.batch_size)
        return Opened(Subset(self.data, [int(row) for row in rows]), self.collate, self.batch_size)


class Alone(Dataset[Any]):
    """Samples as batches of one have them, without the first dimension.

    Args:
        data: A data set.
        collate: Its samples -> a batch.
    """

    def __init__(self, data: Any, collate: Collate) -> None:
        self.data, self.collate = data, collate

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> Any:
        batch = self.collate([self.data[index]])
        batch = dict(batch) if isinstance(batch, Mapping) else batch
        return pytree.tree_map_only(Tensor, lambda t: t[0], batch)


class Rows(Dataset[Any]):
    """Pairs from tensors in tuples or dictionaries, each n x ...

    Args:
        inputs: The inputs of n samples.
        targets: Their targets.
    """

    def __init__(self, inputs: Any, targets: Any) -> None:
        self.inputs, self.targets = inputs, targets

    def __len__(self) -> int:
        return len(pytree.tree_leaves(self.inputs)[0])

    def __getitem__(self, index: int) -> Any:
        return pytree.tree_map(lambda part: part[index], (self.inputs, self.targets))


def opened(given: Any, what: str) -> Opened:
    """Opens the data of a split.

    Args:
        given: A map-style data set or a list of samples, a `DataLoader`, or a pair of arrays (n x ..., n).
        what: What messages call it, such as "training".

    Raises:
        InputError: It is none of these, is empty, or arrays do not fit together or hold NaN.
    """
    if isinstance(given, str | bytes) or hasattr(given, "__fspath__"):
        raise InputError(f"the {what} data is {shown(given, 60)}: give data sets or arrays for all splits, or files")
    if isinstance(given, DataLoader):
        return _of_loader(given, what)
    if isinstance(given, tuple):
        if len(given) != 2:
            raise InputError(f"the {what} data is a tuple of {len(given)}: give a pair of arrays (inputs, targets)")
        given = _of_arrays(*given, what)
    if isinstance(given, IterableDataset):
        raise InputError(f"the {what} data, {type(given).__name__}, has no length: give a map-style data set")
    length_of(given, what)
    if isinstance(given, TensorDataset) and len(given.tensors) == 2:
        given = _checked(*given.tensors, what)
    return Opened(given)


def is_arrays(given: Any) -> bool:
    """Tells whether something is an array, a tensor, a list of numbers, or a dictionary or tuple of such.

    Args:
        given: Anything.
    """
    if isinstance(given, Mapping):
        return bool(given) and all(map(is_arrays, given.values()))
    return isinstance(given, Tensor | np.ndarray) or hasattr(given, "__array__") or isinstance(given, list)


def _of_loader(loader: DataLoader[Any], what: str) -> Opened:
    if isinstance(loader.dataset, IterableDataset):
        name = type(loader.dataset).__name__
        raise InputError(f"the {what} data, a DataLoader of {name}, has no length: give a map-style data set")
    if loader.batch_sampler is None:
        raise InputError(f"the {what} data, a DataLoader without batch_size, has no samples: give its data set")
    length_of(loader.dataset, what)
    if not isinstance(loader.sampler, RandomSampler | SequentialSampler):
        note = f"its {type(loader.sampler).__name__} is not used: each sample is taken once an epoch, in random order"
        warn(f"the {what} data is a DataLoader: {note}", InputWarning)
    own = loader.collate_fn is not default_collate
    return Opened(loader.dataset, loader.collate_fn if own else None, loader.batch_size)


def _of_arrays(inputs: Any, targets: Any, what: str) -> Dataset[Any]:
    for name, given in (("inputs", inputs), ("targets", targets)):
        if not is_arrays(given) and not (isinstance(given, tuple) and all(map(is_arrays, given))):
            raise InputError(f"the {what} data's {name} are a {type(given).__name__}: give arrays, n x ...")
    if not all(isinstance(part, Mapping | tuple) for part in (inputs, targets)) and not any(
        isinstance(part, Mapping | tuple) for part in (inputs, targets)
    ):
        return _checked(_array(inputs, f"the {what} data's inputs"), _targets(targets, what), what)
    parts = {}
    for name, given in (("inputs", inputs), ("targets", targets)):
        parts[name] = pytree.tree_map(
            lambda part, called=name: _finite(_array(part, f"the {what} data's {called}"), called, what), given
        )
    counts = {len(leaf) for leaf in pytree.tree_leaves(parts)}
    if len(counts) > 1:
        raise InputError(f"the {what} data has arrays of {sorted(counts)} samples: give as many in each")
    return Rows(parts["inputs"], parts["targets"])


def _array(given: Any, what: str) -> Tensor:
    given = given if isinstance(given, Tensor | np.ndarray | list) else np.asarray(given)
    tensor = as_tensor(given, what)
    if tensor.ndim == 0:
        raise InputError(f"{what} are one number: give n x ...")
    return tensor


def _targets(given: Any, what: str) -> Any:
    """A tensor, or names of classes."""
    array = given if isinstance(given, Tensor) else np.asarray(given)
    if isinstance(array, np.ndarray) and array.dtype.kind in "USO" and all(isinstance(v, str) for v in array.flat):
        return array.reshape(-1).astype(object)
    return _array(given, f"the {what} data's targets")


def _checked(inputs: Tensor, targets: Any, what: str) -> Dataset[Any]:
    if len(inputs) != len(targets):
        raise InputError(f"the {what} data has {len(inputs)} inputs but {len(targets)} targets")
    inputs = _images(_finite(inputs, "inputs", what), what)
    inputs = as_input(inputs, "an input")
    if isinstance(targets, np.ndarray):
        return Rows(inputs, targets)
    return TensorDataset(inputs, _finite(targets, "targets", what))


def _finite(tensor: Tensor, name: str, what: str) -> Tensor:
    if tensor.is_floating_point() and not torch.isfinite(tensor).all():
        wrong = ~torch.isfinite(tensor).reshape(len(tensor), -1).all(1)
        row = int(wrong.int().argmax())
        raise InputError(f"the {what} data's {name} hold NaN or infinite values, sample {row} first: fill them in")
    return tensor


def _images(inputs: Tensor, what: str) -> Tensor:
    """Pixels as n x c x h x w; other inputs as they are."""
    if inputs.dtype != torch.uint8 or inputs.ndim not in (3, 4):
        return inputs
    if inputs.ndim == 3:
        return inputs[:, None]
    if inputs.shape[3] in CHANNELS and inputs.shape[1] not in CHANNELS:
        note = f"the {what} data's inputs are {tuple(inputs.shape)}: the last dimension is taken for the channels"
        warn(note, InputWarning)
        return inputs.permute(0, 3, 1, 2).contiguous()
    return inputs

"""Data sets of PyTorch, and arrays, as a user has them."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, cast

import torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from untrained.data.base import Data
from untrained.data.content import content_of
from untrained.data.load import load_data
from untrained.data.preparation import AsIs
from untrained.data.targets import task_of
from untrained.data.task import Task
from untrained.errors import InputError, listed, shown
from untrained.runtime.seeding import seeded

Given = Dataset[Any] | tuple[Any, Any]
"""A map-style data set of (input, target), or a pair of arrays or tensors (n x ..., n)."""

CALLED = {"train": "training", "valid": "validation", "test": "test"}


class DatasetData(Data):
    """Data sets of a user's own, which give inputs of networks as they are.

    Args:
        train: A data set of pairs (input, target), or a pair of arrays (n x ..., n). An input or a target may be a
            tensor, or tuples, lists and dictionaries of tensors; the network and the loss get them as they are.
        valid: Data of the same form, for the value of an architecture.
        test: Data of the same form, for the final pick only.
        name: What studies call the data.
        task: What is to be predicted; if None, told from the first target.

    Raises:
        InputError: Something of it cannot be used.

    Example:
        >>> x, y = torch.zeros(4, 3), torch.tensor([0, 1, 0, 1])
        >>> data = DatasetData((x, y), (x, y))
        >>> data.task.kind, data.facts
        ('classification', {'num_classes': 2, 'in_features': 3})
    """

    def __init__(
        self, train: Given, valid: Given, test: Given | None = None, *, name: str = "arrays", task: Task | None = None
    ) -> None:
        self.name = name
        self._raw = {"train": as_dataset(train, CALLED["train"]), "valid": as_dataset(valid, CALLED["valid"])}
        if test is not None:
            self._raw["test"] = as_dataset(test, CALLED["test"])
        if len(cast(Any, self._raw["train"])) < 2:
            raise InputError("the training data has 1 sample: give at least 2")
        self._task = task or task_of(self._raw["train"])

    @property
    def task(self) -> Task:
        """What is to be predicted."""
        return self._task

    @property
    def preparation(self) -> AsIs:
        """None: samples are inputs of the network already."""
        return AsIs()

    @property
    def fingerprint(self) -> Any:
        """A hash of the training and validation data."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> Any:
        return [content_of(self._raw[name]) for name in ("train", "valid")]

    def raw(self, name: str) -> Dataset[Any] | None:
        return self._raw.get(name)


def as_data(given: Any) -> Data:
    """Makes a data set of what a user gave.

    Args:
        given: `Data`; a name, file or folder (see `load_data`); or {"train": ..., "valid": ..., "test": ...} of data
            sets of PyTorch or pairs of arrays.

    Returns:
        The data.

    Raises:
        InputError: It is none of these.

    Example:
        >>> as_data("digits").name
        'digits'
    """
    if isinstance(given, Data):
        return given
    if isinstance(given, str) or hasattr(given, "__fspath__"):
        return load_data(given)
    if isinstance(given, Mapping):
        if not {"train", "valid"} <= given.keys() <= CALLED.keys():
            raise InputError(
                f"data of the splits {listed(given)}: give 'train' and 'valid', and 'test' if there is one"
            )
        return DatasetData(**given)
    raise InputError(
        f"{shown(given)} is no data: give a file, a folder, or data sets as {{'train': ..., 'valid': ...}}"
    )


def as_dataset(data: Given, what: str) -> Dataset[Any]:
    """Makes a data set of arrays, and looks at its first sample.

    Args:
        data: A data set or a pair of arrays.
        what: What errors call it, such as "training".

    Returns:
        The data set.

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

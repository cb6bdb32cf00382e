"""What a data set is, of whatever kind: a task, splits, and a preparation."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from untrained.data.preparation import Preparation
from untrained.data.prepared import Prepared, in_memory
from untrained.data.source import Rows
from untrained.data.task import Task
from untrained.errors import InputError
from untrained.runtime.seeding import seeded


class Data(ABC):
    """A data set, split once and for all into train, valid and, mostly, test.

    A subclass gives `name`, `task`, `preparation`, `fingerprint` and `raw`.

    Attributes:
        name: What messages and studies call it.
        samples: What messages call its samples, such as "images".
        batch_size: Samples of a training step that the data asks for, as a `DataLoader` does; None if it does not.

    Example:
        >>> from untrained import load_data
        >>> load_data("digits").facts
        {'num_classes': 10, 'in_channels': 1, 'image_size': 8}
    """

    name: str
    samples: str = "samples"
    batch_size: int | None = None

    @property
    @abstractmethod
    def task(self) -> Task:
        """What is to be predicted."""

    @property
    @abstractmethod
    def preparation(self) -> Preparation:
        """What makes inputs of a network of raw inputs."""

    @property
    @abstractmethod
    def fingerprint(self) -> Any:
        """What stands for all of the data (JSON): inputs, targets, classes and splits."""

    @abstractmethod
    def raw(self, name: str) -> Dataset[Any] | None:
        """The samples of a split as they were read, pairs (raw input, target).

        Args:
            name: "train", "valid" or "test".

        Returns:
            A map-style data set; None if there is no such split.
        """

    @property
    def facts(self) -> dict[str, Any]:
        """What a space may want to know, under the names of spaces' options.

        Returns:
            `num_classes` (the outputs of a network), and of images `in_channels` and `image_size` (h, or (h, w)), of
            images with masks `task` ("segmentation"), of tables `in_features`, of sequences `length` and `vocabulary`.
        """
        known: dict[str, Any] = {} if self.task.outputs is None else {"num_classes": self.task.outputs}
        inputs = self.example
        if isinstance(inputs, Tensor) and inputs.ndim == 4:
            h, w = inputs.shape[2:]
            known |= {"in_channels": inputs.shape[1], "image_size": h if h == w else (h, w)}
            known |= {"task": "segmentation"} if self.task.kind == "segmentation" else {}
        elif isinstance(inputs, Tensor) and inputs.ndim == 2 and inputs.is_floating_point():
            known["in_features"] = inputs.shape[1]
        elif isinstance(inputs, Tensor) and inputs.ndim == 2:
            known["length"] = inputs.shape[1]
        return known

    @cached_property
    def example(self) -> Any:
        """One prepared training input, as a batch of one."""
        with seeded(0):
            inputs, _ = self.split("train").batch([0])
        return inputs

    def split(self, name: str) -> Prepared:
        """All samples of a split, prepared: inputs as a network takes them, targets as it learns them.

        Args:
            name: "train", "valid" or "test".

        Raises:
            InputError: There is no such split.

        Example:
            >>> from untrained import load_data
            >>> image, label = load_data("digits").split("test")[0]
            >>> image.shape
            torch.Size([1, 8, 8])
        """
        raw = self.raw(name) if name in ("train", "valid", "test") else None
        if raw is None:
            known = [split for split in ("train", "valid", "test") if self.raw(split) is not None]
            raise InputError(f"unknown split {name!r} of {self.name}: choose from {', '.join(known)}")
        return Prepared(raw, self.preparation, self.task)

    def batch(self, n: int, seed: int = 0) -> tuple[Any, Any]:
        """Draws training samples for metrics to see.

        Args:
            n: How many.
            seed: Decides which.

        Returns:
            The n prepared inputs, and their targets.

        Raises:
            InputError: There are fewer training samples.

        Example:
            >>> from untrained import load_data
            >>> inputs, labels = load_data("digits").batch(32)
            >>> inputs.shape, labels.shape
            (torch.Size([32, 1, 8, 8]), torch.Size([32]))
        """
        return self._samples(self._drawn(n, seed)[0], seed)

    def second_batch(self, n: int, seed: int = 0) -> tuple[Any, Any]:
        """Draws as `batch(n, seed)` does, none of its samples.

        Args:
            n: How many.
            seed: Decides which.

        Raises:
            InputError: There are fewer than 2n training samples.

        Example:
            >>> from untrained import load_data
            >>> inputs, labels = load_data("digits").second_batch(32)
        """
        first, rng = self._drawn(n, seed)
        rest = np.setdiff1d(np.arange(len(self.split("train"))), first)
        if n > len(rest):
            raise InputError(
                f"batch size {n}: two batches need {2 * n} training {self.samples}, {self.name} has {len(rest) + n}: "
                f"give at most {(len(rest) + n) // 2}"
            )
        return self._samples(rng.choice(rest, n, replace=False), seed)

    def _drawn(self, n: int, seed: int) -> tuple[Rows, np.random.Generator]:
        length = len(self.split("train"))
        if not 1 <= n <= length:
            raise InputError(f"batch size {n}: {self.name} has {length} training {self.samples}: give 1 to {length}")
        rng = np.random.default_rng(seed)
        return rng.choice(length, n, replace=False), rng

    def _samples(self, places: Rows, seed: int) -> tuple[Any, Any]:
        data = self.split("train")
        if in_memory(data):
            return data[torch.from_numpy(places)]
        with seeded(seed):  # augmentation inside of a user's data set
            return data.batch([int(place) for place in places])

    def about(self) -> dict[str, Any]:
        """What a folder of a search remembers of the data (JSON)."""
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "task": self.task.to_json(),
            "preparation": self.preparation.to_json(),
            "facts": self.facts,
            "sizes": {name: _length(self.raw(name)) for name in ("train", "valid", "test")},
        }

    def rows(self) -> Mapping[str, Rows] | None:
        """Which rows of the source each split has; None if the splits are given as data sets of their own."""
        return None

    def files(self) -> list[str] | None:
        """The file that each row was read from; None if rows are no files."""
        return None


def _length(data: Dataset[Any] | None) -> int:
    return 0 if data is None else len(cast(Any, data))

"""Images and labels, split once and for all into train, valid and test."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from untrained.data.base import Data
from untrained.data.decoded import Decoded
from untrained.data.preparation import Normalisation
from untrained.data.source import Pixels, Rows, hash_of
from untrained.data.task import Task

STATISTICS_FROM = 2_048
"""Training images from which the mean and standard deviation of each channel are taken."""
MOST_VALUES = 2**28
"""Fewer are taken if they hold more numbers than these: one gigabyte."""
SPREAD = 256
"""Images that stand for all of them, if nothing else tells the content."""


@dataclass(frozen=True, eq=False)
class ImageData(Data):
    """A data set of images, each of one class.

    Args:
        name: What messages and studies call it.
        labels: The n classes, 0 to K - 1.
        pixels: Gives the images of some rows, m x c x h x w, decoded only when asked for.
        splits: The rows of "train", "valid" and "test".
        classes: The names of the K classes; their numbers if empty.
        content: Gives a hash of all images; that of images spread over the whole data if None.

    Example:
        >>> from untrained import load_data
        >>> data = load_data("digits")
        >>> data.shape, data.num_classes, len(data.split("train"))
        ((1, 8, 8), 10, 1079)
    """

    name: str
    labels: NDArray[np.int64]
    pixels: Pixels
    splits: Mapping[str, Rows]
    classes: tuple[str, ...] = ()
    content: Callable[[], str] | None = None

    samples = "images"

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.classes) or int(self.labels.max()) + 1

    @property
    def task(self) -> Task:
        """Classification."""
        return Task("classification", self.num_classes, self.classes)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """c x h x w."""
        return tuple(self.pixels(self.splits["train"][:1]).shape[1:])

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that stand for all of the data: images, labels, classes and splits."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        content = self._spread() if self.content is None else self.content()
        rows = [part for name in sorted(self.splits) for part in (name, self.splits[name].tobytes())]
        return hash_of(content, self.labels.tobytes(), "\n".join(self.classes), *rows)

    @property
    def preparation(self) -> Normalisation:
        """Normalisation by the mean and standard deviation of each channel over the first training images."""
        return self._preparation

    @cached_property
    def _preparation(self) -> Normalisation:
        count = min(STATISTICS_FROM, max(1, MOST_VALUES // math.prod(self.shape)))
        sample = self.pixels(self.splits["train"][:count]).float()
        std, mean = torch.std_mean(sample, dim=(0, 2, 3), correction=0)
        return Normalisation(tuple(mean.tolist()), tuple(torch.where(std > 0, std, 1.0).tolist()))

    @cached_property
    def _raw(self) -> dict[str, Dataset]:
        return {name: Decoded(self.pixels, rows, self.labels[rows]).loaded for name, rows in self.splits.items()}

    def raw(self, name: str) -> Dataset | None:
        return self._raw.get(name)

    def rows(self) -> Mapping[str, Rows]:
        return self.splits

    def _spread(self) -> str:
        rows = np.unique(np.linspace(0, len(self.labels) - 1, SPREAD).round().astype(np.int64))
        return hash_of(*(self.pixels(rows[i : i + 1]).numpy().tobytes() for i in range(len(rows))))

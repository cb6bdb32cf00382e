"""Images and labels, split once and for all into train, valid and test."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from untrained.data.source import Pixels, Rows, hash_of
from untrained.errors import InputError

STATISTICS_FROM = 2_048
"""Training images from which the mean and standard deviation of each channel are taken."""
MOST_VALUES = 2**28
"""Fewer are taken if they hold more numbers than these: one gigabyte."""
SPREAD = 256
"""Images that stand for all of them, if nothing else tells the content."""


class Images(Dataset[tuple[Tensor, Tensor]]):
    """Normalised images and their labels; indexed by one number or by a list of them.

    Args:
        pixels: n x c x h x w.
        labels: n integers.
        mean: c x 1 x 1, of the training images.
        std: c x 1 x 1, likewise.

    Example:
        >>> images = Images(torch.ones(3, 1, 2, 2), torch.tensor([0, 1, 0]), torch.ones(1, 1, 1), torch.ones(1, 1, 1))
        >>> len(images), images[1][0].sum(), images[[0, 2]][1]
        (3, tensor(0.), tensor([0, 0]))
    """

    def __init__(self, pixels: Tensor, labels: Tensor, mean: Tensor, std: Tensor) -> None:
        self.pixels = pixels
        self.labels = labels
        self.mean = mean
        self.std = std

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: Any) -> tuple[Tensor, Tensor]:
        return (self.pixels[index].float() - self.mean) / self.std, self.labels[index]


@dataclass(frozen=True, eq=False)
class ImageData:
    """A data set of images, each of one class.

    Args:
        name: what messages and studies call it.
        labels: the n classes, 0 to K - 1.
        pixels: gives the images of some rows, m x c x h x w, decoded only when asked for.
        splits: the rows of "train", "valid" and "test".
        classes: the names of the K classes; their numbers if empty.
        content: gives a hash of all images; that of images spread over the whole data if None.

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

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.classes) or int(self.labels.max()) + 1

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """c x h x w."""
        return tuple(self.pixels(self.splits["train"][:1]).shape[1:])

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hex digits that stand for all of the data: images, labels, classes and splits."""
        content = self._spread() if self.content is None else self.content()
        rows = [part for name in sorted(self.splits) for part in (name, self.splits[name].tobytes())]
        return hash_of(content, self.labels.tobytes(), "\n".join(self.classes), *rows)

    @cached_property
    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each channel, c x 1 x 1, over the first training images."""
        count = min(STATISTICS_FROM, max(1, MOST_VALUES // math.prod(self.shape)))
        sample = self.pixels(self.splits["train"][:count]).float()
        std, mean = torch.std_mean(sample, dim=(0, 2, 3), correction=0)
        return mean[:, None, None], torch.where(std > 0, std, 1.0)[:, None, None]

    def split(self, name: str) -> Images:
        """All images of a split.

        Args:
            name: "train", "valid" or "test".

        Example:
            >>> from untrained import load_data
            >>> image, label = load_data("digits").split("test")[0]
            >>> image.shape
            torch.Size([1, 8, 8])
        """
        if name not in self.splits:
            raise InputError(f"unknown split {name!r}: choose from {', '.join(self.splits)}")
        rows = self.splits[name]
        return Images(self.pixels(rows), torch.from_numpy(self.labels[rows]), *self.statistics)

    def batch(self, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Training images for metrics to see.

        Args:
            n: how many.
            seed: decides which.

        Returns:
            The normalised images, n x c x h x w, and their n labels.

        Raises:
            InputError: there are fewer training images.

        Example:
            >>> from untrained import load_data
            >>> inputs, labels = load_data("digits").batch(32)
            >>> inputs.shape, labels.shape
            (torch.Size([32, 1, 8, 8]), torch.Size([32]))
        """
        return self._normalised(self._drawn(n, seed)[0])

    def second_batch(self, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
        """A batch as `batch(n, seed)` gives, of none of its images.

        Args:
            n: how many images.
            seed: decides which.

        Raises:
            InputError: there are fewer than 2n training images.

        Example:
            >>> from untrained import load_data
            >>> inputs, labels = load_data("digits").second_batch(32)
        """
        first, rng = self._drawn(n, seed)
        rest = np.setdiff1d(self.splits["train"], first)
        if n > len(rest):
            raise InputError(
                f"batch size {n}: two batches need {2 * n} training images, {self.name} has {len(rest) + n}: "
                f"give at most {(len(rest) + n) // 2}"
            )
        return self._normalised(rng.choice(rest, n, replace=False))

    def _drawn(self, n: int, seed: int) -> tuple[Rows, np.random.Generator]:
        rows = self.splits["train"]
        if not 1 <= n <= len(rows):
            raise InputError(f"batch size {n}: {self.name} has {len(rows)} training images: give 1 to {len(rows)}")
        rng = np.random.default_rng(seed)
        return rng.choice(rows, n, replace=False), rng

    def _normalised(self, rows: Rows) -> tuple[Tensor, Tensor]:
        mean, std = self.statistics
        return (self.pixels(rows).float() - mean) / std, torch.from_numpy(self.labels[rows])

    def _spread(self) -> str:
        rows = np.unique(np.linspace(0, len(self.labels) - 1, SPREAD).round().astype(np.int64))
        return hash_of(*(self.pixels(rows[i : i + 1]).numpy().tobytes() for i in range(len(rows))))

"""Images and targets, split once and for all into train, valid and test."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from untrained.data.base import Data
from untrained.data.decoded import Decoded, Give, Loaded
from untrained.data.image_preparation import ImagePreparation
from untrained.data.image_targets import Targets
from untrained.data.masks import Masks
from untrained.data.pixels import Arrays, Form, Header, Images, spread
from untrained.data.resizing import Resize
from untrained.data.source import Rows, hash_of
from untrained.data.task import Task
from untrained.runtime.memory import available_memory

STATISTICS_FROM = 2_048
"""Training images from which the mean and standard deviation of each channel are taken."""
MOST_VALUES = 2**28
"""Fewer are taken if they hold more numbers than these: one gigabyte."""
SPREAD = 256
"""Images that stand for all of them, if nothing else tells the content."""
FITS = 0.25
"""Part of the available memory that decoded images may take; beyond, they are decoded each time they are needed."""


@dataclass(frozen=True, eq=False)
class ImageData(Data):
    """A data set of images, each of one class, or with other targets.

    Args:
        name: What messages and studies call it.
        targets: The n classes, 0 to K - 1; or `Targets` of any task.
        pixels: Gives the images of some rows, m x c x h x w, decoded only when asked for.
        splits: The rows of "train", "valid" and "test".
        classes: The names of the K classes; their numbers if empty.
        content: Gives a hash of all images; that of images spread over the whole data if None.
        resize: What is done to each image when it is read, and to those of another size later; nothing if None.
        file_names: The file of each row, if rows are files.
        in_memory: Whether decoded images stay in memory; if None, if they take at most a quarter of what is available.

    Example:
        >>> from untrained import load_data
        >>> data = load_data("digits")
        >>> data.shape, data.num_classes, len(data.split("train"))
        ((1, 8, 8), 10, 1079)
    """

    name: str
    targets: NDArray[np.int64] | Targets
    pixels: Give
    splits: Mapping[str, Rows]
    classes: tuple[str, ...] = ()
    content: Callable[[], str] | None = None
    resize: Resize | None = None
    file_names: list[str] | None = None
    in_memory: bool | None = None

    samples = "images"

    @property
    def num_classes(self) -> int | None:
        """K, or how many numbers a network gives."""
        return self.task.outputs

    @property
    def labels(self) -> NDArray[Any]:
        """The n targets, if they are no masks."""
        values = self._targets.values
        return np.empty(0) if isinstance(values, Masks) else values

    @cached_property
    def _targets(self) -> Targets:
        if isinstance(self.targets, Targets):
            return self.targets
        outputs = len(self.classes) or int(self.targets.max()) + 1
        return Targets(Task("classification", outputs, self.classes), self.targets)

    @property
    def task(self) -> Task:
        """What is predicted."""
        return self._task

    @cached_property
    def _task(self) -> Task:
        task = self._targets.task
        if task.kind != "regression":
            return task
        targets = self._targets(self.splits["train"]).double().reshape(-1, task.outputs or 1)
        std, mean = torch.std_mean(targets, dim=0, correction=0)
        return replace(task, mean=tuple(mean.tolist()), std=tuple(torch.where(std > 0, std, 1.0).tolist()))

    @cached_property
    def form(self) -> Form:
        """What all images have in common."""
        if isinstance(self.pixels, Images):
            return self.pixels.form
        return Arrays(self.name, lambda: self.pixels(self.splits["train"][:1])).form

    def kinds(self) -> Counter[Header]:
        """How many images have which mode and size (width, height), before they are resized."""
        form = self.form
        if isinstance(self.pixels, Images):
            return self.pixels.kinds()
        return Counter({(form.mode, (form.width, form.height)): len(self.labels)})

    def masks(self, rows: Rows) -> Tensor:
        """The masks of some rows of a segmentation, m x h x w."""
        return self._targets(rows)

    @property
    def fits(self) -> bool:
        """Whether decoded images stay in memory."""
        if self.in_memory is not None:
            return self.in_memory
        return self.form.nbytes * sum(map(len, self.splits.values())) <= FITS * available_memory()

    @property
    def shape(self) -> tuple[int, ...]:
        """c x h x w."""
        return self.form.shape

    @property
    def facts(self) -> dict[str, Any]:
        """`num_classes` (the outputs of a network), `in_channels`, `image_size` (h, or (h, w)), and `task` of masks."""
        c, h, w = self.form.shape
        known = {"num_classes": self.task.outputs, "in_channels": c, "image_size": h if h == w else (h, w)}
        return known | ({"task": "segmentation"} if self.task.kind == "segmentation" else {})

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that stand for all of the data: images, targets, classes and splits."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        content = self._spread() if self.content is None else self.content()
        rows = [part for name in sorted(self.splits) for part in (name, self.splits[name].tobytes())]
        resized = () if self.resize is None else (str(self.resize.to_json()),)
        return hash_of(content, self.labels.tobytes(), "\n".join(self.task.classes), *rows, *resized)

    @property
    def preparation(self) -> ImagePreparation:
        """Normalisation by the mean and standard deviation of each channel over the first training images."""
        return self._preparation

    @cached_property
    def _preparation(self) -> ImagePreparation:
        count = min(STATISTICS_FROM, max(1, MOST_VALUES // math.prod(self.shape)))
        sample = self.pixels(self.splits["train"][:count]).float()
        std, mean = torch.std_mean(sample, dim=(0, 2, 3), correction=0)
        std = torch.where(std > 0, std, 1.0)
        return ImagePreparation(self.form, self.resize, tuple(mean.tolist()), tuple(std.tolist()))

    @cached_property
    def _raw(self) -> dict[str, Decoded | Loaded]:
        targets = self._targets
        known = not isinstance(targets.values, Masks)
        decoded = {
            name: Decoded(self.pixels, rows, targets, targets(rows) if known else None)
            for name, rows in self.splits.items()
        }
        return {name: Loaded(part) for name, part in decoded.items()} if self.fits else {**decoded}

    def raw(self, name: str) -> Dataset | None:
        """The images of a split as they were read: in memory, or decoded each time that they are asked for.

        Args:
            name: "train", "valid" or "test".

        Returns:
            A `TensorDataset` that decodes when it is first used, or `Decoded`; None if there is no such split.
        """
        return self._raw.get(name)

    def rows(self) -> Mapping[str, Rows]:
        return self.splits

    def files(self) -> list[str] | None:
        return self.file_names

    @cached_property
    def example(self) -> Tensor:
        """One prepared training image, as a batch of one."""
        return self.preparation.module()(self.pixels(self.splits["train"][:1]))

    def _spread(self) -> str:
        rows = spread(SPREAD, len(self.labels))
        return hash_of(*(self.pixels(rows[i : i + 1]).numpy().tobytes() for i in range(len(rows))))

"""What gives the images of a data set: pictures in files, or arrays."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from untrained.data.resizing import Resize
from untrained.data.source import Rows
from untrained.errors import InputError


@dataclass(frozen=True)
class Form:
    """What all images of a data set have in common.

    Args:
        mode: Pillow's name, such as "RGB"; None if pictures have no such mode.
        channels: c.
        height: In pixels.
        width: Likewise.
        dtype: Of raw pixels: "uint8", "int32" or "float32".
    """

    mode: str | None
    channels: int
    height: int
    width: int
    dtype: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """c x h x w."""
        return self.channels, self.height, self.width

    @property
    def nbytes(self) -> int:
        """What one image takes in memory."""
        return self.channels * self.height * self.width * getattr(torch, self.dtype).itemsize


Header = tuple[str | None, tuple[int, int]]
"""Mode and upright size (width, height) of a picture."""


class Images(ABC):
    """Gives images of one form, decoded when they are asked for.

    They travel to other processes without their pixels, if they can be read again there.
    """

    @cached_property
    def form(self) -> Form:
        """The form of all images that are used.

        Raises:
            InputError: There is none, or some of the images are broken.
        """
        return self.find_form()

    @abstractmethod
    def find_form(self) -> Form:
        """Finds `form`."""

    @abstractmethod
    def kinds(self) -> Counter[Header]:
        """How many of the images that are used have which mode and size, before they are resized."""

    @abstractmethod
    def __call__(self, rows: Rows) -> Tensor:
        """Gives images.

        Args:
            rows: m of them.

        Returns:
            m x c x h x w, of the form's type.

        Raises:
            InputError: One of them is broken.
        """

    @abstractmethod
    def used(self, rows: Rows) -> "Images":
        """The same images, of which none but these rows is looked at before it is asked for."""

    @abstractmethod
    def like(self, form: Form) -> "Images":
        """The same images, brought to a form.

        Raises:
            InputError: They cannot be.
        """


class Arrays(Images):
    """Images in memory.

    Args:
        name: What messages call them.
        load: Reads them, n x c x h x w; called again in another process.
        resize: What is done to each; nothing if None.
    """

    def __init__(self, name: str, load: Callable[[], Tensor], resize: Resize | None = None) -> None:
        self._name = name
        self._load = load
        self._resize = resize

    @cached_property
    def whole(self) -> Tensor:
        """All images, not resized."""
        return self._load()

    def find_form(self) -> Form:
        _, c, h, w = self.whole.shape
        if self._resize is not None:
            h, w = self._resize.height, self._resize.width
        dtype = str(self.whole.dtype).removeprefix("torch.")
        mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}.get(c) if dtype == "uint8" else {1: "I"}.get(c)
        return Form(mode if dtype != "float32" or c > 1 else "F", c, h, w, dtype)

    def __call__(self, rows: Rows) -> Tensor:
        images = self.whole[torch.from_numpy(rows)]
        if self._resize is None:
            return images
        return self._resize.tensor(images, whole=not images.is_floating_point()).to(images.dtype)

    def kinds(self) -> Counter[Header]:
        _, _, h, w = self.whole.shape
        return Counter({(self.form.mode, (w, h)): len(self.whole)})

    def used(self, rows: Rows) -> "Arrays":
        return self

    def like(self, form: Form) -> "Arrays":
        check_alike(self._name, self.form, form)
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "whole"}


class Chained(Images):
    """The images of one source after those of another.

    Args:
        first: `length` images.
        length: How many.
        second: Further images.
    """

    def __init__(self, first: Images, length: int, second: Images) -> None:
        self._first = first
        self._length = length
        self._second = second

    def find_form(self) -> Form:
        check_alike("the test data", self._rest.form, self._first.form)
        return self._first.form

    @cached_property
    def _rest(self) -> Images:
        return self._second.like(self._first.form)

    def __call__(self, rows: Rows) -> Tensor:
        late = rows >= self._length
        if not late.any():
            return self._first(rows)
        if late.all():
            return self._rest(rows - self._length)
        images = torch.empty(len(rows), *self.form.shape, dtype=getattr(torch, self.form.dtype))
        images[torch.from_numpy(~late)] = self._first(rows[~late])
        images[torch.from_numpy(late)] = self._rest(rows[late] - self._length)
        return images

    def kinds(self) -> Counter[Header]:
        return self._first.kinds() + self._second.kinds()

    def used(self, rows: Rows) -> "Chained":
        late = rows >= self._length
        return Chained(self._first.used(rows[~late]), self._length, self._second.used(rows[late] - self._length))

    def like(self, form: Form) -> "Chained":
        return Chained(self._first.like(form), self._length, self._second.like(form))


def check_alike(name: str, own: Form, others: Form) -> None:
    """Refuses images of another form.

    Args:
        name: What messages call them.
        own: Their form.
        others: That of the images that they are to be used with.
    """
    if (own.shape, own.dtype) != (others.shape, others.dtype):
        shapes = " of ".join(map(str, (own.dtype, own.shape))), " of ".join(map(str, (others.dtype, others.shape)))
        raise InputError(f"{name} has images of {shapes[0]}, the others are {shapes[1]} (channels, height, width)")


def spread(count: int, over: int) -> Rows:
    """At most `count` of `over` rows, evenly spaced from the first to the last."""
    return np.unique(np.linspace(0, over - 1, count).round().astype(np.int64))

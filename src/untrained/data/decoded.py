"""Images with their targets, decoded one by one, batch by batch or all at once."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from untrained.data.source import Rows
from untrained.runtime.seeding import seeded

Give = Callable[[Rows], Tensor]
"""Rows -> a tensor whose first dimension goes over them."""


class Decoded(Dataset[tuple[Tensor, Tensor]]):
    """Some rows of a source of images, decoded each time that they are asked for.

    Args:
        images: Decodes rows: m of them -> m x c x h x w.
        rows: The n rows.
        targets: Gives the targets of rows.
        labels: The n targets, if they are there without an image being decoded.

    Example:
        >>> def black(rows):
        ...     return torch.zeros(len(rows), 1, 2, 2)
        >>> samples = Decoded(black, np.array([4, 7]), torch.from_numpy)
        >>> samples[1][1], len(samples.__getitems__([0, 1]))
        (tensor(7), 2)
    """

    def __init__(self, images: Give, rows: Rows, targets: Give, labels: Tensor | None = None) -> None:
        self.images = images
        self.rows = rows
        self.targets = targets
        self.labels = labels

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        images, targets = self.batch([place])
        return images[0], targets[0]

    def __getitems__(self, places: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
        """Samples by their numbers: what a `DataLoader` asks for, a batch at once."""
        return list(zip(*self.batch(places), strict=True))

    def batch(self, places: Sequence[int] | Tensor | Rows) -> tuple[Tensor, Tensor]:
        """Samples by their numbers, as m x c x h x w images and m targets."""
        rows = self.rows[np.asarray(places, dtype=np.int64)]
        return self.images(rows), self.targets(rows)


class Loaded(TensorDataset):
    """Some rows of a source of images, which stay in memory once they are needed.

    Single samples are decoded each for itself until half of all were; then, and for `tensors`, all are.
    Another process decodes anew: pictures travel encoded, or as names of files.

    Args:
        decoded: What decodes them.

    Example:
        >>> samples = Loaded(Decoded(lambda rows: torch.zeros(len(rows), 1, 2, 2), np.arange(4), torch.from_numpy))
        >>> samples[[1, 3]][1], samples.tensors[0].shape
        (tensor([1, 3]), torch.Size([4, 1, 2, 2]))
    """

    def __init__(self, decoded: Decoded) -> None:
        self.decoded = decoded
        self.labels = decoded.labels
        self._asked = 0

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """All images, and all targets."""
        with seeded(0):  # packages that are imported for it may draw random numbers, which a training would lack
            return self.decoded.batch(np.arange(len(self)))

    def __len__(self) -> int:
        return len(self.decoded)

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        if "tensors" not in vars(self):
            places = np.arange(len(self))[index if not isinstance(index, Tensor) else index.numpy()]
            self._asked += places.size
            if 2 * self._asked <= len(self):
                images, targets = self.decoded.batch(places.reshape(-1))
                return (images, targets) if places.ndim else (images[0], targets[0])
        return super().__getitem__(index)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "tensors"}

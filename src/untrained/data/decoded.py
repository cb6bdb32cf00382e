"""Images that are decoded one by one, as they are asked for."""

import math
from functools import cached_property
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from untrained.data.source import Pixels, Rows


class Decoded(Dataset[tuple[Tensor, Tensor]]):
    """Some rows of a source of images, with their targets.

    Args:
        pixels: Decodes rows: m of them -> m x c x h x w.
        rows: The n rows.
        targets: Those of the n rows.

    Example:
        >>> import numpy as np
        >>> samples = Decoded(lambda rows: torch.zeros(len(rows), 1, 2, 2), np.array([4, 7]), np.array([0, 1]))
        >>> samples[1][1], samples.nbytes
        (tensor(1), 32)
    """

    def __init__(self, pixels: Pixels, rows: Rows, targets: NDArray[Any]) -> None:
        self.pixels = pixels
        self.rows = rows
        self.targets = torch.from_numpy(targets)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        return self.pixels(self.rows[place : place + 1])[0], self.targets[place]

    @cached_property
    def nbytes(self) -> int:
        """What all images take in memory."""
        one = self.pixels(self.rows[:1])
        return math.prod(one.shape) * one.element_size() * len(self)

    @cached_property
    def loaded(self) -> TensorDataset:
        """All images decoded, in memory."""
        return TensorDataset(self.pixels(self.rows), self.targets)

    def __getstate__(self) -> dict[str, Any]:
        """Another process decodes anew: pictures are smaller encoded."""
        return {name: value for name, value in vars(self).items() if name != "loaded"}

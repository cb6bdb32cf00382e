"""Segmentation: for each image, the number of a class at each pixel."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from untrained.data.picture import Unreadable, opened, quiet
from untrained.data.pictures import Encoded, in_threads
from untrained.data.resizing import Resize
from untrained.data.source import Rows
from untrained.errors import InputError, listed

VOID = 255
"""The number of pixels that belong to no class, as in PASCAL VOC."""
IGNORED = -100
"""What it becomes: the number that PyTorch's cross entropy leaves out."""
MODES = ("P", "L", "1", "I", "I;16")


class Masks:
    """Masks that are read when they are asked for.

    Args:
        name: What messages call them.
        count: n.
        read: Row -> h x w whole numbers.
    """

    def __init__(self, name: str, count: int, read: Callable[[int], NDArray[Any]]) -> None:
        self.name = name
        self._count = count
        self._read = read

    def __len__(self) -> int:
        return self._count

    def __call__(self, rows: Rows) -> Tensor:
        """Reads masks.

        Args:
            rows: m of them.

        Returns:
            m x h x w class numbers; `IGNORED` for pixels of no class.

        Raises:
            InputError: One is broken, or of another size.
        """
        with quiet():
            masks = in_threads(lambda row: self._read(row).astype(np.int64), rows)
        shapes = {mask.shape for mask in masks}
        if len(shapes) > 1:
            raise InputError(f"{self.name}: the masks are of {listed(sorted(shapes))} (height, width): resize all")
        found = torch.from_numpy(np.stack(masks))
        return torch.where(found == VOID, IGNORED, found)

    def followed_by(self, others: "Masks") -> "Masks":
        """These masks, then `others`."""
        n = len(self)
        read = self._read
        return Masks(self.name, n + len(others), lambda row: read(row) if row < n else others._read(row - n))

    def classes(self, rows: Rows) -> list[int]:
        """The class numbers that are there, in order.

        Args:
            rows: The masks to look at.
        """

        def numbers(row: int) -> list[int]:
            return np.unique(self._read(row)).tolist()

        with quiet():
            found = {number for numbers_of in in_threads(numbers, rows) for number in numbers_of}
        return sorted(found - {VOID})


def picture_masks(name: str, encoded: Encoded, resize: Resize | None) -> Masks:
    """Masks that are pictures: class numbers as grey values or as places in a palette.

    Args:
        name: What messages call them.
        encoded: The n pictures.
        resize: What is done to them, without mixing classes.
    """

    def read(row: int) -> NDArray[Any]:
        try:
            with encoded.open(row) as file:
                image = opened(file)
                if image.mode not in MODES and not image.mode.startswith("I;16"):
                    raise Unreadable(f"of mode {image.mode}: a mask holds class numbers, as a grey or palette PNG")
                image.load()
                if image.mode in ("1", "P"):
                    image = Image.fromarray(np.asarray(image).astype(np.uint8))
                return np.asarray(image if resize is None else resize.picture(image, mixing=False))
        except Unreadable as error:
            raise InputError(f"{name}: mask {encoded.called(row)} ({error})") from error
        except (OSError, SyntaxError, ValueError) as error:
            raise InputError(f"{name}: mask {encoded.called(row)} is not a readable picture") from error

    return Masks(name, len(encoded), read)


def array_masks(name: str, masks: NDArray[Any], resize: Resize | None) -> Masks:
    """Masks that are an array.

    Args:
        name: What messages call them.
        masks: n x h x w.
        resize: What is done to them, without mixing classes.
    """

    def read(row: int) -> NDArray[Any]:
        mask = masks[row]
        return (
            mask if resize is None else np.asarray(resize.picture(Image.fromarray(mask.astype(np.int32)), mixing=False))
        )

    return Masks(name, len(masks), read)

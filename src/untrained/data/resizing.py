"""Bringing images to one size: as Pillow does it for files, and by the same arithmetic for tensors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Union

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from untrained.errors import InputError, shown

MOST = 16_384
"""Pixels of a side."""


@dataclass(frozen=True)
class Resize:
    """The largest centred part of an image that has the wanted proportions, scaled bilinearly with antialiasing.

    Nothing is squeezed or padded: what does not fit is cut off at the two sides that are too long.

    Args:
        height: Of all images then, in pixels.
        width: Likewise.

    Example:
        >>> Resize.of("64x48")
        Resize(height=48, width=64)
    """

    height: int
    width: int

    @classmethod
    def of(cls, size: Union["Resize", int, str, tuple[int, int]]) -> "Resize":
        """Reads a size.

        Args:
            size: The side of a square, or text WIDTHxHEIGHT, or a pair (height, width).

        Returns:
            What makes images of that size.

        Raises:
            InputError: It is no size.
        """
        if isinstance(size, Resize):
            return size
        sides: list[Any] = []
        if isinstance(size, str) and re.fullmatch(r"\s*\d+\s*([xX×]\s*\d+\s*)?", size):
            sides = [int(side) for side in reversed(re.split("[xX×]", size))]
        elif isinstance(size, int) and not isinstance(size, bool):
            sides = [size]
        elif isinstance(size, tuple | list):
            sides = list(size)
        if len(sides) not in (1, 2) or not all(isinstance(side, int) and 1 <= side <= MOST for side in sides):
            raise InputError(
                f"resize {shown(size)}: give the side of a square in pixels, 1 to {MOST:,}, or WIDTHxHEIGHT, as 64x48"
            )
        return cls(sides[0], sides[-1])

    def box(self, height: int, width: int) -> tuple[int, int, int, int]:
        """The part of an image that is kept.

        Args:
            height: Of the image.
            width: Of the image.

        Returns:
            Left, top, right and bottom, in whole pixels.

        Example:
            >>> Resize(10, 10).box(height=20, width=30)
            (5, 0, 25, 20)
        """
        w, h = width, height
        if width * self.height > height * self.width:
            w = max(1, round(height * self.width / self.height))
        else:
            h = max(1, round(width * self.height / self.width))
        left, top = (width - w) // 2, (height - h) // 2
        return left, top, left + w, top + h

    def picture(self, image: Image.Image, *, mixing: bool = True) -> Image.Image:
        """Resizes a picture.

        Args:
            image: Of any mode.
            mixing: Neighbouring pixels are averaged; class numbers must not be.
        """
        if image.size == (self.width, self.height):
            return image
        box = self.box(image.height, image.width)
        part = image if box == (0, 0, *image.size) else image.crop(box)
        kind = Image.Resampling.BILINEAR if mixing else Image.Resampling.NEAREST
        return part if part.size == (self.width, self.height) else part.resize((self.width, self.height), kind)

    def tensor(self, pixels: Tensor, *, whole: bool = True) -> Tensor:
        """Resizes a batch as `picture` resizes its images.

        Args:
            pixels: n x c x h x w.
            whole: Values are whole numbers, and stay so.

        Returns:
            n x c x height x width floats. Along each of the two sides values are rounded once, as Pillow does.
        """
        left, top, right, bottom = self.box(pixels.shape[-2], pixels.shape[-1])
        part = pixels[..., top:bottom, left:right].float()
        if part.shape[-1] != self.width:
            part = _rounded(part @ _weights(right - left, self.width, part.device).T, whole)
        if part.shape[-2] != self.height:
            part = _rounded(_weights(bottom - top, self.height, part.device) @ part, whole)
        return part

    def to_json(self) -> dict[str, Any]:
        return {"how": "centre-crop", "filter": "bilinear", "height": self.height, "width": self.width}

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> "Resize":
        if (document["how"], document["filter"]) != ("centre-crop", "bilinear"):
            raise InputError(f"unknown way of resizing, {document['how']} {document['filter']}: a later version's")
        return cls(document["height"], document["width"])


def _weights(n: int, m: int, device: torch.device) -> Tensor:
    """m x n: what each of n pixels in a row gives to each of m, in Pillow's bilinear filter (a triangle)."""
    scale = n / m
    centres = (np.arange(m) + 0.5) * scale
    distance = np.abs(np.arange(n) + 0.5 - centres[:, None]) / max(scale, 1.0)
    weights = np.clip(1 - distance, 0, None)
    return torch.tensor((weights / weights.sum(1, keepdims=True)).tolist(), device=device)


def _rounded(values: Tensor, whole: bool) -> Tensor:
    """Halves up, as Pillow rounds; an average never leaves the range of what it is of."""
    return (values + 0.5).floor() if whole else values

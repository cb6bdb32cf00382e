"""Parts of a sample as tensors: arrays, pictures, numbers, lists of numbers."""

from collections.abc import Mapping
from typing import Any, TypeGuard

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor

from untrained.data.resizing import Resize
from untrained.errors import InputError, one_line, shown

CHANNELS = (1, 3, 4)


def as_input(value: Any, what: str, resize: Resize | None = None) -> Any:
    """An input of a sample as tensors, in the structure that it has.

    Args:
        value: Tensors, arrays, pictures of Pillow, numbers, lists of numbers; or tuples and dictionaries of these.
        what: What messages call it.
        resize: What is done to pictures of Pillow.

    Returns:
        Tensors: double precision becomes single; pictures and arrays of uint8 with channels last become c x h x w.

    Raises:
        InputError: There is something else in it, such as text.

    Example:
        >>> as_input({"ids": [3, 5]}, "an input")
        {'ids': tensor([3, 5])}
    """
    if isinstance(value, Mapping):
        return {name: as_input(part, f"{what}, {name!r}", resize) for name, part in value.items()}
    if isinstance(value, tuple) or (isinstance(value, list) and value and not is_numbers(value)):
        return tuple(as_input(part, what, resize) for part in value)
    tensor = as_tensor(resize.picture(value) if resize is not None and is_picture(value) else value, what)
    tensor = tensor.float() if tensor.dtype == torch.float64 else tensor
    channels_last = isinstance(value, np.ndarray) or is_picture(value)
    if tensor.dtype == torch.uint8 and tensor.ndim == 3 and channels_last and tensor.shape[2] in CHANNELS:
        return tensor.permute(2, 0, 1).contiguous()
    if is_picture(value) and tensor.ndim == 2:
        return tensor[None]
    if tensor.dtype in (torch.int8, torch.int16, torch.int32) or (tensor.dtype == torch.uint8 and tensor.ndim < 3):
        return tensor.long()  # tokens
    return tensor


def as_tensor(value: Any, what: str) -> Tensor:
    """One part as a tensor.

    Args:
        value: A tensor, an array, a picture, a number, or a list of numbers.
        what: What messages call it.

    Raises:
        InputError: It is something else.
    """
    if isinstance(value, Tensor):
        return value
    if isinstance(value, str):
        raise InputError(f"{what} is text, {shown(value, 40)}: make numbers of it first, as tokens of a vocabulary")
    if is_picture(value):
        value = _pixels(value)
    if value is None or isinstance(value, Mapping | bytes):
        raise InputError(f"{what} is {shown(value, 40)}: give tensors, arrays or numbers")
    try:
        array = np.asarray(value)
        if array.dtype == object:
            raise TypeError("not of one shape, or not of numbers")
        return torch.from_numpy(np.array(array))
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{what}, a {type(value).__name__}, is no tensor: {one_line(error)}") from error


def is_picture(value: Any) -> TypeGuard[Image]:
    """Tells whether a value is an image of Pillow."""
    return isinstance(value, Image)


def is_numbers(value: Any) -> bool:
    """Tells whether a list holds numbers only, maybe in lists."""
    return all(is_numbers(part) if isinstance(part, list) else isinstance(part, int | float) for part in value)


def _pixels(picture: Any) -> Any:
    """h x w, or h x w x 3."""
    if picture.mode in ("L", "I;16", "I", "F"):
        return np.asarray(picture)
    return np.asarray(picture.convert("L") if picture.mode in ("1", "LA") else picture.convert("RGB"))

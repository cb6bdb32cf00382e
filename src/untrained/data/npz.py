"""Images as arrays in an .npz file, under the names that are in use."""

import warnings
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from untrained.data.masks import array_masks
from untrained.data.pixels import Arrays
from untrained.data.source import SPLITS, Source, Wanted, check_memory, hash_of
from untrained.errors import InputError, InputWarning, listed, one_line, warn

WHOLE = (("x", "y"), ("images", "labels"), ("images", "masks"))
"""Arrays of images and targets that are not split."""
SPLIT = (("x_{}", "y_{}"), ("{}_images", "{}_labels"), ("{}_images", "{}_masks"))
"""The same for a split (`train`, `val`, `test`): Keras and MedMNIST."""
CHANNELS = (1, 3, 4)


def read_npz(path: Path, wanted: Wanted) -> Source:
    """Reads images (n x h x w, n x c x h x w or n x h x w x c) and targets (n, n x k, or masks n x h x w).

    Args:
        path: The file, with arrays `x` and `y`, `images` and `labels`, or those of splits: `x_train` and `y_train`,
            `train_images` and `train_labels`, and so on.
        wanted: What the user says of it: `image` and `target` may name the two arrays.

    Raises:
        InputError: It is broken, has no such arrays, or they do not fit together.
    """
    pairs, arrays = _loaded(path, wanted)
    names = {split: pair[0] for split, pair in pairs.items()}
    first = _images(path, names, {split: x for split, (x, _) in arrays.items()})
    images = Arrays(str(path), partial(_again, path, wanted), wanted.resize)
    vars(images)["whole"] = first  # read already; in another process it is read again
    parts = {split: _targets(path, *pairs[split], *arrays[split]) for split in pairs}
    kinds = {y.shape[1:] for y in parts.values()}
    if len(kinds) > 1:
        raise InputError(f"{path}: the splits have targets of {listed(kinds)}")
    targets = np.concatenate([*parts.values()])
    ends = np.cumsum([len(part) for part in parts.values()])
    rows = {split: np.arange(end - len(parts[split]), end) for split, end in zip(parts, ends, strict=True) if split}
    return Source(
        str(path),
        images,
        array_masks(str(path), targets, wanted.resize) if targets.ndim == 3 else targets,
        lambda: _content(images.whole, targets),
        rows,
    )


def _content(images: Tensor, targets: NDArray[Any]) -> str:
    return hash_of(f"{images.dtype}{tuple(images.shape)}", images.numpy().tobytes(), targets.tobytes())


def _again(path: Path, wanted: Wanted) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)  # told when it was read first
        pairs, arrays = _loaded(path, wanted)
        return _images(path, {s: pair[0] for s, pair in pairs.items()}, {s: x for s, (x, _) in arrays.items()})


Pair = tuple[NDArray[Any], NDArray[Any]]


def _loaded(path: Path, wanted: Wanted) -> tuple[dict[str, tuple[str, str]], dict[str, Pair]]:
    """Split (or "") -> the names of its arrays, and the arrays."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:  # numpy leaves broken files open
            pairs = _pairs(path, list(file), wanted)
            size = sum(entry.file_size for entry in file.zip.infolist())
            check_memory(size, f"{path}: its arrays")
            return pairs, {split: (file[x], file[y]) for split, (x, y) in pairs.items()}
    except InputError:
        raise
    except Exception as error:  # a broken archive fails in zipfile, zlib or numpy, each in its own way
        raise InputError(f"{path} cannot be read as an .npz file: {one_line(error)}") from error


def _pairs(path: Path, names: Iterable[str], wanted: Wanted) -> dict[str, tuple[str, str]]:
    there = {name.lower(): name for name in names}
    if wanted.image is not None or wanted.target is not None:
        x, y = wanted.image or "x", wanted.target or "y"
        if x not in there.values() or y not in there.values():
            raise InputError(f"{path} has no arrays {x!r} and {y!r}: it has {listed(there.values())}")
        return {"": (x, y)}
    for x, y in WHOLE:
        if x in there and y in there:
            return {"": (there[x], there[y])}
    found = dict[str, tuple[str, str]]()
    for x, y in SPLIT:
        for word, split in SPLITS.items():
            if x.format(word) in there and y.format(word) in there:
                found.setdefault(split, (there[x.format(word)], there[y.format(word)]))
    if "train" not in found:
        raise InputError(
            f"{path} has no arrays 'x' and 'y' (nor x_train and y_train, train_images and train_labels): "
            f"it has {listed(there.values())}"
        )
    return found


def _images(path: Path, names: dict[str, str], arrays: dict[str, NDArray[Any]]) -> Tensor:
    """All images, n x c x h x w."""
    parts = [_channels_first(path, names[split], x) for split, x in arrays.items()]
    shapes = {part.shape[1:] for part in parts}
    if len(shapes) > 1:
        raise InputError(f"{path}: the splits have images of {listed(shapes)} (channels, height, width)")
    return torch.from_numpy(np.concatenate(parts))


def _channels_first(path: Path, name: str, x: NDArray[Any]) -> NDArray[Any]:
    if x.ndim not in (3, 4):
        raise InputError(f"{path}: {name} is {x.shape}; expected n x h x w, n x c x h x w or n x h x w x c")
    if 0 in x.shape[1:]:
        raise InputError(f"{path}: {name} is {x.shape}: its images have no pixels")
    if x.dtype == np.uint16:
        x = x.astype(np.int32)  # torch does little with unsigned 16 bits
    elif x.dtype.kind in "iub" and x.dtype != np.uint8 and x.size and x.min() >= 0 and x.max() <= 255:
        x = x.astype(np.uint8)  # pixels as they are, in a larger type
    with np.errstate(over="ignore"):
        x = x if x.dtype in (np.uint8, np.int32) or x.dtype.kind not in "fuib" else x.astype(np.float32)
    if x.dtype.kind not in "fui" or not np.isfinite(x).all():
        raise InputError(f"{path}: {name} must hold finite numbers, in single precision")
    if x.ndim == 3:
        return x[:, None]
    if x.shape[3] in CHANNELS and x.shape[1] not in CHANNELS:
        note = f"{path}: {name} is {x.shape}: its last dimension is taken for the channels"
        warn(note, InputWarning)
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return x


def _targets(path: Path, x_name: str, y_name: str, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """n, n x k, or n x h x w."""
    if y.ndim == 4 and 1 in (y.shape[1], y.shape[3]):
        y = y[:, 0] if y.shape[1] == 1 else y[..., 0]
    if y.ndim not in (1, 2, 3) or len(x) != len(y) or y.size == 0:
        raise InputError(f"{path}: {x_name} is {x.shape} and {y_name} {y.shape}; expected n targets, or n x k of them")
    if y.ndim == 3 and (y.dtype.kind not in "iub" or y.shape[1:] not in (x.shape[1:3], x.shape[2:4])):
        raise InputError(f"{path}: {x_name} is {x.shape} and {y_name} {y.shape} {y.dtype}; masks hold whole numbers")
    return y

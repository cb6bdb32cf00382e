"""Images as arrays in an .npz file, under the names that are in use."""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from untrained.data.source import SPLITS, Source, check_memory, hash_of
from untrained.errors import InputError, InputWarning, listed, one_line

WHOLE = (("x", "y"), ("images", "labels"))
"""Arrays of images and labels that are not split."""
SPLIT = (("x_{}", "y_{}"), ("{}_images", "{}_labels"))
"""The same for a split (`train`, `val`, `test`): Keras and MedMNIST."""
CHANNELS = (1, 3, 4)


def read_npz(path: Path) -> Source:
    """Reads images (n x h x w, n x c x h x w or n x h x w x c) and labels (n, n x 1).

    Args:
        path: the file, with arrays `x` and `y`, `images` and `labels`, or those of splits: `x_train` and `y_train`,
            `train_images` and `train_labels`, and so on.

    Raises:
        InputError: it is broken, has no such arrays, or they do not fit together.
    """
    pairs, arrays = _loaded(path)
    parts = {split: _part(path, *pair, *arrays[split]) for split, pair in pairs.items()}
    shapes = {images.shape[1:] for images, _ in parts.values()}
    if len(shapes) > 1:
        raise InputError(f"{path}: the splits have images of {listed(shapes)} (channels, height, width)")
    images = torch.from_numpy(np.concatenate([images for images, _ in parts.values()]))
    labels = np.concatenate([labels for _, labels in parts.values()])
    ends = np.cumsum([len(part) for _, part in parts.values()])
    rows = {split: np.arange(end - len(parts[split][1]), end) for split, end in zip(parts, ends, strict=True) if split}
    return Source(
        str(path),
        lambda rows: images[rows],
        labels,
        lambda: hash_of(f"{images.dtype}{tuple(images.shape)}", images.numpy().tobytes()),
        rows,
    )


def _loaded(path: Path) -> tuple[dict[str, tuple[str, str]], dict[str, tuple[NDArray[Any], NDArray[Any]]]]:
    """Split (or "") -> the names of its arrays, and the arrays."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:  # numpy leaves broken files open
            pairs = _pairs(path, list(file))
            size = sum(entry.file_size for entry in file.zip.infolist())
            check_memory(size, f"{path}: its arrays")
            return pairs, {split: (file[x], file[y]) for split, (x, y) in pairs.items()}
    except InputError:
        raise
    except Exception as error:  # a broken archive fails in zipfile, zlib or numpy, each in its own way
        raise InputError(f"{path} cannot be read as an .npz file: {one_line(error)}") from error


def _pairs(path: Path, names: Iterable[str]) -> dict[str, tuple[str, str]]:
    there = {name.lower(): name for name in names}
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


def _part(path: Path, x_name: str, y_name: str, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Images n x c x h x w and n labels."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if x.ndim not in (3, 4) or y.ndim != 1 or len(x) != len(y):
        raise InputError(
            f"{path}: {x_name} is {x.shape} and {y_name} {y.shape}; expected n x h x w or n x c x h x w, and n"
        )
    if 0 in x.shape[1:]:
        raise InputError(f"{path}: {x_name} is {x.shape}: its images have no pixels")
    with np.errstate(over="ignore"):
        x = x if x.dtype == np.uint8 or x.dtype.kind not in "fuib" else x.astype(np.float32)
    if x.dtype.kind not in "fu" or not np.isfinite(x).all():
        raise InputError(f"{path}: {x_name} must hold finite numbers, in single precision")
    if x.ndim == 3:
        return x[:, None], y
    if x.shape[3] in CHANNELS and x.shape[1] not in CHANNELS:
        note = f"{path}: {x_name} is {x.shape}: its last dimension is taken for the channels"
        warnings.warn(note, InputWarning, stacklevel=2)
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return x, y

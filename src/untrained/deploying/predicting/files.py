"""Which files a user means, and raw inputs from those that hold many."""

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from untrained.data.picture import ENDINGS
from untrained.data.picture_files import pictures_below
from untrained.errors import InputError, listed, one_line

ARRAYS = (".npy", ".npz")
TABLES = (".csv", ".tsv", ".parquet", ".pq")
NAMES = ("x", "x_test", "images", "test_images", "inputs")
"""What the array of inputs may be called in an .npz file that has several."""


def files_of(given: Sequence[str | Path]) -> list[Path]:
    """Finds the files that are meant.

    Args:
        given: Files, folders (all pictures in them and in folders inside) and patterns, such as `new/*.jpg`.

    Returns:
        The files in the order given, each once; those of a folder or a pattern in alphabetical order. A file that does
        not exist is among them: whoever reads it says so.

    Raises:
        InputError: A folder holds no picture, or no file fits a pattern.
    """
    found = dict[Path, None]()
    for one in given:
        path = Path(one)
        if path.is_dir():
            inside = pictures_below(path)
            if not inside:
                raise InputError(f"folder {str(path)!r} holds no pictures ({', '.join(ENDINGS[:4])}, ...)")
        elif not path.exists() and glob.has_magic(str(one)):
            inside = [Path(file) for file in sorted(glob.glob(str(one), recursive=True)) if Path(file).is_file()]  # noqa: PTH207
            if not inside:
                raise InputError(f"no file fits {str(one)!r}")
        else:
            inside = [path]
        found |= dict.fromkeys(inside)
    return list(found)


def holds_many(path: Path) -> bool:
    """Tells by its ending whether a file holds many inputs: a table or arrays."""
    return path.suffix.lower() in (*ARRAYS, *TABLES)


def read_arrays(path: Path, inputs: Any) -> Any:
    """Reads raw inputs from an .npy or .npz file.

    Args:
        path: The file. Of an .npz file with several arrays, those named as the network's inputs are taken, or the one
            called x, x_test, images or test_images.
        inputs: What one raw input is (see `describe`).

    Returns:
        n x ... tensors. Images with their channels last are turned to n x c x h x w, doubles to single precision, and
        whole numbers from 0 to 255 to uint8 if the data were.

    Raises:
        InputError: It cannot be read, or has no such array.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = {"": loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except FileNotFoundError as error:
        raise InputError(f"no file {str(path)!r}") from error
    except Exception as error:  # a broken archive fails in zipfile, zlib or numpy, each in its own way
        raise InputError(f"{path} cannot be read as arrays: {one_line(error)}") from error
    match inputs:
        case {"fields": fields}:
            if missing := [name for name in fields if name not in arrays]:
                raise InputError(f"{path} has no array {listed(map(repr, missing))}: it has {listed(arrays)}")
            return {name: _raw(path, arrays[name], form) for name, form in fields.items()}
    name = next((name for name in NAMES if name in arrays), None) if len(arrays) > 1 else next(iter(arrays), None)
    if name is None:
        raise InputError(f"{path} has no array called {', '.join(NAMES)}: it has {listed(arrays)}")
    return _raw(path, arrays[name], inputs)


def _raw(path: Path, array: NDArray[Any], form: Any) -> Tensor:
    if array.dtype.kind not in "buif" or array.ndim == 0:
        raise InputError(f"{path} holds {array.dtype}{list(array.shape)}, no inputs: give numbers, n x ...")
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    tensor = tensor.float() if tensor.dtype == torch.float64 else tensor
    shape, dtype = (form.get("shape", []), form.get("dtype")) if isinstance(form, dict) else ([], None)
    if dtype == "uint8" and array.dtype.kind in "iu" and array.size and array.min() >= 0 and array.max() <= 255:
        tensor = tensor.to(torch.uint8)  # the same numbers
    if len(shape) == 3 and tensor.ndim == 4 and tensor.shape[1] != shape[0] == tensor.shape[3]:
        return tensor.permute(0, 3, 1, 2)
    return tensor[:, None] if len(shape) == 3 and shape[0] == 1 and tensor.ndim == 3 else tensor

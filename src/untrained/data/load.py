"""A data set by its name or file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from untrained.data.builtin import DIGITS, TABLES, builtin_table, read_digits
from untrained.data.folder import read_folder
from untrained.data.images import ImageData
from untrained.data.labels import as_classes, matched
from untrained.data.npz import read_npz
from untrained.data.parquet import has_pictures, read_parquet
from untrained.data.source import Pixels, Source, hash_of
from untrained.data.splits import split
from untrained.data.tabular import is_table, load_table
from untrained.errors import InputError

TAKEN = "digits, wine, a .csv, .parquet or .npz file, or a folder of class folders"


def load_data(
    source: str | Path,
    test: str | Path | None = None,
    *,
    target: str | Sequence[str] | None = None,
    task: str | None = None,
    columns: str | Sequence[str] | None = None,
    subset: int | None = None,
) -> Any:
    """Reads images with their classes, or a table, and splits it into train, valid and test.

    Args:
        source: one of

            - `digits`: the 1,797 grey 8 x 8 images that come with scikit-learn;
            - `iris`, `wine`, `breast_cancer` or `diabetes`: tables that come with scikit-learn;
            - `FILE.csv`, or `FILE.parquet` without pictures: a table, in which each row is a sample;
            - `FILE.parquet`: a column `image` (or `img`) of pictures' bytes, also in Hugging Face's struct, and one
              `label`;
            - `FILE.npz`: arrays `x` (n x h x w, n x c x h x w or n x h x w x c) and `y` (n), or those of splits:
              `x_train` and `y_train`, `train_images` and `train_labels`;
            - a folder with a folder of pictures for each class, or one for each split with such folders inside.

            Labels are 0 to K - 1, or the names of classes. Pictures are JPEG, PNG, BMP, GIF, TIFF, WebP or PPM.
        test: another of these, for testing. Parts that neither sets apart, a fifth of the images each, are drawn class
            by class with a fixed seed.
        target: Of a table: the column to be predicted, or several; if None, one called target, label, class or y.
        task: Of a table: "classification", "multi-label" or "regression"; told by what the target holds if None.
        columns: Of a table: those that a network sees; all that tell something if None.
        subset: Of a table: how many rows are used at most, drawn class by class.

    Returns:
        `ImageData`: the images, read when they are asked for, with their classes and splits; or `TableData`. (Typed as
        anything, so that each can be used as what it is.)

    Raises:
        InputError: a file is missing or broken, or its labels are no classes.

    Example:
        >>> from untrained import load_data
        >>> {name: len(rows) for name, rows in load_data("digits").splits.items()}
        {'train': 1079, 'valid': 359, 'test': 359}
    """
    if str(source) in TABLES:
        table, found = builtin_table(str(source))
        return load_table(
            table, test, target=target or found, task=task, columns=columns, subset=subset, name=str(source)
        )
    if is_table(Path(source)) and not has_pictures(Path(source)):
        return load_table(source, test, target=target, task=task, columns=columns, subset=subset)
    return _images(source, test)


def _images(source: str | Path, test: str | Path | None) -> ImageData:
    data = _read(source)
    labels, classes = as_classes(data.labels, data.name, data.classes)
    pixels, contents, given = data.pixels, [data.content], dict(data.splits)
    if test is not None:
        other = _read(test)
        own = other.splits.get("test", np.arange(len(other.labels)))
        labels = np.concatenate([labels, matched(other.labels, other.name, classes, data.name)])
        _check_shapes(data, other)
        given = {"train": np.setdiff1d(np.arange(len(data.labels)), given.get("test", []))} | given
        given["train"] = np.setdiff1d(given["train"], given.get("valid", []))
        given["test"] = len(data.labels) + own
        pixels = _chained(data.pixels, len(data.labels), other.pixels)
        contents.append(other.content)
    name = DIGITS if str(source) == DIGITS else Path(source).name
    splits = split(labels, given, data.name)
    return ImageData(name, labels, pixels, splits, classes, lambda: hash_of(*(part() for part in contents)))


def _read(source: str | Path) -> Source:
    path = Path(source)
    if str(source) == DIGITS:
        return read_digits()
    try:
        if path.is_dir():
            return read_folder(path)
        if path.suffix.lower() not in (".parquet", ".npz"):
            raise InputError(f"unknown data {str(source)!r}: give {TAKEN}")
        if not path.is_file():
            raise InputError(f"no file {str(source)!r}: give {TAKEN}")
        return read_parquet(path) if path.suffix.lower() == ".parquet" else read_npz(path)
    except OSError as error:
        raise InputError(f"{str(source)!r} cannot be read: {error.strerror or error}") from error


def _check_shapes(data: Source, other: Source) -> None:
    first = np.zeros(1, np.int64)
    own, others = (tuple(source.pixels(first).shape[1:]) for source in (data, other))
    if own != others:
        raise InputError(f"{other.name} has images of {others}, {data.name} of {own} (channels, height, width)")


def _chained(first: Pixels, length: int, second: Pixels) -> Pixels:
    """The rows of `second` after the `length` rows of `first`; asked for rows of one of them at a time."""
    return lambda rows: first(rows) if len(rows) == 0 or rows.max() < length else second(rows - length)

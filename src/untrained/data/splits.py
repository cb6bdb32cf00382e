"""Holding out a part of the images, class by class."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from untrained.data.source import Rows
from untrained.errors import InputError

HOLD_OUT = 0.2
"""Part of the images for validation, and again for testing if no test data is given."""
SPLIT_SEED = 0


def split(labels: NDArray[np.int64], given: Mapping[str, Rows], source: str) -> dict[str, Rows]:
    """Splits rows into train, valid and test, of which each part that is not given is held out from the training rows.

    Args:
        labels: the class of every row.
        given: rows of parts that are set apart already; without "train", every row that is in none of them.
        source: what messages call the data.

    Returns:
        The rows of "train", in random order, "valid" and "test". The same for the same labels, always.

    Raises:
        InputError: a class has too few images to be held out from.

    Example:
        >>> {name: len(rows) for name, rows in split(np.arange(20) % 2, {}, "x").items()}
        {'train': 12, 'valid': 4, 'test': 4}
    """
    rest = given.get("train")
    if rest is None:
        rest = np.setdiff1d(np.arange(len(labels)), np.concatenate([np.empty(0, np.int64), *given.values()]))
    parts = [name for name in ("test", "valid") if name not in given]
    _check_counts(labels[rest], len(parts), source)
    held = dict(given)
    for name in parts:
        part = HOLD_OUT / (1 - HOLD_OUT) if name == "valid" and "test" in parts else HOLD_OUT
        rest, held[name] = _hold_out(rest, labels, part)
    if not parts:
        rest = np.random.default_rng(SPLIT_SEED).permutation(rest)
    return {"train": rest, "valid": held["valid"], "test": held["test"]}


def _check_counts(labels: NDArray[np.int64], parts: int, source: str) -> None:
    classes, counts = np.unique(labels, return_counts=True)
    for name, count in zip(classes, counts, strict=True):
        if count <= parts:
            raise InputError(
                f"{source} has {count} image{'s' * int(count > 1)} of class {name}, too few to split: give at least "
                f"{parts + 1}, or leave the class out"
            )


def _hold_out(rows: Rows, labels: NDArray[np.int64], part: float) -> tuple[Rows, Rows]:
    """(kept, held out): `part` of each class of `rows`, at least one image, drawn with the fixed seed."""
    rng = np.random.default_rng(SPLIT_SEED)
    held = list[Rows]()
    for label in np.unique(labels[rows]):
        of_class = rows[labels[rows] == label]
        count = min(max(round(part * len(of_class)), 1), len(of_class) - 1)
        held.append(rng.permutation(of_class)[:count])
    held_rows = np.sort(np.concatenate(held)).astype(np.int64)
    return rng.permutation(np.setdiff1d(rows, held_rows)), held_rows

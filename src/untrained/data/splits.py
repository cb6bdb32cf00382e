"""Holding out a part of the images, class by class, and taking fewer of them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from untrained.data.source import Rows
from untrained.errors import InputError, InputWarning, listed, warn

HOLD_OUT = 0.2
"""Part of the images for validation, and again for testing if no test data is given."""
SPLIT_SEED = 0


BINS = 10
"""The most groups of numbers, from each of which a part is held out."""


def divided(
    groups: NDArray[np.int64],
    given: Mapping[str, Rows],
    source: str,
    count: int | None = None,
    called: Callable[[int], str] = str,
    samples: str = "images",
) -> dict[str, Rows]:
    """Splits rows, or some of them, into train, valid and test.

    Args:
        groups: The group of every row.
        given: Rows of parts that are set apart already.
        source: What messages call the data.
        count: How many rows are used; all if None.
        called: Group -> what messages call it.
        samples: What messages call the rows.

    Returns:
        The rows of "train", "valid" and "test".

    Raises:
        InputError: Too little is left to be held out, or there are not so many rows.

    Example:
        >>> {name: len(rows) for name, rows in divided(np.arange(20) % 2, {}, "x", 10).items()}
        {'train': 6, 'valid': 2, 'test': 2}
    """
    if count is not None:
        rows = np.unique(np.concatenate(list(given.values()))) if "train" in given else np.arange(len(groups))
        rows = subset(count, groups, given, rows, source, samples)
        given = {part: np.intersect1d(of, rows) for part, of in given.items()}
        if "train" not in given:
            given["train"] = np.setdiff1d(rows, np.concatenate([np.empty(0, np.int64), *given.values()]))
    return split(groups, given, source, called, samples)


def tenths(numbers: NDArray[Any]) -> NDArray[np.int64]:
    """The group of each of n numbers: which tenth of them it is of; fewer groups if there are fewer than 100.

    Example:
        >>> tenths(np.array([0.1, 5.0, 0.3, 7.0] * 5)).tolist()[:4]
        [0, 1, 0, 1]
    """
    bins = min(BINS, max(1, len(numbers) // 10))
    order = np.argsort(np.argsort(numbers, kind="stable"))
    return (order * bins // max(len(order), 1)).astype(np.int64)


def split(
    groups: NDArray[np.int64],
    given: Mapping[str, Rows],
    source: str,
    called: Callable[[int], str] = str,
    samples: str = "images",
) -> dict[str, Rows]:
    """Splits rows into train, valid and test, of which each part that is not given is held out from the training rows.

    A group with too few rows for all parts stays in the training data whole, and a warning says so.

    Args:
        groups: The group of every row (its class); all the same if the rows are all alike.
        given: Rows of parts that are set apart already; without "train", every row that is in none of them.
        source: What messages call the data.
        called: Group -> what messages call it.
        samples: What messages call the rows.

    Returns:
        The rows of "train", in random order, "valid" and "test". The same for the same groups, always.

    Raises:
        InputError: Too little is left to be held out.

    Example:
        >>> {name: len(rows) for name, rows in split(np.arange(20) % 2, {}, "x").items()}
        {'train': 12, 'valid': 4, 'test': 4}
    """
    rest = given.get("train")
    if rest is None:
        rest = np.setdiff1d(np.arange(len(groups)), np.concatenate([np.empty(0, np.int64), *given.values()]))
    parts = [name for name in ("test", "valid") if name not in given]
    common = _common(groups, rest, len(parts), source, called, samples)
    held = dict(given)
    for name in parts:
        part = HOLD_OUT / (1 - HOLD_OUT) if name == "valid" and "test" in parts else HOLD_OUT
        rest, held[name] = _hold_out(rest, groups, part, common)
    if not parts:
        rest = np.random.default_rng(SPLIT_SEED).permutation(rest)
    return {"train": rest, "valid": held["valid"], "test": held["test"]}


def subset(
    count: int, groups: NDArray[np.int64], given: Mapping[str, Rows], rows: Rows, source: str, samples: str = "images"
) -> Rows:
    """Draws some of the rows, of each group and each part that is set apart its share, with a fixed seed.

    A smaller subset is part of a larger one, but for what rounding the shares moves.

    Args:
        count: How many.
        groups: The group of every row.
        given: Rows of parts that are set apart.
        rows: The rows to choose from.
        source: What messages call the data.
        samples: What messages call the rows.

    Returns:
        `count` of the rows, in order.

    Raises:
        InputError: There are not so many, or fewer are wanted than there are groups.

    Example:
        >>> np.bincount(subset(10, np.arange(100) // 70, {}, np.arange(100), "x") // 70)
        array([7, 3])
    """
    if not isinstance(count, int) or not 1 <= count <= len(rows):
        raise InputError(f"subset {count}: {source} has {len(rows):,} {samples}: give a number up to that")
    keys = np.stack([groups[rows], np.zeros(len(rows), np.int64)], axis=1)
    for place, part in enumerate(given.values(), 1):
        keys[np.isin(rows, part), 1] = place
    strata, of, sizes = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    if count < len(strata):
        what = "classes in the splits" if given else "classes"
        raise InputError(f"subset {count}: {source} has {len(strata)} {what}: give at least {3 * len(strata)}")
    shares = count * sizes / len(rows)
    takes = np.maximum(np.floor(shares).astype(np.int64), 1)
    while takes.sum() < count:
        takes[np.argmax(shares - takes)] += 1
    while takes.sum() > count:
        takes[np.argmax(np.where(takes > 1, takes - shares, -np.inf))] -= 1
    rng = np.random.default_rng(SPLIT_SEED)
    taken = [rng.permutation(rows[of.reshape(-1) == stratum])[:take] for stratum, take in enumerate(takes)]
    return np.sort(np.concatenate(taken))


def _common(
    groups: NDArray[np.int64], rest: Rows, parts: int, source: str, called: Callable[[int], str], samples: str
) -> NDArray[np.int64]:
    """The groups of which each of the missing parts can have something."""
    if len(rest) < max(2, parts + 1):
        raise InputError(
            f"{source} has {len(rest)} {samples} to train on and to hold out from: give at least {parts + 2}"
        )
    names, counts = np.unique(groups[rest], return_counts=True)
    common = names[counts > parts]
    if len(names) == 1 or parts == 0:
        return names
    rare = [
        f"{called(int(name))} ({count} {samples if count > 1 else samples.removesuffix('s')})"
        for name, count in zip(names, counts, strict=True)
        if count <= parts
    ]
    if len(common) < 2:
        which = f"{'class' if len(rare) == 1 else 'classes'} {listed(rare, 5)}"
        raise InputError(
            f"{source} has too few {samples} of {which} to split: give at least {parts + 1} of each of two classes"
        )
    if rare:
        what = "class" if len(rare) == 1 else "classes"
        warn(
            f"{source}: of {what} {listed(rare, 5)} there are too few {samples} to hold any out: all are trained on",
            InputWarning,
        )
    return common


def _hold_out(rows: Rows, groups: NDArray[np.int64], part: float, common: NDArray[np.int64]) -> tuple[Rows, Rows]:
    """(kept, held out): `part` of each common group of `rows`, at least one row, drawn with the fixed seed."""
    rng = np.random.default_rng(SPLIT_SEED)
    held = list[Rows]()
    for group in np.unique(groups[rows]):
        of_group = rows[groups[rows] == group]
        count = min(max(round(part * len(of_group)), 1), len(of_group) - 1)
        drawn = rng.permutation(of_group)[:count]
        if group in common:
            held.append(drawn)
    held_rows = np.sort(np.concatenate(held)).astype(np.int64)
    return rng.permutation(np.setdiff1d(rows, held_rows)), held_rows

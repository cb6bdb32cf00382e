"""The pool of a search and its scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from untrained.errors import InputError
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace

SCORES_FILE = "scores.parquet"
POOL = 256
"""Architectures to score if the caller does not say how many."""


def whole(name: str, given: Any) -> int:
    """Reads a whole number that may also be written as "10" or 10.0.

    Args:
        name: What messages call it.
        given: The number.

    Raises:
        InputError: It is no whole number.
    """
    is_number = isinstance(given, int | float | np.integer | np.floating) and not isinstance(given, bool)
    if is_number and float(given).is_integer():
        return int(given)
    if isinstance(given, str) and given.strip().lstrip("+-").isdecimal():
        return int(given)
    raise InputError(f"{name} {given!r:.60}: give a whole number")


def scores_seed(folder: str | Path | None, seed: int) -> int:
    """The seed with which the scores in a folder were made: another seed decides the sampler only.

    Args:
        folder: The folder of a search, or None.
        seed: The answer if it holds no scores yet.
    """
    path = None if folder is None else Path(folder) / SCORES_FILE
    if path is None or not path.is_file():
        return seed
    return ScoreTable.load(path).provenance.get("seed", seed)


def chosen_pool(space: SearchSpace, pool: Any, seed: int) -> list[str]:
    """The distinct architectures of a pool.

    Args:
        space: Where they come from.
        pool: A list of them; or how many to draw; None for `POOL` of them, or all of a smaller space.
        seed: Decides which are drawn.

    Raises:
        InputError: One is not of the space, or there are not so many.
    """
    if pool is None:
        return space.pool(POOL, seed, at_most=True)
    if isinstance(pool, str) or not isinstance(pool, Sequence):
        return space.pool(whole("pool", pool), seed)
    return list(dict.fromkeys(map(space.canonical, pool)))


def check_scored(scores: ScoreTable) -> None:
    """Makes sure that each metric of a table that the caller gives has a score.

    Raises:
        InputError: One has none.
    """
    for name, why in scores.idle.items():
        if np.isnan(scores.values[:, scores.metrics.index(name)]).all():
            raise InputError(f"metric {name!r} {why}: leave it out")

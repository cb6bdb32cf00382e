"""Which queries a sampler learns from, once there are more than it has the time and the memory for."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.intp]


class Representatives(NamedTuple):
    """The queries to learn from.

    Args:
        places: Their places in the history, ascending.
        base: The first so many of them stand for all queries up to a point; those after this point are all there.
        stands_for: How many queries there are up to this point.
    """

    places: Index
    base: int
    stands_for: int


def representatives(values: NDArray[np.float64], most: int, seed: int) -> Representatives:
    """Chooses at most `most` of t queries: all of them, if there are no more.

    Of more, `most // 2` stand for the first ones. They are chosen anew after each `most // 2` queries, so that what has
    been computed of them lasts for as many. Half of them are the best, since the search goes on near these, and the
    others are random, so that the rest of the space is not forgotten. Of these, most were chosen the time before, too.

    Args:
        values: t values in the order of the queries, NaN for a failed one.
        most: The most queries to learn from.
        seed: Decides which are random.

    Example:
        >>> representatives(np.arange(6.0), most=8, seed=0).places.tolist()
        [0, 1, 2, 3, 4, 5]
        >>> places, base, stands_for = representatives(np.arange(10.0), most=8, seed=0)
        >>> [int(place) for place in places if place in (6, 7, 8, 9)], len(places), base, stands_for
        ([6, 7, 8, 9], 6, 4, 8)
    """
    t, base = len(values), most // 2
    if t <= most:
        return Representatives(np.arange(t), 0, 0)
    first = most + (t - most - 1) // base * base
    known = np.where(np.isnan(values[:first]), -np.inf, values[:first])
    by_value = np.argsort(-known, kind="stable")
    best, others = by_value[: base // 2], by_value[base // 2 :]
    chance = np.random.default_rng((seed, 5)).random(first)  # of each query the same, however many there are
    chosen = np.concatenate([best, others[np.argsort(chance[others], kind="stable")][: base - len(best)]])
    return Representatives(np.concatenate([np.sort(chosen), np.arange(first, t)]), base, first)

"""Pools: distinct architectures of a space, drawn at random."""

import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from untrained.errors import InputError

if TYPE_CHECKING:
    from untrained.spaces.base import SearchSpace

MISSES = 1_000
"""Draws in a row without a new (or a valid) architecture after which there seems to be no further one."""


def drawn_pool(space: "SearchSpace", n: int | None, seed: int, *, at_most: bool, listable: bool) -> list[str]:
    """Distinct canonical architectures of a space: see `SearchSpace.pool`.

    Args:
        space: the space.
        n: how many; None for all, in the order of the space.
        seed: decides which.
        at_most: give all that there are, in the order of the space, if there are no more than `n`.
        listable: whether the space is small enough to be listed.

    Raises:
        InputError: if the space has fewer than `n` and `at_most` is not set, or is too large to be listed whole.
    """
    if n is not None and n < 1:
        raise InputError(f"pool of {n} architectures: give at least 1")
    everything = None
    if listable:
        everything = list(dict.fromkeys(map(space.canonical, space)))
        if not everything:
            raise InputError(f"space {space.name!r} has no valid architecture")
        if n is None or (at_most and n >= len(everything)):
            return everything
        if n > len(everything):
            most = len(everything)
            raise InputError(
                f"pool of {n} architectures: space {space.name!r} has {most} distinct ones: give at most {most}"
            )
    if n is None:
        raise InputError(f"space {space.name!r} is too large to score whole: give the size of the pool")
    found = dict[str, None]()
    for arch in _drawn(space, random.Random(seed), everything):
        found[arch] = None
        if len(found) == n:
            return list(found)
    if at_most and found:
        return list(found)
    raise InputError(f"pool of {n} architectures: space {space.name!r} gave {len(found)}, then none in {MISSES} draws")


def limited_pool(
    space: "SearchSpace", n: int, seed: int, meets: Callable[[str], bool], *, listable: bool
) -> tuple[list[str], int]:
    """Distinct canonical architectures of a space that meet a condition.

    They are drawn in the order in which a pool without a condition is; a larger pool begins with a smaller one.

    Args:
        space: the space.
        n: how many at most.
        seed: decides which.
        meets: whether an architecture meets the condition; it is asked once for each.
        listable: whether the space is small enough to be listed.

    Returns:
        The architectures: fewer than `n` if no other one is among the last `MISSES`; and how many were looked at.

    Raises:
        InputError: if `n` is below 1.
    """
    if n < 1:
        raise InputError(f"pool of {n} architectures: give at least 1")
    everything = list(dict.fromkeys(map(space.canonical, space))) if listable else None
    found, seen, misses = list[str](), set[str](), 0
    for arch in _drawn(space, random.Random(seed), everything):
        if arch in seen:
            continue
        seen.add(arch)
        met = meets(arch)
        found += [arch] * met
        misses = 0 if met else misses + 1
        if len(found) == n or misses == MISSES:
            break
    return found, len(seen)


def _drawn(space: "SearchSpace", rng: random.Random, everything: list[str] | None) -> Iterator[str]:
    """Canonical architectures in random order, some repeatedly; each of `everything` in the end, if it is known."""
    logarithmic = any(decision.logarithmic for decision in space.decisions.values())
    evenly = None if logarithmic else everything
    seen, misses = set[str](), 0
    while misses < MISSES:
        arch = evenly[rng.randrange(len(evenly))] if evenly else space.canonical(space.sample(rng))
        misses = misses + 1 if arch in seen else 0
        seen.add(arch)
        yield arch
    rest = [arch for arch in everything or () if arch not in seen]
    rng.shuffle(rest)
    yield from rest

"""What a file or folder of images holds, as its reader gives it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from untrained.errors import InputError

Rows = NDArray[np.int64]
Pixels = Callable[[Rows], Tensor]
"""Rows -> n x c x h x w."""

SPLITS = {"train": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}
"""What files and folders call a split -> its name here."""


@dataclass(frozen=True, eq=False)
class Source:
    """Images and labels, not yet checked and split.

    Args:
        name: what messages call it, the path as it was given.
        pixels: decodes some of its n images.
        labels: n numbers or texts.
        content: gives a hash of all that it holds.
        splits: rows of "train", "valid" or "test", if it sets them apart.
        classes: the names of labels 0, 1, ..., if it tells them.
    """

    name: str
    pixels: Pixels
    labels: NDArray[Any]
    content: Callable[[], str]
    splits: Mapping[str, Rows] = field(default_factory=dict)
    classes: tuple[str, ...] = ()


def hash_of(*parts: str | bytes | memoryview) -> str:
    """Sixteen hex digits that stand for `parts`, each told from the next by its length.

    Example:
        >>> hash_of("ab", "c") == hash_of("a", "bc")
        False
    """
    digest = blake2b(digest_size=8)
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.hexdigest()


def check_memory(size: int, what: str) -> None:
    """Refuses what cannot be held in memory, before it is decoded.

    Args:
        size: bytes.
        what: what would take them, for the message.

    Raises:
        InputError: this machine has less memory in all.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > memory:
        raise InputError(
            f"{what} take {size / 2**30:,.1f} GB, this machine has {memory / 2**30:,.1f} GB: save them smaller"
        )

"""What a file or folder of images holds, as its reader gives it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from untrained.errors import InputError
from untrained.runtime.memory import physical_memory

if TYPE_CHECKING:
    from untrained.data.masks import Masks
    from untrained.data.pixels import Images
    from untrained.data.resizing import Resize

Rows = NDArray[np.int64]

SPLITS = {
    **{"train": "train", "training": "train", "valid": "valid", "val": "valid", "validation": "valid", "dev": "valid"},
    **{"test": "test", "testing": "test"},
}
"""What files and folders call a split -> its name here."""


@dataclass(frozen=True)
class Wanted:
    """What a user says of a source beside its name.

    Args:
        resize: What is done to each image.
        image: The column of images or file names.
        target: The column of targets, or several at commas.
        task: The kind of task.
    """

    resize: "Resize | None" = None
    image: str | None = None
    target: str | None = None
    task: str | None = None


@dataclass(frozen=True, eq=False)
class Source:
    """Images and targets, not yet checked and split.

    Args:
        name: What messages call it, the path as it was given.
        images: Gives some of its n images.
        targets: n numbers or texts, n x k numbers, or the n masks.
        content: Gives a hash of all that it holds.
        splits: Rows of "train", "valid" or "test", if it sets them apart.
        classes: The names of classes 0, 1, ..., if it tells them; of k columns of targets, their names.
        files: The name of the file of each image, if they are files.
        called: Row -> what messages call it.
    """

    name: str
    images: "Images"
    targets: "NDArray[Any] | Masks"
    content: Callable[[], str]
    splits: Mapping[str, Rows] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    files: list[str] | None = None
    called: Callable[[int], str] = "row {}".format


def hash_of(*parts: str | bytes | memoryview) -> str:
    """Sixteen hex digits that stand for `parts`, each told from the next by its length.

    Example:
        >>> hash_of("ab", "c") == hash_of("a", "bc")
        False
    """
    digest = blake2b(digest_size=8)
    for part in parts:
        content = part.encode(errors="surrogateescape") if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.hexdigest()


def check_memory(size: int, what: str) -> None:
    """Refuses what cannot be held in memory, before it is decoded.

    Args:
        size: Bytes.
        what: What would take them, for the message.

    Raises:
        InputError: This machine has less memory in all.
    """
    whole = physical_memory()
    if size > whole:
        raise InputError(
            f"{what} take {size / 2**30:,.1f} GB, this machine has {whole / 2**30:,.1f} GB: save them smaller"
        )

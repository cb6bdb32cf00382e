"""Pictures in files of their own."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from untrained.data.picture import ENDINGS, OTHER_ENDINGS
from untrained.data.pixels import spread
from untrained.data.source import hash_of
from untrained.errors import InputWarning, listed, warn

SPREAD = 256
"""Files that stand for all of them in a hash, beside the names and sizes of all."""


class Files:
    """Pictures in files of their own.

    Args:
        paths: The n files.
        names: What messages call them; their paths if None.
    """

    def __init__(self, paths: Sequence[Path], names: Sequence[str] | None = None) -> None:
        self.paths = paths
        self.names = names

    def __len__(self) -> int:
        return len(self.paths)

    def open(self, row: int) -> BinaryIO:
        return self.paths[row].open("rb")

    def called(self, row: int) -> str:
        return repr(str(self.paths[row]) if self.names is None else self.names[row])


def pictures_below(folder: Path) -> list[Path]:
    """The pictures in a folder and in folders inside it, in alphabetical order; a warning tells of those left out.

    Args:
        folder: Where to look. Links to folders are followed, each folder once.
    """
    files, seen = list[Path](), set[str]()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else sorted(name for name in folders if not name.startswith("."))
        if real not in seen:
            files += [Path(place, name) for name in names if not name.startswith(".")]
        seen.add(real)
    found = sorted(file for file in files if file.suffix.lower() in ENDINGS)
    others = [file.name for file in files if file.suffix.lower() in OTHER_ENDINGS]
    if others:
        note = f"{len(others):,} pictures are left out ({listed(sorted(others), 3)}): convert them to JPEG or PNG"
        warn(f"{folder}: {note}", InputWarning)
    return found


def content_of(paths: Sequence[Path], names: Sequence[str]) -> str:
    """A hash of every name and size, and of the bytes of files spread over all.

    Args:
        paths: The files.
        names: What they are called in the hash.
    """
    sizes = (f"{name} {path.stat().st_size}" for name, path in zip(names, paths, strict=True))
    return hash_of(*sizes, *(paths[row].read_bytes() for row in spread(SPREAD, len(paths))))

"""A folder of pictures with a folder for each class, as `cat/1.png`, or `train/cat/1.png` and `test/cat/2.png`."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from untrained.data.pictures import SPREAD, Pictures
from untrained.data.source import SPLITS, Source, hash_of
from untrained.errors import InputError

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm")
LAYOUT = "give a folder for each class, as cat/1.png, or train/cat/1.png and test/cat/2.png"


def read_folder(path: Path) -> Source:
    """Reads the pictures in the folders of classes, and in folders inside these.

    Args:
        path: the folder.

    Raises:
        InputError: it holds no folders, or one of a class holds no picture.
    """
    folders = _folders(path)
    splits = {folder: SPLITS.get(folder.name.lower(), "") for folder in folders}
    if all(splits.values()) and "train" in splits.values():
        found = {split: list(_pictures(folder)) for folder, split in splits.items()}
    else:
        found = {"": list(_pictures(path))}
    files = [entry for entries in found.values() for entry in entries]
    ends = np.cumsum([len(entries) for entries in found.values()])
    rows = {split: np.arange(end - len(found[split]), end) for split, end in zip(found, ends, strict=True) if split}
    paths = [file for file, _ in files]
    labels = np.array([name for _, name in files], dtype=object)
    pictures = Pictures(
        str(path), len(files), lambda row: paths[row].read_bytes(), lambda row: f"{_inside(path, paths[row])!r}"
    )
    return Source(str(path), pictures, labels, lambda: _content(path, paths), rows)


def _folders(path: Path) -> list[Path]:
    found = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not found:
        raise InputError(f"folder {str(path)!r} holds no folders: {LAYOUT}")
    return found


def _pictures(path: Path) -> Iterator[tuple[Path, str]]:
    """The pictures of each class, in alphabetical order, and its name."""
    for folder in _folders(path):
        files = [file for file in sorted(folder.rglob("*")) if file.suffix.lower() in ENDINGS and file.is_file()]
        if not files:
            raise InputError(f"folder {str(folder)!r} holds no pictures ({', '.join(ENDINGS[:4])}, ...): {LAYOUT}")
        yield from ((file, folder.name) for file in files)


def _content(path: Path, files: list[Path]) -> str:
    """Every name and size, and the bytes of pictures spread over all."""
    rows = np.unique(np.linspace(0, len(files) - 1, SPREAD).round().astype(np.int64))
    names = (f"{_inside(path, file)} {file.stat().st_size}" for file in files)
    return hash_of(*names, *(files[row].read_bytes() for row in rows))


def _inside(path: Path, file: Path) -> str:
    return file.relative_to(path).as_posix()

"""A folder of pictures with a folder for each class, as `cat/1.png`, or `train/cat/1.png` and `test/cat/2.png`."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from untrained.data.parquet import read_parquet
from untrained.data.picture import ENDINGS
from untrained.data.picture_files import Files, content_of, pictures_below
from untrained.data.pictures import Pictures
from untrained.data.segmentation import IMAGES, MASKS, read_segmentation
from untrained.data.source import SPLITS, Source, Wanted
from untrained.errors import InputError, InputWarning, listed, warn

LAYOUT = "give a folder for each class, as cat/1.png, or train/cat/1.png and test/cat/2.png"


def read_folder(path: Path, wanted: Wanted) -> Source:
    """Reads the pictures in the folders of classes, and in folders inside these.

    Names that begin with a dot are left out; links are followed.

    Args:
        path: The folder. It may also hold Parquet files, or folders `images` and `masks`.
        wanted: What the user says of it.

    Raises:
        InputError: It holds no folders, or one of a class holds no picture.
    """
    if tables := sorted(entry for entry in path.glob("*.parquet") if not entry.name.startswith(".")):
        return read_parquet(tables, wanted, path)
    folders = _folders(path)
    if {IMAGES, MASKS} <= {folder.name.lower() for folder in folders}:
        return read_segmentation(path, wanted)
    found = dict[str, list[tuple[Path, str]]]()
    for folder, split in _splits(path, folders).items():
        found.setdefault(split, []).extend(_pictures(folder))
    if not found:
        found = {"": list(_pictures(path))}
    files = [entry for entries in found.values() for entry in entries]
    ends = np.cumsum([len(entries) for entries in found.values()])
    rows = {split: np.arange(end - len(found[split]), end) for split, end in zip(found, ends, strict=True) if split}
    paths = [file for file, _ in files]
    names = [file.relative_to(path).as_posix() for file in paths]
    encoded = Files(paths, names)
    return Source(
        str(path),
        Pictures(str(path), encoded, wanted.resize),
        np.array([name for _, name in files], dtype=object),
        lambda: content_of(paths, names),
        rows,
        files=names,
        called=encoded.called,
    )


def _splits(path: Path, folders: list[Path]) -> dict[Path, str]:
    """The folders of splits, with folders of classes inside; none if these are classes (`train` may be one)."""
    named = {folder: SPLITS[folder.name.lower()] for folder in folders if folder.name.lower() in SPLITS}
    whole = {folder: split for folder, split in named.items() if _subfolders(folder)}
    if "train" not in whole.values():
        return {}
    for folder in folders:
        if folder not in whole and pictures_below(folder):
            if folder not in named:
                raise InputError(
                    f"{path} has splits ({listed(of.name for of in whole)}) and beside them {folder.name!r} with "
                    "pictures: is it a split or a class?"
                )
            note = f"{path}: {folder.name!r} is left out: its pictures are in no folders of classes"
            warn(note, InputWarning)
    return whole


def _subfolders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _folders(path: Path) -> list[Path]:
    found = _subfolders(path)
    if not found:
        here = sum(entry.suffix.lower() in ENDINGS for entry in path.iterdir())
        what = f"{here:,} pictures and no folders" if here else "no folders"
        tables = sorted(entry.name for entry in path.iterdir() if entry.suffix.lower() in (".csv", ".tsv"))
        table = f", or {tables[0]} in it" if tables else ", or a .csv with a column of file names and one of labels"
        table = table if here else ""
        raise InputError(f"folder {str(path)!r} holds {what}: {LAYOUT}{table}")
    return found


def _pictures(path: Path) -> Iterator[tuple[Path, str]]:
    """The pictures of each class, in alphabetical order, and its name."""
    for folder in _folders(path):
        files = pictures_below(folder)
        if not files:
            raise InputError(f"folder {str(folder)!r} holds no pictures ({', '.join(ENDINGS[:5])}, ...): {LAYOUT}")
        yield from ((file, folder.name) for file in files)

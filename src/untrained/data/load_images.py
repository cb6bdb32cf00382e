"""Images from a name, a file or a folder, made ready for trainings."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from untrained.data.builtin import DIGITS, read_digits
from untrained.data.file_names import names_pictures, read_file_names
from untrained.data.folder import read_folder
from untrained.data.image_targets import Targets, targets_of
from untrained.data.images import ImageData
from untrained.data.npz import read_npz
from untrained.data.parquet import holds_pictures, read_parquet
from untrained.data.pixels import Chained
from untrained.data.source import Rows, Source, Wanted, hash_of
from untrained.data.splits import divided
from untrained.errors import InputError, InputWarning, listed, warn

TAKEN = "digits, wine, a folder of class folders, or a .csv, .parquet or .npz file"


def load_images(source: str | Path, test: str | Path | None, wanted: Wanted, subset: int | None = None) -> ImageData:
    """Reads images and their targets, and splits them.

    Args:
        source: See `load_data`.
        test: Likewise.
        wanted: What the user says of them.
        subset: How many images to use; all if None.

    Returns:
        The images.

    Raises:
        InputError: They cannot be used.
    """
    data = _read(source, wanted)
    targets = targets_of(data, wanted.task)
    given, contents, images, files = dict(data.splits), [data.content], data.images, data.files
    if test is not None:
        other = _read(test, wanted)
        tested = targets_of(other, wanted.task, (data.name, targets))
        own = other.splits.get("test", np.arange(_count(other)))
        given = {"train": np.setdiff1d(np.arange(_count(data)), given.get("test", []))} | given
        given["train"] = np.setdiff1d(given["train"], given.get("valid", []))
        given["test"] = _count(data) + own
        images = Chained(images, _count(data), other.images)
        targets = targets.followed_by(tested)
        files = None if files is None or other.files is None else files + other.files
        contents.append(other.content)
    called = targets.task.called if targets.task.kind == "classification" else str
    splits = divided(targets.groups, given, data.name, subset, called)
    _tell_of_untrained_classes(data.name, targets, splits)
    used = images.used(np.concatenate(list(splits.values())))
    _ = used.form  # whatever is wrong with the images is told now
    name = DIGITS if str(source) == DIGITS else Path(source).resolve().name
    return ImageData(
        name,
        targets,
        used,
        splits,
        targets.task.classes,
        lambda: hash_of(*(part() for part in contents)),
        wanted.resize,
        files,
    )


def has_images(path: Path, wanted: Wanted) -> bool:
    """Tells whether a table has a column of pictures, or of their names.

    Args:
        path: A file; a broken or missing one has none.
        wanted: What the user says of it.
    """
    if wanted.image is not None:
        return True
    try:
        return (path.suffix.lower() == ".parquet" and holds_pictures(path)) or names_pictures(path)
    except (InputError, OSError):
        return False


def _tell_of_untrained_classes(name: str, targets: Targets, splits: Mapping[str, Rows]) -> None:
    if targets.task.kind != "classification":
        return
    groups = targets.groups
    trained = np.unique(groups[splits["train"]])
    for part in ("valid", "test"):
        missing = np.setdiff1d(groups[splits[part]], trained).tolist()
        if missing:
            what = f"{listed(map(targets.task.called, missing), 5)} of the {part} images"
            warn(f"{name}: no training image is of class {what}", InputWarning)


def _count(source: Source) -> int:
    return len(source.targets)


def _read(source: str | Path, wanted: Wanted) -> Source:
    path = Path(source)
    if str(source) == DIGITS:
        return read_digits(wanted)
    if not str(source).strip():
        raise InputError(f"unknown data {str(source)!r}: give {TAKEN}")
    try:
        if path.is_dir():
            return read_folder(path, wanted)
        kind = path.suffix.lower()
        if kind not in (".parquet", ".npz", ".csv", ".tsv"):
            what = "which is one file" if path.is_file() else "no file or folder"
            raise InputError(f"unknown data {str(source)!r}, {what}: give {TAKEN}")
        if not path.is_file():
            raise InputError(f"no file {str(source)!r}: give {TAKEN}")
        if kind == ".npz":
            return read_npz(path, wanted)
        if kind == ".parquet" and holds_pictures(path):
            return read_parquet([path], wanted)
        return read_file_names(path, wanted)
    except OSError as error:
        raise InputError(f"{str(source)!r} cannot be read: {error.strerror or error}") from error

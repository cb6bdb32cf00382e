"""A folder for segmentation: `images/1.jpg` and `masks/1.png`, whole or for each split."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from untrained.data.masks import picture_masks
from untrained.data.picture_files import Files, content_of, pictures_below
from untrained.data.pictures import Pictures
from untrained.data.source import SPLITS, Source, Wanted
from untrained.errors import InputError, listed

IMAGES, MASKS = "images", "masks"
"""Folders of pictures, and of masks with the same names; folders of splits may stand inside each, or around both."""
CLASSES = "classes.txt"
"""A file beside them with the name of class 0, 1, ... in each line, if there is one."""


def read_segmentation(path: Path, wanted: Wanted) -> Source:
    """Reads pictures and masks of the same names: class numbers as grey values or palette places, 255 for no class.

    Args:
        path: The folder.
        wanted: What the user says of it.

    Raises:
        InputError: A picture has no mask, or a mask no picture.
    """
    here = {entry.name.lower(): entry for entry in path.iterdir() if entry.is_dir()}
    pictures, masks = (_by_name(here[name]) for name in (IMAGES, MASKS))
    if not pictures:
        raise InputError(f"folder {str(here[IMAGES])!r} holds no pictures")
    for name, those, others in (("mask", pictures, masks), ("picture", masks, pictures)):
        if missing := sorted(those.keys() - others.keys()):
            what = "pictures have" if name == "mask" else "masks have"
            raise InputError(f"{path}: {len(missing):,} {what} no {name} of the same name: {listed(missing, 3)}")
    names = sorted(pictures)
    paths, mask_paths = [pictures[name] for name in names], [masks[name] for name in names]
    called = [file.relative_to(path).as_posix() for file in paths]
    encoded = Files(paths, called)
    own = Files(mask_paths, [file.relative_to(path).as_posix() for file in mask_paths])
    file = path / CLASSES
    return Source(
        str(path),
        Pictures(str(path), encoded, wanted.resize),
        picture_masks(str(path), own, wanted.resize),
        lambda: content_of(paths + mask_paths, called + list(own.names or ())),
        _splits(names),
        classes=tuple(filter(None, map(str.strip, file.read_text().splitlines()))) if file.is_file() else (),
        files=called,
        called=encoded.called,
    )


def _by_name(folder: Path) -> dict[str, Path]:
    """Name without its ending, inside the folder -> file."""
    return {file.relative_to(folder).with_suffix("").as_posix(): file for file in pictures_below(folder)}


def _splits(names: Sequence[str]) -> dict[str, np.ndarray]:
    """Those that the first folder of each name tells."""
    parts = [SPLITS.get(name.split("/")[0].lower(), "") if "/" in name else "" for name in names]
    if "train" not in parts or not all(parts):
        return {}
    return {part: np.array([row for row, of in enumerate(parts) if of == part]) for part in dict.fromkeys(parts)}

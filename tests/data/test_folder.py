"""A folder of pictures with a folder for each class."""

from pathlib import Path

import numpy as np
import pytest

from data.pictures import encoded
from untrained.data import load_data
from untrained.errors import InputError

RNG = np.random.default_rng(0)


def fill(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True)
    for i in range(count):
        (folder / f"{i}.png").write_bytes(encoded(RNG.integers(0, 256, (4, 4, 3), dtype=np.uint8)))
    return folder


def test_folders_of_classes(tmp_path: Path) -> None:
    fill(tmp_path / "dog", 6)
    fill(tmp_path / "cat" / "black", 5)
    (tmp_path / "cat" / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden").mkdir()
    data = load_data(tmp_path)
    assert (data.name, data.classes, data.labels.tolist()) == (tmp_path.name, ("cat", "dog"), [0] * 5 + [1] * 6)
    assert data.shape == (3, 4, 4)
    known = data.fingerprint
    assert load_data(tmp_path).fingerprint == known
    (tmp_path / "dog" / "5.png").rename(tmp_path / "dog" / "6.png")
    assert load_data(tmp_path).fingerprint != known
    (tmp_path / "dog" / "1.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"'dog/1\.png' \(empty\): mend or remove it"):
        load_data(tmp_path).split("train")


def test_folders_of_splits(tmp_path: Path) -> None:
    for split, count in (("train", 5), ("val", 2), ("test", 1)):
        fill(tmp_path / split / "a", count)
        fill(tmp_path / split / "b", count)
    data = load_data(tmp_path)
    assert {name: np.bincount(data.labels[rows]).tolist() for name, rows in data.splits.items()} == {
        "train": [5, 5], "valid": [2, 2], "test": [1, 1]
    }  # fmt: skip


def test_what_is_no_such_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "1.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"cat' holds no pictures .*: give a folder for each class"):
        load_data(tmp_path)
    (tmp_path / "cat").rmdir()
    with pytest.raises(InputError, match="holds 1 pictures and no folders: give a folder for each class"):
        load_data(tmp_path)

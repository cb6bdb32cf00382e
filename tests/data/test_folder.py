"""A folder of pictures with a folder for each class."""

from pathlib import Path

import numpy as np
import pytest

from data.pictures import encoded, write_parquet
from untrained.data import load_data
from untrained.errors import InputError, InputWarning

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


def test_names_links_and_what_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path / "photos" / "Жук", 5)
    fill(tmp_path / "elsewhere", 5)
    (tmp_path / "photos" / "🐈 cat").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "elsewhere")  # a circle
    (tmp_path / "elsewhere" / "._0.png").write_bytes(b"left by a file system")
    (tmp_path / "elsewhere" / "Thumbs.db").write_bytes(b"no picture")
    (tmp_path / "elsewhere" / "new.HEIC").write_bytes(b"a phone's")
    with pytest.warns(InputWarning, match=r"1 pictures are left out \(new.HEIC\): convert them to JPEG or PNG"):
        data = load_data(tmp_path / "photos")
    assert data.task.classes == ("Жук", "🐈 cat")
    assert np.bincount(data.labels).tolist() == [5, 5]
    assert data.file_names is not None
    assert data.file_names[0] == "Жук/0.png"


def test_a_folder_with_one_class_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "cat", 5)
    with pytest.raises(InputError, match="has only class cat: at least two classes are needed"):
        load_data(tmp_path)


def test_a_dangling_link_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "cat", 5)
    fill(tmp_path / "dog", 5)
    (tmp_path / "dog" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(InputError, match=r"'dog/gone\.png' \(No such file or directory\)"):
        load_data(tmp_path)


def test_a_test_folder_beside_it(tmp_path: Path) -> None:
    for name, count in (("own/a", 5), ("own/b", 5), ("new/a", 2), ("new/b", 1)):
        fill(tmp_path / name, count)
    data = load_data(tmp_path / "own", tmp_path / "new")
    assert {name: len(rows) for name, rows in data.splits.items()} == {"train": 8, "valid": 2, "test": 3}
    assert data.file_names is not None
    assert [data.file_names[row] for row in data.splits["test"]] == ["a/0.png", "a/1.png", "b/0.png"]
    fill(tmp_path / "new/c", 1)
    with pytest.raises(InputError, match=r"has label 'c', which .*own has not: it has a, b"):
        load_data(tmp_path / "own", tmp_path / "new")


def test_a_folder_of_parquet_files(tmp_path: Path) -> None:
    files = [encoded(RNG.integers(0, 256, (4, 4, 3), dtype=np.uint8)) for _ in range(12)]
    for i, name in enumerate(("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001")):
        write_parquet(tmp_path / f"{name}.parquet", files[4 * i : 4 * i + 4], [0, 1] * 2)
    data = load_data(tmp_path)
    assert sorted(data.splits["test"]) == [0, 1, 2, 3]  # files in alphabetical order
    assert sorted(np.concatenate([data.splits["train"], data.splits["valid"]])) == list(range(4, 12))


def test_a_subset_is_of_all_classes_and_resized(tmp_path: Path) -> None:
    fill(tmp_path / "a", 12)
    fill(tmp_path / "b", 24)
    data = load_data(tmp_path, subset=12, resize="3x2")
    assert (sum(map(len, data.splits.values())), data.shape) == (12, (3, 2, 3))
    used = np.concatenate(list(data.splits.values()))
    assert np.bincount(data.labels[used]).tolist() == [4, 8]
    assert load_data(tmp_path, subset=12, resize="3x2").fingerprint == data.fingerprint
    assert load_data(tmp_path, subset=12).fingerprint != data.fingerprint


def test_splits_beside_something_else(tmp_path: Path) -> None:
    for name in ("train/cat", "train/dog"):
        fill(tmp_path / name, 6)
    (tmp_path / "notes").mkdir()
    fill(tmp_path / "test", 3)  # without labels, as competitions give them
    with pytest.warns(InputWarning, match="'test' is left out: its pictures are in no folders of classes"):
        data = load_data(tmp_path)
    assert data.task.classes == ("cat", "dog")
    assert len(data.labels) == 12
    fill(tmp_path / "more" / "cat", 3)
    with pytest.raises(InputError, match=r"has splits \(train\) and beside them 'more' with pictures: is it a split"):
        load_data(tmp_path)


def test_train_may_be_a_class(tmp_path: Path) -> None:
    fill(tmp_path / "plane", 5)
    fill(tmp_path / "train", 5)
    assert load_data(tmp_path).task.classes == ("plane", "train")


def test_a_class_that_is_only_tested_is_told(tmp_path: Path) -> None:
    for name, count in (("train/a", 6), ("train/b", 6), ("test/a", 1), ("test/c", 1)):
        fill(tmp_path / name, count)
    with pytest.warns(InputWarning, match="no training image is of class c of the test images"):
        assert load_data(tmp_path).task.outputs == 3


def test_pictures_beside_their_table(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 3)
    (tmp_path / "photos" / "labels.csv").write_text("file,label\n0.png,a\n")
    with pytest.raises(InputError, match=r"holds 3 pictures and no folders: .*, or labels.csv in it"):
        load_data(tmp_path / "photos")

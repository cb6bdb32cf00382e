"""Tables of file names and labels."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.pictures import encoded
from untrained.data import ImageData, load_data
from untrained.errors import InputError, InputWarning

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 4, 6, 3), dtype=np.uint8)
NAMES = [f"pics/{'äöü'[i % 3]} {i}.png" for i in range(12)]
LABELS = ["cat", "dog"] * 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pics").mkdir()
    for name, image in zip(NAMES, IMAGES, strict=True):
        (tmp_path / name).write_bytes(encoded(image))
    return tmp_path


def csv(path: Path, header: str, *columns: list, sep: str = ",") -> Path:
    rows = [sep.join(map(str, row)) for row in zip(*columns, strict=True)]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def check(data: ImageData) -> None:
    assert data.labels.tolist() == [0, 1] * 6
    assert np.array_equal(data.pixels(np.arange(12)).permute(0, 2, 3, 1).numpy(), IMAGES)
    assert data.files() == NAMES


@pytest.mark.parametrize(
    ("header", "sep"), [("file,label", ","), ("path;kind", ";"), ("image_name\tclass", "\t")], ids=["csv", ";", "tab"]
)
def test_columns_are_found_by_what_they_hold(folder: Path, header: str, sep: str) -> None:
    check(load_data(csv(folder / "t.csv", header, NAMES, LABELS, sep=sep)))
    check(load_data(csv(folder / "t.csv", sep.join(reversed(header.split(sep))), LABELS, NAMES, sep=sep)))


def test_the_same_of_parquet_and_of_numbers(folder: Path) -> None:
    pq.write_table(pa.table({"file": NAMES, "label": LABELS}), folder / "t.parquet")
    check(load_data(folder / "t.parquet"))
    data = load_data(csv(folder / "t.csv", "file,label", NAMES, [0, 1] * 6))
    check(data)
    assert data.task.classes == ("0", "1")


def test_a_column_split_is_used(folder: Path) -> None:
    splits = ["train"] * 6 + ["val"] * 2 + ["test"] * 4
    data = load_data(csv(folder / "t.csv", "file,label,split", NAMES, LABELS, splits))
    assert {name: sorted(rows) for name, rows in data.splits.items()} == {
        "train": [0, 1, 2, 3, 4, 5], "valid": [6, 7], "test": [8, 9, 10, 11]
    }  # fmt: skip
    with pytest.raises(InputError, match="split 'holdout' in row 11: give train, valid or test"):
        load_data(csv(folder / "t.csv", "file,label,split", NAMES, LABELS, [*splits[:-1], "holdout"]))


def test_a_file_that_stands_twice_is_told(folder: Path) -> None:
    path = csv(folder / "t.csv", "file,label", [*NAMES, NAMES[0]], [*LABELS, "dog"])
    with pytest.warns(InputWarning, match="names 1 files twice: pics/ä 0.png"):
        assert len(load_data(path).labels) == 13


def test_columns_may_be_named(folder: Path) -> None:
    path = csv(folder / "t.csv", "a,b,c,d", NAMES, LABELS, NAMES[::-1], LABELS[::-1])
    with pytest.raises(InputError, match="which column names the pictures, a, c"):
        load_data(path)
    with pytest.raises(InputError, match="which column holds the labels"):
        load_data(path, image="a")
    check(load_data(path, image="a", target="b"))
    options: dict[str, Any]
    for options in ({"image": "x"}, {"image": "a", "target": "x"}):
        with pytest.raises(InputError, match="no column 'x'"):
            load_data(path, **options)


def test_several_columns_of_targets(folder: Path) -> None:
    red, round_ = [0, 1] * 6, [1, 1, 0] * 4
    path = csv(folder / "t.csv", "file,red,round", NAMES, red, round_)
    options: dict[str, Any]
    for options in ({"target": "red,round"}, {"task": "multi-label"}):
        data = load_data(path, **options)
        assert (data.task.kind, data.task.classes) == ("multi-label", ("red", "round"))
        assert data.labels.T.tolist() == [red, round_]
    numbers = [i / 7 for i in range(12)]
    data = load_data(csv(folder / "t.csv", "file,weight", NAMES, numbers), task="regression")
    assert (data.task.kind, data.task.outputs) == ("regression", 1)
    assert np.allclose(data.labels, numbers)
    mean = np.mean(np.array(numbers)[data.splits["train"]])
    assert data.task.mean == pytest.approx((mean,))


@pytest.mark.parametrize(
    ("header", "columns", "says"),
    [
        ("file,label", ([*NAMES[:-2], "pics/x.png", "y.png"], LABELS), "names 2 files that are not there: 'pics/x"),
        ("file,label", (NAMES, ["cat"] * 12), "only class cat"),
        ("file,label", (NAMES, [0, 3] * 6), "labels 0, 3 have gaps, none is 1, 2: number the 2 classes 0 to 1"),
        ("file,label", (NAMES, [*LABELS[:-1], ""]), "1 rows without a label in 'label', row 11 first"),
        ("file,label", ([*NAMES[:-1], ""], LABELS), "row 11 of 12 names no file"),
        ("file,label", (NAMES, [0.5, 1] * 6), r"label 0.5 in row 0 \(pics/ä 0.png\) is not a class"),
        (f"{NAMES[0]},cat", (NAMES, LABELS), "no header"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(folder: Path, header: str, columns: tuple[list, ...], says: str) -> None:
    with pytest.raises(InputError, match=says):
        load_data(csv(folder / "t.csv", header, *columns))

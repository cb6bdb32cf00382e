"""Holding out a part of the images."""

import numpy as np
import pytest

from untrained.data.splits import split, subset
from untrained.errors import InputError, InputWarning

LABELS = np.repeat(np.arange(3), [10, 20, 5])


def test_a_fifth_of_each_class_twice() -> None:
    rows = split(LABELS, {}, "x")
    assert sorted(np.concatenate(list(rows.values()))) == list(range(35))
    counts = {name: np.bincount(LABELS[part]).tolist() for name, part in rows.items()}
    assert counts == {"train": [6, 12, 3], "valid": [2, 4, 1], "test": [2, 4, 1]}
    again = split(LABELS, {}, "x")
    assert all(np.array_equal(rows[name], again[name]) for name in rows)
    assert rows["train"].tolist() != sorted(rows["train"])


def test_what_is_set_apart_stays_apart() -> None:
    given = {"test": np.arange(0, 35, 5)}
    rows = split(LABELS, given, "x")
    assert rows["test"] is given["test"]
    assert sorted(np.concatenate(list(rows.values()))) == list(range(35))
    assert np.bincount(LABELS[rows["valid"]]).tolist() == [2, 3, 1]  # a fifth of 8, 16 and 4
    given |= {"train": np.arange(1, 35, 5), "valid": np.arange(2, 35, 5)}
    rows = split(LABELS, given, "x")
    assert sorted(rows["train"]) == given["train"].tolist()
    assert rows["valid"] is given["valid"]


def test_classes_of_few_images() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    assert [len(part) for part in split(labels, {}, "x").values()] == [2, 2, 2]
    with pytest.raises(
        InputError, match=r"too few images of class 1 \(2 images\) to split: give at least 3 of each of two"
    ):
        split(labels[:-1], {}, "x")
    with pytest.raises(InputError, match=r"too few images of class 1 \(1 image\) to split: give at least 2"):
        split(labels[:-1], {"test": np.array([4])}, "x")
    with pytest.raises(InputError, match="x has 1 images to train on and to hold out from: give at least 4"):
        split(np.zeros(1, np.int64), {}, "x")


def test_a_rare_class_is_trained_on_whole() -> None:
    labels = np.array([0] * 10 + [1] * 10 + [2] * 2 + [3])
    with pytest.warns(InputWarning, match=r"x: of classes 2 \(2 images\), 3 \(1 image\) there are too few"):
        rows = split(labels, {}, "x")
    counts = {name: np.bincount(labels[part], minlength=4).tolist() for name, part in rows.items()}
    assert counts == {"train": [6, 6, 2, 1], "valid": [2, 2, 0, 0], "test": [2, 2, 0, 0]}


def test_a_subset_has_its_share_of_each_class_and_split() -> None:
    everything = np.arange(len(LABELS))
    rows = subset(7, LABELS, {}, everything, "x")
    assert np.bincount(LABELS[rows]).tolist() == [2, 4, 1]
    assert set(rows) <= set(subset(14, LABELS, {}, everything, "x"))
    given = {"test": np.arange(0, 35, 5)}  # 2 of the first class, 4 of the second, 1 of the third
    rows = subset(10, LABELS, given, everything, "x")
    kept = np.intersect1d(rows, given["test"])
    assert np.bincount(LABELS[kept]).tolist() == [1, 1, 1]  # at least one of each; shares are .6, 1.1 and .3
    assert len(rows) == 10
    assert len(subset(35, LABELS, {}, everything, "x")) == 35
    for count in (0, 36, 2):
        with pytest.raises(InputError, match=f"subset {count}"):
            subset(count, LABELS, {}, everything, "x")

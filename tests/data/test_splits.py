"""Holding out a part of the images."""

import numpy as np
import pytest

from untrained.data.splits import split
from untrained.errors import InputError

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
    with pytest.raises(InputError, match="x has 2 images of class 1, too few to split: give at least 3"):
        split(labels[:-1], {}, "x")
    with pytest.raises(InputError, match="x has 1 image of class 1, too few to split: give at least 2"):
        split(labels[:-1], {"test": np.array([4])}, "x")

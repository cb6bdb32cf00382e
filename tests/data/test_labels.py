"""Labels as files have them."""

from typing import Any

import numpy as np
import pytest

from untrained.data.labels import as_classes, matched
from untrained.errors import InputError

NAN, INF = float("nan"), float("inf")


def test_numbers_and_names() -> None:
    numbers, names = as_classes(np.array([1.0, 0.0, 2.0]), "x")
    assert (numbers.tolist(), numbers.dtype, names) == ([1, 0, 2], np.int64, ("0", "1", "2"))
    numbers, names = as_classes(np.array(["dog", "cat", "dog"], dtype=object), "x")
    assert (numbers.tolist(), names) == ([1, 0, 1], ("cat", "dog"))
    assert as_classes(np.array([True, False]), "x")[0].tolist() == [1, 0]
    numbers, names = as_classes(np.array([2, 0]), "x", ("a", "b", "c"))  # a class without an image, but with a name
    assert (numbers.tolist(), names) == ([2, 0], ("a", "b", "c"))
    assert as_classes(np.array([0, 1, 2]), "x", ("a", "b"))[1] == ("0", "1", "2")  # names that cannot be theirs


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([], "x is empty"),
        ([0, 0], "only class 0: at least two"),
        ([0.0, NAN], "label nan in row 1"),
        ([0.0, INF], "label inf in row 1"),
        ([0, -1], "label -1 in row 1"),
        ([0.5, 1.0], r"label 0\.5 in row 0 is not a class"),
        ([0.0, 3e30], r"label 3e\+30 in row 1"),
        ([0, 1000], "labels 0, 1000 have gaps, none is 1, 2, 3, 4, 5 and 994 more: number the 2 "),
        ([1, 2, 3], "none is 0: number the 3 classes 0 to 2"),
        (["cat", ""], "label '' in row 1"),
        (["cat", "cat"], "only class cat"),
        ([1j, 2j], "is not a number"),
    ],
)
def test_what_is_no_class_is_named(labels: list[Any], says: str) -> None:
    kind = object if labels and isinstance(labels[0], str) else None
    with pytest.raises(InputError, match=says):
        as_classes(np.array(labels, dtype=kind), "x")


def test_labels_of_test_data() -> None:
    assert matched(np.array([1, 0]), "t", ("0", "1", "2"), "x").tolist() == [1, 0]
    assert matched(np.array(["dog"], dtype=object), "t", ("cat", "dog"), "x").tolist() == [1]
    for labels, says in (
        (np.array([3]), "t has label 3, which x has not: it has 3 classes"),
        (np.array(["cow"], dtype=object), "t has label 'cow', which x has not: it has 0, 1, 2"),
        (np.array([], dtype=int), "t is empty"),
        (np.array([0.5]), "label 0.5"),
    ):
        with pytest.raises(InputError, match=says):
            matched(labels, "t", ("0", "1", "2"), "x")

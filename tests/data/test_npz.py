"""Arrays under the names that are in use."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from untrained.data import load_data
from untrained.errors import InputError, InputWarning

X = np.random.default_rng(0).integers(0, 256, (20, 3, 5, 6), dtype=np.uint8)
Y = np.arange(20) % 2


@pytest.mark.parametrize(
    "arrays",
    [
        {"x": X, "y": Y},
        {"X": X, "Y": Y[:, None]},
        {"images": X, "labels": Y.astype(float)},
        {"x_train": X, "y_train": Y},
        {"train_images": X, "train_labels": Y[:, None]},
        {"x": X, "y": np.array(["cat", "dog"])[Y]},
    ],
)
def test_names_and_shapes_in_use(tmp_path: Path, arrays: dict[str, Any]) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    data = load_data(tmp_path / "x.npz")
    assert data.labels.tolist() == Y.tolist()
    assert np.array_equal(data.pixels(np.arange(20)).numpy(), X)
    assert {name: len(rows) for name, rows in data.splits.items()} == {"train": 12, "valid": 4, "test": 4}


def test_splits_of_the_file(tmp_path: Path) -> None:
    parts = {"train": slice(0, 10), "val": slice(10, 14), "test": slice(14, 20)}
    images: dict[str, Any] = {f"{name}_images": X[part] for name, part in parts.items()}
    labels: dict[str, Any] = {f"{name}_labels": Y[part] for name, part in parts.items()}
    np.savez(tmp_path / "x.npz", **images, **labels)
    data = load_data(tmp_path / "x.npz")
    assert {name: sorted(rows) for name, rows in data.splits.items()} == {
        "train": list(range(10)), "valid": list(range(10, 14)), "test": list(range(14, 20))
    }  # fmt: skip
    both = load_data(tmp_path / "x.npz", tmp_path / "x.npz")  # a test file has the last word, and gives its test part
    assert [len(both.splits[name]) for name in ("train", "valid", "test")] == [10, 4, 6]
    assert np.array_equal(both.pixels(both.splits["test"]).numpy(), X[14:])
    assert both.splits["test"].min() >= 20


def test_channels_last(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=X.transpose(0, 2, 3, 1), y=Y)
    with pytest.warns(InputWarning, match=r"x is \(20, 5, 6, 3\): its last dimension is taken for the channels"):
        assert np.array_equal(load_data(tmp_path / "x.npz").pixels(np.arange(20)).numpy(), X)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X}, "no arrays 'x' and 'y' .*: it has x"),
        ({"x_test": X, "y_test": Y}, "it has x_test, y_test"),
        ({"x": X[:, 0, 0], "y": Y}, r"x is \(20, 6\)"),
        ({"x": X, "y": Y[:5]}, r"y \(5,\)"),
        ({"x": X, "y": np.eye(2)[Y] / 2}, r"targets of row 0 are \[0.5, 0.0\]: give rows of 0 and 1"),
        ({"x": X, "y": Y[:, None, None, None]}, r"y \(20, 1, 1\)"),
        ({"x": np.full((4, 3, 3), np.nan), "y": Y[:4]}, "finite"),
        ({"x": np.full((4, 3, 3), 1e300), "y": Y[:4]}, "finite numbers, in single precision"),
        ({"x": np.zeros((4, 0, 0)), "y": Y[:4]}, "no pixels"),
        ({"x": np.array([{}] * 20), "y": Y}, "cannot be read as an .npz file"),
        ({"x": X, "y": Y * 1000}, "labels 0, 1000 have gaps"),
        ({"x": X, "y": Y / 3}, "label 0.3333333333333333 in row 1 is not a class"),
        ({"x_train": X, "y_train": Y, "x_test": X[:, :1], "y_test": Y}, r"images of \(3, 5, 6\), \(1, 5, 6\)"),
    ],
)
def test_bad_arrays_are_named(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(InputError, match=message):
        load_data(tmp_path / "bad.npz")


@pytest.mark.parametrize("kind", [np.int64, np.int16, bool])
def test_whole_numbers_up_to_255_are_pixels(tmp_path: Path, kind: type) -> None:
    np.savez(tmp_path / "x.npz", x=X.astype(kind), y=Y)
    data = load_data(tmp_path / "x.npz")
    assert data.form.dtype == "uint8"
    assert np.array_equal(data.pixels(np.arange(20)).numpy(), X.astype(kind))
    np.savez(tmp_path / "x.npz", x=X.astype(np.uint16) * 200, y=Y)
    assert load_data(tmp_path / "x.npz").form.dtype == "int32"
    np.savez(tmp_path / "x.npz", x=X / 255, y=Y)
    assert load_data(tmp_path / "x.npz").form.dtype == "float32"

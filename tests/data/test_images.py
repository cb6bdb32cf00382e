"""Images and labels, and what is said of bad ones."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from untrained.data import load_data
from untrained.errors import InputError


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def write_parquet(path: Path, images: list[Any], labels: list[Any]) -> str:
    pq.write_table(pa.table({"image": images, "label": labels}), path)
    return str(path)


def test_digits_are_split_once_and_for_all() -> None:
    data = load_data("digits")
    assert (data.shape, data.num_classes) == ((1, 8, 8), 10)
    rows = np.concatenate(list(data.splits.values()))
    assert sorted(rows) == list(range(1797))
    for part in data.splits.values():
        assert set(data.labels[part]) == set(range(10))
    assert {k: round(len(v) / 1797, 1) for k, v in data.splits.items()} == {"train": 0.6, "valid": 0.2, "test": 0.2}
    again = load_data("digits")
    assert all(np.array_equal(data.splits[k], again.splits[k]) for k in data.splits)
    assert data.fingerprint == again.fingerprint


def test_images_are_normalised_by_the_training_split() -> None:
    data = load_data("digits")
    train = data.split("train")
    inputs, labels = train[list(range(len(train)))]
    assert inputs.mean().item() == pytest.approx(0, abs=1e-5)
    assert inputs.std().item() == pytest.approx(1, abs=1e-3)
    first, label = train[0]
    assert torch.equal(first, inputs[0])
    assert label == labels[0] == data.labels[data.splits["train"][0]]
    batch, targets = data.batch(16, seed=1)
    assert torch.equal(batch, data.batch(16, seed=1)[0])
    assert not torch.equal(batch, data.batch(16, seed=2)[0])
    assert batch.shape == (16, 1, 8, 8)
    assert len(targets) == 16


def test_the_second_batch_shares_no_image_with_the_first() -> None:
    data = load_data("digits")
    for seed in range(3):
        (first, _), (second, labels) = data.batch(400, seed), data.second_batch(400, seed)
        assert second.shape == first.shape
        assert len(labels) == 400
        assert len(torch.cat([first, second]).unique(dim=0)) == 800  # all digits are different pictures
    assert not torch.equal(data.second_batch(8, 0)[0], data.second_batch(8, 1)[0])
    with pytest.raises(
        InputError, match=r"batch size 700: two batches need 1400 training images, digits has 1079: give at most 539"
    ):
        data.second_batch(700)
    with pytest.raises(InputError, match="batch size 0"):
        data.second_batch(0)


def test_encoded_images_keep_their_pixels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 5, 7, 3), dtype=np.uint8)
    data = load_data(write_parquet(tmp_path / "x.parquet", [png(i) for i in images], [0, 1] * 10))
    assert data.shape == (3, 5, 7)
    assert np.array_equal(data.pixels(np.arange(20)).permute(0, 2, 3, 1).numpy(), images)


@pytest.mark.parametrize(("mode", "as_if"), [("P", "RGB"), ("CMYK", "RGB"), ("1", "L"), ("LA", "LA")])
def test_palettes_and_inks_become_colours(tmp_path: Path, mode: str, as_if: str) -> None:
    """Not indices of colours, nor what is missing of them."""
    colours = np.random.default_rng(0).integers(0, 4, (20, 5, 7, 3), dtype=np.uint8) * 85
    images = [Image.fromarray(colour).convert(mode) for colour in colours]
    files = list[bytes]()
    for image in images:
        buffer = io.BytesIO()
        image.save(buffer, "TIFF" if mode == "CMYK" else "PNG")
        files.append(buffer.getvalue())
    data = load_data(write_parquet(tmp_path / "x.parquet", files, [0, 1] * 10))
    expected = np.array([np.asarray(image.convert(as_if)) for image in images]).reshape(20, 5, 7, -1)
    assert np.array_equal(data.pixels(np.arange(20)).permute(0, 2, 3, 1).numpy(), expected)


def test_a_column_of_something_else_is_named(tmp_path: Path) -> None:
    images = [{"bytes": b"", "path": ""}] * 12
    with pytest.raises(InputError, match="column 'image' holds struct<"):
        load_data(write_parquet(tmp_path / "x.parquet", images, [0, 1] * 6))


def test_a_test_file_of_its_own(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(30, 6, 6))
    train, test = tmp_path / "train.npz", tmp_path / "test.npz"
    np.savez(train, x=x[:20], y=np.arange(20) % 2)
    np.savez(test, x=x[20:], y=np.arange(10) % 2)
    data = load_data(str(train), str(test))
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 16, "valid": 4, "test": 10}
    assert np.allclose(data.pixels(data.splits["test"])[:, 0], x[20:])
    np.savez(test, x=x[20:], y=np.arange(10) % 3)
    with pytest.raises(InputError, match=r"test\.npz has label 2, which .*train\.npz has not"):
        load_data(str(train), str(test))


def test_cifar10_as_published(shared_data: Path) -> None:
    data = load_data(str(shared_data / "cifar10_train.parquet"))
    inputs, _ = data.batch(8)
    assert inputs.shape == (8, 3, 32, 32)
    assert data.num_classes == 10
    assert len(data.labels) == 50_000
    mean, _ = data.statistics
    # The well-known channel means of CIFAR-10: .4914, .4822, .4465 of 255.
    assert mean.flatten().tolist() == pytest.approx([125.3, 123.0, 113.9], abs=2.5)


GOOD = [png(np.zeros((4, 4), dtype=np.uint8))] * 12


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (GOOD, [0] * 12, "only class 0: at least two"),
        ([], pa.array([], pa.int64()), "is empty"),
        (GOOD, [0.0, float("nan")] * 6, "label nan in row 1"),
        (GOOD, [0.0, float("inf")] * 6, "label inf in row 1"),
        (GOOD, [0, -1] * 6, "label -1 in row 1"),
        (GOOD, [0.5, 1.0] * 6, r"label 0\.5 in row 0"),
        (GOOD, ["cat", "dog"] * 6, "label 'cat' is not a number"),
        (GOOD, [0.0, 3e30] * 6, r"label 3e\+30: labels must be .* below 1,000,000"),
        (GOOD, [0, None] * 6, "6 rows without a label"),
        (GOOD, [0] * 11 + [1], "1 images of class 1: too few"),
        ([b"no image"] * 12, [0, 1] * 6, "not a readable JPEG or PNG"),
        ([*GOOD[:11], png(np.zeros((5, 4), dtype=np.uint8))], [0, 1] * 6, r"\(1, 5, 4\), others \(1, 4, 4\)"),
    ],
)
def test_bad_parquet_data_is_named(tmp_path: Path, images: list[bytes], labels: Any, message: str) -> None:
    path = write_parquet(tmp_path / "bad.parquet", pa.array(images, pa.binary()), labels)  # pyright: ignore
    with pytest.raises(InputError, match=message) as caught:
        load_data(path).pixels(np.arange(12))
    assert "\n" not in str(caught.value)
    assert "bad.parquet" in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((4, 3, 3))}, "no array 'y': it has x"),
        ({"x": np.zeros((4, 3)), "y": np.zeros(4)}, r"x is \(4, 3\)"),
        ({"x": np.zeros((4, 3, 3)), "y": np.zeros(5)}, r"y \(5,\)"),
        ({"x": np.full((4, 3, 3), np.nan), "y": np.zeros(4)}, "finite"),
        ({"x": np.full((4, 3, 3), 1e300), "y": np.zeros(4)}, "finite numbers, in single precision"),
        ({"x": np.zeros((4, 0, 0)), "y": np.zeros(4)}, "no pixels"),
        ({"x": np.zeros((4, 12, 12, 3)), "y": np.zeros(4)}, r"channels come first, so save x\.transpose\(0, 3, 1, 2\)"),
    ],
)
def test_bad_npz_data_is_named(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(InputError, match=message):
        load_data(str(tmp_path / "bad.npz"))


def test_unknown_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "broken.npz").write_bytes(b"PK but no archive")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    pq.write_table(pa.table({"picture": ["x"]}), tmp_path / "other.parquet")
    for name, message in [
        ("cifar11", "unknown data 'cifar11': give digits, or"),
        ("nowhere.parquet", "no file"),
        ("broken.npz", "cannot be read as an .npz"),
        ("broken.parquet", "cannot be read as images"),
        ("other.parquet", "cannot be read as images"),
    ]:
        with pytest.raises(InputError, match=message):
            load_data(str(tmp_path / name) if "." in name else name)
    with pytest.raises(InputError, match="batch size 5000: digits has 1079 training images"):
        load_data("digits").batch(5000)

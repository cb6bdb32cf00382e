"""Images and labels, and what is said of bad ones."""

import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from untrained.data import ImageData, load_data
from untrained.errors import InputError


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
    assert data.task.called(3) == "cat"
    assert len(data.labels) == 50_000
    mean = data.preparation.mean
    # The well-known channel means of CIFAR-10: .4914, .4822, .4465 of 255.
    assert mean == pytest.approx([125.3, 123.0, 113.9], abs=2.5)


def test_cifar10_as_a_folder_is_the_same_data(shared_data: Path, tmp_path: Path) -> None:
    table = pq.read_table(shared_data / "cifar10_train.parquet").slice(0, 200)
    pq.write_table(table, tmp_path / "c.parquet")
    parquet = load_data(tmp_path / "c.parquet")
    for row, (content, label) in enumerate(zip(*(table[name].to_pylist() for name in table.column_names), strict=True)):
        place = tmp_path / "pngs" / parquet.task.called(label) / f"{row:03}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.open(io.BytesIO(content)).save(place)
    folder = load_data(tmp_path / "pngs")
    assert folder.task == parquet.task
    assert folder.file_names is not None
    rows = np.array([int(Path(name).stem) for name in folder.file_names])  # of the table
    assert np.array_equal(folder.labels, parquet.labels[rows])
    assert torch.equal(folder.pixels(np.arange(200)), parquet.pixels(rows))


def test_digits_for_testing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "own.npz", x=rng.integers(0, 17, (40, 8, 8)).astype(np.uint8), y=np.arange(40) % 10)
    data = load_data(tmp_path / "own.npz", "digits")
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 30, "valid": 10, "test": 1797}
    assert torch.equal(data.pixels(data.splits["test"]), load_data("digits").pixels(np.arange(1797)))
    np.savez(tmp_path / "other.npz", x=np.zeros((40, 3, 8, 8), np.uint8), y=np.arange(40) % 10)
    with pytest.raises(
        InputError, match=r"digits has images of uint8 of \(1, 8, 8\), the others are uint8 of \(3, 8, 8\)"
    ):
        load_data(tmp_path / "other.npz", "digits")


def test_the_fingerprint_is_of_all_the_data(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 255, (2000, 2, 2), dtype=np.uint8), np.arange(2000) % 2

    def fingerprint(x: np.ndarray, y: np.ndarray, name: str = "x.npz") -> str:
        np.savez(tmp_path / name, x=x, y=y)
        return load_data(tmp_path / name).fingerprint

    known = fingerprint(x, y)
    assert fingerprint(x, y, "renamed.npz") == known
    changed, swapped = x.copy(), y.copy()
    changed[1234, 1, 1] ^= 1
    swapped[[998, 999]] = swapped[[999, 998]]
    assert len({known, fingerprint(changed, y), fingerprint(x, swapped), fingerprint(x[:-2], y[:-2])}) == 4
    whole = load_data(tmp_path / "renamed.npz")
    assert load_data(tmp_path / "renamed.npz", tmp_path / "x.npz").fingerprint != whole.fingerprint
    own = ImageData("own", whole.labels, whole.pixels, whole.splits)  # made in Python: known by some of its images
    assert own.fingerprint == ImageData("own", whole.labels, whole.pixels, whole.splits).fingerprint
    other = ImageData("own", whole.labels, lambda rows: whole.pixels(rows) + int(rows.max() == 1999), whole.splits)
    assert other.fingerprint != own.fingerprint


def test_unknown_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "broken.npz").write_bytes(b"PK but no archive")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    (tmp_path / "empty").mkdir()
    for name, message in [
        ("", "unknown data ''"),
        ("cifar11", "unknown data 'cifar11', no file or folder: give digits, "),
        ("nowhere.parquet", "no file"),
        ("broken.npz", "cannot be read as an .npz"),
        ("broken.parquet", "cannot be read as a table"),
        ("empty", "holds no folders: give a folder for each class"),
    ]:
        with pytest.raises(InputError, match=message) as caught:
            load_data(str(tmp_path / name) if name not in ("", "cifar11") else name)
        assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(InputError, match="batch size 5000: digits has 1079 training images"):
        load_data("digits").batch(5000)

"""Targets of images that are not one class each."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from data.pictures import encoded, write_parquet
from untrained.data import ImageData, load_data
from untrained.data.masks import IGNORED
from untrained.errors import InputError

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (20, 3, 6, 6), dtype=np.uint8)


def npz(path: Path, y: Any, x: Any = X, **options: Any) -> ImageData:
    np.savez(path / "x.npz", x=x, y=y)
    return load_data(path / "x.npz", **options)


def test_one_hot_rows_are_classes(tmp_path: Path) -> None:
    labels = np.arange(20) % 3
    data = npz(tmp_path, np.eye(3)[labels])
    assert (data.task.kind, data.task.outputs, data.labels.tolist()) == ("classification", 3, labels.tolist())
    with pytest.raises(InputError, match="only class 0"):
        npz(tmp_path, np.eye(3)[np.zeros(20, int)])


def test_rows_with_several_ones_are_labels(tmp_path: Path) -> None:
    rows = np.eye(3)[np.arange(20) % 3]
    rows[0, 2] = 1
    data = npz(tmp_path, rows)
    assert (data.task.kind, data.task.outputs) == ("multi-label", 3)
    _, target = data.split("train")[0]
    assert target.dtype == torch.float32
    assert target.tolist() == rows[data.splits["train"][0]].tolist()
    assert npz(tmp_path, np.eye(3)[np.arange(20) % 3], task="multi-label").task.kind == "multi-label"
    with pytest.raises(InputError, match=r"row 0 has 2 classes: one of each image, or the task multi-label"):
        npz(tmp_path, rows, task="classification")
    with pytest.raises(InputError, match=r"row 1 are .*2\.0.*: give rows of 0 and 1, or the task regression"):
        npz(tmp_path, rows * np.arange(1, 21)[:, None])
    with pytest.raises(InputError, match="one column of labels is no multi-label task"):
        npz(tmp_path, np.arange(20) % 2, task="multi-label")


def test_lists_of_names_are_labels(tmp_path: Path) -> None:
    tags = [["red"], ["round", "red"], []] * 6
    pictures = [encoded(x.transpose(1, 2, 0)) for x in X[:18]]
    data = load_data(write_parquet(tmp_path / "x.parquet", pictures, tags))
    assert (data.task.kind, data.task.classes) == ("multi-label", ("red", "round"))
    assert data.labels[:3].tolist() == [[1, 0], [1, 1], [0, 0]]


def test_numbers_are_predicted_if_asked(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 20)
    with pytest.raises(InputError, match=r"label 0.05.* in row 1 is not a class.*give the task regression"):
        npz(tmp_path, values)
    data = npz(tmp_path, values, task="regression")
    assert (data.task.kind, data.task.outputs, data.labels.dtype) == ("regression", 1, np.float32)
    assert {name: len(rows) for name, rows in data.splits.items()} == {"train": 12, "valid": 4, "test": 4}
    low = values[data.splits["valid"]] < 0.5
    assert low.any()  # both halves of the range are held out from
    assert not low.all()
    two = npz(tmp_path, np.stack([values, -values], 1), task="regression")
    assert (two.task.outputs, two.labels.shape) == (2, (20, 2))
    for wrong, says in ((np.full(20, np.inf), "target of row 0 is inf"), (np.ones(20), "all targets are 1.0")):
        with pytest.raises(InputError, match=says):
            npz(tmp_path, wrong, task="regression")
    with pytest.raises(InputError, match="unknown task 'guess' of images: choose from classification, multi-label"):
        npz(tmp_path, values, task="guess")


def scenes(path: Path, masks: list[Image.Image], size: tuple[int, int] = (6, 6)) -> Path:
    for kind in ("images", "masks"):
        (path / kind).mkdir(parents=True)
    for i, mask in enumerate(masks):
        (path / f"images/{i}.jpg").write_bytes(encoded(RNG.integers(0, 256, (*size, 3), dtype=np.uint8), "JPEG"))
        mask.save(path / f"masks/{i}.png")
    return path


MASK = np.zeros((6, 6), np.uint8)
MASK[2:, 3:] = 1
MASK[0, 0] = 255


@pytest.mark.parametrize("mode", ["L", "P", "I;16"])
def test_masks_beside_pictures(tmp_path: Path, mode: str) -> None:
    mask = Image.fromarray(MASK.astype(np.uint16)) if mode == "I;16" else Image.fromarray(MASK)
    if mode == "P":
        mask.putpalette([0, 0, 0, 200, 0, 0] + [90] * 762)
    (scenes(tmp_path, [mask] * 10) / "classes.txt").write_text("ground\nhouse\n")
    data = load_data(tmp_path)
    assert (data.task.kind, data.task.outputs, data.task.classes) == ("segmentation", 2, ("ground", "house"))
    image, target = data.split("train")[0]
    assert image.shape == (3, 6, 6)
    expected = MASK.astype(int)
    expected[0, 0] = IGNORED
    assert target.tolist() == expected.tolist()
    batch, targets = data.batch(4)
    assert (batch.shape, targets.shape, targets.dtype) == ((4, 3, 6, 6), (4, 6, 6), torch.int64)
    small = load_data(tmp_path, resize=3)
    assert small.split("test")[0][1].tolist() == MASK[1::2, 1::2].tolist()  # the middle of each 2 x 2 is its last pixel


def test_masks_of_an_array(tmp_path: Path) -> None:
    masks = np.tile(MASK % 255, (20, 1, 1))
    data = npz(tmp_path, masks)
    assert (data.task.kind, data.task.outputs) == ("segmentation", 2)
    assert data.split("train")[0][1].tolist() == masks[0].tolist()
    with pytest.raises(InputError, match="has masks, whose task is segmentation, not classification"):
        npz(tmp_path, masks, task="classification")


def test_bad_masks_are_named(tmp_path: Path) -> None:
    good = Image.fromarray(MASK)
    path = scenes(tmp_path / "a", [good] * 9 + [Image.fromarray(MASK % 255 * 3)])
    with pytest.raises(InputError, match="masks hold classes 0, 1, 3, none is 2: number the 3 classes 0 to 2"):
        load_data(path)
    (path / "masks/9.png").unlink()
    with pytest.raises(InputError, match="1 pictures have no mask of the same name: 9"):
        load_data(path)
    (path / "masks/9.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"mask 'masks/9.png' \(not a readable picture\)"):
        load_data(path)
    Image.fromarray(MASK).convert("RGB").save(path / "masks/9.png")
    with pytest.raises(InputError, match=r"mask 'masks/9.png' \(of mode RGB: a mask holds class numbers"):
        load_data(path)
    with pytest.raises(InputError, match="has no masks"):
        load_data("digits", task="segmentation")

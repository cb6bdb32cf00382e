"""A few images of each class on one sheet."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from untrained.data import ImageData
from untrained.data.image_targets import Targets
from untrained.data.masks import Masks
from untrained.data.source import Rows
from untrained.data.task import Task
from untrained.errors import InputError
from untrained.report.contact_sheet import GAP, MARGIN, write_contact_sheet

COLOURS = np.array([[200, 30, 40], [20, 160, 60], [30, 60, 220]], np.uint8)


def coloured(rows: Rows) -> torch.Tensor:
    """Row i is an image of colour i % 3."""
    return torch.from_numpy(COLOURS[rows % 3])[:, :, None, None].repeat(1, 1, 14, 28)


def data_of(targets: Targets, pixels=coloured, count: int = 30) -> ImageData:
    rows = np.arange(count)
    return ImageData("Käfer", targets, pixels, {"train": rows[:24], "valid": rows[24:27], "test": rows[27:]})


def sheet(data: ImageData, path: Path) -> np.ndarray:
    write_contact_sheet(data, path)
    return np.asarray(Image.open(path))


def runs_of(pixels: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Where a colour stands, as height x width of booleans."""
    return (pixels == colour).all(2)


def test_each_class_has_a_row_of_its_own_images(tmp_path: Path) -> None:
    task = Task("classification", 3, ("red", "green", "blue"))
    pixels = sheet(data_of(Targets(task, np.arange(30) % 3)), tmp_path / "sheet.png")
    places = [np.argwhere(runs_of(pixels, colour)) for colour in COLOURS]
    for found in places:
        (top, left), (bottom, right) = found.min(0), found.max(0)
        assert (bottom - top + 1, left) == (42, MARGIN)  # 14 x 28 three times enlarged
        assert right - left + 1 == 8 * (84 + GAP) - GAP  # all 8 training images of the class
        assert len(found) == 8 * 42 * 84
    assert all(above[:, 0].max() < below[:, 0].min() for above, below in pairwise(places))
    again = sheet(data_of(Targets(task, np.arange(30) % 3)), tmp_path / "again.png")
    assert np.array_equal(pixels, again)


def test_masks_stand_beside_their_images(tmp_path: Path) -> None:
    masks = Masks("x", 30, lambda row: np.repeat([[0], [1]], 7, 0).repeat(28, 1))
    pixels = sheet(data_of(Targets(Task("segmentation", 2), masks)), tmp_path / "sheet.png")
    assert len(np.unique(pixels[:, MARGIN + 84 + GAP + 40], axis=0)) >= 3  # paper and two classes


@pytest.mark.parametrize("dtype", [torch.float32, torch.int32])
def test_numbers_and_deep_images(tmp_path: Path, dtype: torch.dtype) -> None:
    def deep(rows: Rows) -> torch.Tensor:
        return torch.linspace(-1000, 60_000, 100).reshape(1, 1, 10, 10).repeat(len(rows), 1, 1, 1).to(dtype)

    values = np.linspace(0, 1, 30, dtype=np.float32)
    pixels = sheet(data_of(Targets(Task("regression", 1), values), deep), tmp_path / "sheet.png")
    assert len(np.unique(pixels[:, MARGIN : MARGIN + 80])) > 50  # all shades, from black to white


def test_many_classes_are_cut_and_counted(tmp_path: Path) -> None:
    count = 100
    rows = np.arange(3 * count)
    splits = {"train": rows[: 2 * count], "valid": rows[2 * count :], "test": rows[2 * count :]}
    data = ImageData("x", rows % count, coloured, splits)
    write_contact_sheet(data, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.height < 3_000


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_contact_sheet(data_of(Targets(Task("classification", 3), np.arange(30) % 3)), tmp_path / "file" / "x.png")

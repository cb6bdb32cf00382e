"""Files are read for a prediction as those of the training were."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data.pictures import encoded
from untrained.data import ImageData, load_data
from untrained.data.image_preparation import ImagePreparation
from untrained.data.pixels import Form
from untrained.data.preparation import preparation_of
from untrained.data.resizing import Resize
from untrained.errors import InputError, InputWarning

RNG = np.random.default_rng(0)
FORM = Form("RGB", 3, 8, 8, "uint8")


def folder(path: Path, images: list[Image.Image], kind: str = "PNG") -> Path:
    for i, image in enumerate(images):
        place = path / "ab"[i % 2] / f"{i}.{kind.lower()}"
        place.parent.mkdir(parents=True, exist_ok=True)
        image.save(place)
    return path


def photos(count: int, mode: str = "RGB") -> list[Image.Image]:
    sizes = RNG.integers(12, 40, (count, 2))
    noise = [Image.fromarray(RNG.integers(0, 256, (h, w, 3), dtype=np.uint8)) for h, w in sizes]
    return [image.convert(mode) for image in noise]


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "mixed"])
def test_the_same_tensor_as_in_training(tmp_path: Path, mode: str) -> None:
    images = [*photos(6, "RGB"), *photos(6, "L")] if mode == "mixed" else photos(12, mode)
    data: ImageData = load_data(folder(tmp_path, images), resize="8x6") if mode != "mixed" else _mixed(tmp_path, images)
    train = data.raw("train")
    assert train is not None
    assert data.file_names is not None
    paths = [tmp_path / data.file_names[row] for row in data.splits["train"]]
    again = preparation_of(data.preparation.to_json())
    assert again == data.preparation
    read = again.read(paths)
    assert torch.equal(read, torch.stack([train[i][0] for i in range(len(paths))]))
    assert torch.equal(again.module()(read), torch.stack([data.split("train")[i][0] for i in range(len(paths))]))


def _mixed(path: Path, images: list[Image.Image]) -> ImageData:
    with pytest.warns(InputWarning, match="images of modes L, RGB are all read as RGB"):
        return load_data(folder(path, images), resize="8x6")


def test_raw_images_of_another_size_are_resized_by_the_module(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    (tmp_path / "1.png").write_bytes(encoded(pixels))
    preparation = ImagePreparation(FORM, Resize(8, 8), (100.0, 110.0, 120.0), (50.0, 60.0, 70.0))
    from_file = preparation.module()(preparation.read([tmp_path / "1.png"]))
    from_array = preparation.module()(torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None])
    assert (from_file - from_array).abs().max() <= 1 / 50 + 1e-6  # one level


def test_normalisation_by_hand() -> None:
    module = ImagePreparation(Form("L", 1, 1, 2, "uint8"), None, (100.0,), (50.0,)).module()
    assert module(torch.tensor([[[[0, 200]]]], dtype=torch.uint8)).flatten().tolist() == [-2, 2]


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (torch.zeros(1, 3, 8, 8), "pixels are torch.float32: this network was trained on uint8, 0 to 255, not scaled"),
        (torch.zeros(1, 1, 8, 8, dtype=torch.uint8), r"images of shape \(1, 1, 8, 8\): give n x 3 x 8 x 8"),
        (torch.zeros(3, 8, 8, dtype=torch.uint8), r"images of shape \(3, 8, 8\): give n x"),
        (torch.zeros(1, 3, 9, 8, dtype=torch.uint8), "images of 9 x 8 pixels: this network was trained on 8 x 8"),
    ],
)
def test_what_the_module_refuses(pixels: torch.Tensor, says: str) -> None:
    with pytest.raises(InputError, match=says):
        ImagePreparation(FORM, None, (0.0,) * 3, (1.0,) * 3).module()(pixels)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    preparation = ImagePreparation(FORM, None, (0.0,) * 3, (1.0,) * 3)
    (tmp_path / "cut.png").write_bytes(encoded(RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8))[:60])
    (tmp_path / "large.png").write_bytes(encoded(np.zeros((9, 9, 3), np.uint8)))
    for name, says in (
        ("none.png", "none.png' .No such file"),
        ("cut.png", "cut.png' .cut off"),
        ("large.png", "large.png' is 9 x 9, and 8 x 8 is wanted"),
    ):
        with pytest.raises(InputError, match=says):
            preparation.read([tmp_path / name])
    with pytest.raises(InputError, match="images of this search are arrays of 5 x 8 x 8 uint8, not pictures in files"):
        ImagePreparation(Form(None, 5, 8, 8, "uint8"), None, (0.0,) * 5, (1.0,) * 5).read([tmp_path / "large.png"])

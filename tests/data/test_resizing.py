"""One size for all images: as Pillow resizes files, and by the same arithmetic for tensors."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from untrained.data.resizing import Resize
from untrained.errors import InputError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("size", [64, "64", "64x64", " 64 X 64 ", "64×64", (64, 64), [64, 64], Resize(64, 64)])
def test_a_square_as_people_write_it(size: Any) -> None:
    assert Resize.of(size) == Resize(64, 64)


def test_text_is_width_by_height_and_a_pair_height_by_width() -> None:
    assert Resize.of("64x48") == Resize.of((48, 64)) == Resize(height=48, width=64)
    assert Resize.of_json(Resize(48, 64).to_json()) == Resize(48, 64)


@pytest.mark.parametrize("size", [0, -3, "", "64x", "x64", "64x48x3", "big", 2.5, True, (64,) * 3, 20_000])
def test_what_is_no_size_is_refused(size: Any) -> None:
    with pytest.raises(InputError, match="give the side of a square in pixels, 1 to 16,384, or WIDTHxHEIGHT"):
        Resize.of(size)


def test_the_middle_is_kept_and_nothing_is_squeezed() -> None:
    image = np.zeros((4, 10), np.uint8)
    image[:, 3:7] = 200  # the middle square
    kept = np.asarray(Resize(4, 4).picture(Image.fromarray(image)))
    assert (kept == 200).all()
    assert Resize(4, 8).box(height=10, width=4) == (0, 4, 4, 6)
    halved = np.asarray(Resize(1, 2).picture(Image.fromarray(np.array([[0, 100, 50, 50], [0, 100, 50, 50]], np.uint8))))
    assert halved.shape == (1, 2)


def test_halving_by_hand() -> None:
    """A triangle over four pixels, weights 1, 3, 3, 1 of 8; at the edges what is left of it, 3, 3, 1 of 7.

    (3 * 0 + 3 * 70 + 140) / 7 and (70 + 3 * 140 + 3 * 210) / 7.
    """
    row = torch.tensor([[[[0.0, 70, 140, 210]]]])
    assert Resize(1, 2).tensor(row.repeat(1, 1, 2, 1)).flatten().tolist() == [
        50,
        160,
    ]


@pytest.mark.parametrize(
    ("h", "w", "size"),
    [(37, 50, "16"), (50, 37, "16x12"), (28, 28, "32"), (9, 9, "31"), (100, 33, "24"), (33, 47, "32"), (8, 8, "16")],
)
def test_tensors_are_resized_as_pictures(h: int, w: int, size: str) -> None:
    """At most one of 256 levels apart, where an average falls on a half."""
    pixels = RNG.integers(0, 256, (h, w, 3), dtype=np.uint8)
    resize = Resize.of(size)
    picture = np.asarray(resize.picture(Image.fromarray(pixels))).transpose(2, 0, 1).astype(float)
    tensor = resize.tensor(torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None])[0].numpy()
    assert picture.shape == tensor.shape == (3, resize.height, resize.width)
    assert np.abs(picture - tensor).max() <= 1
    assert (picture != tensor).mean() < 0.02


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_deep_tensors_are_resized_as_pictures(kind: type) -> None:
    pixels = RNG.integers(0, 65_536, (30, 20)).astype(kind)
    picture = np.asarray(Resize(8, 8).picture(Image.fromarray(pixels)))
    tensor = Resize(8, 8).tensor(torch.from_numpy(pixels)[None, None], whole=kind is np.int32)
    assert np.allclose(picture, tensor[0, 0], atol=1 if kind is np.int32 else 0.02)


def test_class_numbers_are_not_mixed() -> None:
    mask = np.zeros((8, 8), np.uint8)
    mask[:, 4:] = 7
    assert np.asarray(Resize(3, 3).picture(Image.fromarray(mask), mixing=False)).tolist() == [[0, 7, 7]] * 3

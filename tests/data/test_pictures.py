"""Decoding: of named formats, of one size and one mode, and one line for all that fails."""

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from data.pictures import InMemory, black, chunk, encoded
from untrained.data.picture import MOST_PIXELS
from untrained.data.pictures import Pictures
from untrained.data.resizing import Resize
from untrained.errors import InputError, InputWarning

RNG = np.random.default_rng(0)
RGB = [RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8) for _ in range(6)]
GREY = [image[:, :, 0] for image in RGB]


def of(files: Sequence[bytes | None], resize: Resize | None = None) -> Pictures:
    return Pictures("x.parquet", InMemory(files), resize)


def decoded(files: Sequence[bytes]) -> np.ndarray:
    """n x h x w x c."""
    return of(files)(np.arange(len(files))).permute(0, 2, 3, 1).numpy()


def test_pictures_keep_their_pixels() -> None:
    for kind in ("PNG", "BMP", "TIFF", "PPM"):
        assert np.array_equal(decoded([encoded(image, kind) for image in RGB]), RGB)
    assert np.array_equal(decoded([encoded(image) for image in GREY])[..., 0], GREY)
    assert np.array_equal(of([encoded(image) for image in RGB])(np.array([4])).numpy()[0], RGB[4].transpose(2, 0, 1))


@pytest.mark.parametrize(("mode", "as_if"), [("P", "RGB"), ("CMYK", "RGB"), ("1", "L"), ("LA", "LA"), ("RGBA", "RGBA")])
def test_palettes_and_inks_become_colours(mode: str, as_if: str) -> None:
    """Not indices of colours, nor what is missing of them."""
    images = [Image.fromarray(image // 85 * 85).convert(mode) for image in RGB]
    expected = np.array([np.asarray(image.convert(as_if)) for image in images]).reshape(6, 5, 7, -1)
    assert np.array_equal(decoded([encoded(image, "TIFF" if mode == "CMYK" else "PNG") for image in images]), expected)


def test_a_transparent_palette_becomes_colours() -> None:
    image = Image.fromarray(RGB[0] // 85 * 85).convert("P")
    image.info["transparency"] = bytes(range(256))
    assert np.array_equal(decoded([encoded(image)])[0], np.asarray(image.convert("RGBA").convert("RGB")))


@pytest.mark.parametrize("values", [np.arange(35, dtype=np.uint16) * 1000, np.arange(35, dtype=np.float32) / 7])
def test_deep_pictures_keep_their_values(values: np.ndarray) -> None:
    images = [values.reshape(5, 7), values[::-1].reshape(5, 7)]
    assert np.array_equal(decoded([encoded(image, "TIFF") for image in images])[..., 0], images)


def test_modes_that_differ_are_made_one() -> None:
    alpha = np.dstack([RGB[1], GREY[1]])
    with pytest.warns(InputWarning, match=r"x\.parquet: images of modes L, RGB, RGBA are all read as RGB") as caught:
        images = decoded([encoded(GREY[0]), encoded(RGB[1]), encoded(alpha)])
    assert len(caught) == 1
    assert np.array_equal(images, [np.dstack([GREY[0]] * 3), RGB[1], RGB[1]])
    with pytest.warns(InputWarning, match="modes L, LA are all read as L"):
        assert decoded([encoded(GREY[0]), encoded(Image.fromarray(GREY[1]).convert("LA"))]).shape == (2, 5, 7, 1)


TORN = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"") + encoded(GREY[0])[33:]
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 7 5\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (b"", r"the image of row 3 \(empty\)"),
        (b"no image", r"not a readable picture\): mend or remove it \(JPEG, PNG"),
        (TORN, "not a readable picture"),
        (encoded(GREY[0])[:60], r"row 3 \(cut off\)"),
        (EPS, "not a readable picture"),
        (None, "empty"),
        (encoded(GREY[0][:4]), r"row 3 is 7 x 4, others are 7 x 5 \(width x height\): resize all, with --resize 8 "),
        (encoded(GREY[0].astype(np.uint16), "TIFF"), "modes L, I;16 do not go together"),
        (black(20_000, 10_000), r"row 3 \(too large: at most 89,478,485 pixels\)"),
        (black(MOST_PIXELS // 1024 + 1, 1024), "row 3 .too large"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_row(wrong: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        decoded([encoded(GREY[0])] * 3 + [wrong])
    assert "\n" not in str(caught.value)


def test_what_memory_cannot_hold_is_refused_first() -> None:
    large = encoded(np.zeros((4096, 4096), dtype=np.uint8))
    with pytest.raises(InputError, match=r"10,000,000 images of 4,096 x 4,096 take .* GB, this machine has"):
        of([large])(np.zeros(10**7, dtype=np.int64))

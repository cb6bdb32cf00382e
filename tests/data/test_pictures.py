"""Decoding: of named formats, of one size and one mode, and one line for all that fails."""

import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from data.pictures import InMemory, black, chunk, encoded
from untrained.data.picture import MOST_PIXELS
from untrained.data.pictures import MixedSizes, Pictures
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
    for kind in ("PNG", "BMP", "TIFF", "PPM", "PCX", "SGI", "DDS", "QOI", "JPEG2000"):
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
        (
            encoded(GREY[0].astype(np.uint16), "TIFF"),
            r"modes L, I;16 do not .* row 3 is I;16\): save",
        ),
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


def test_photos_are_turned_upright() -> None:
    """EXIF: 6 says that the camera was turned, so that the picture must be turned by 90 degrees clockwise."""
    upright = Image.fromarray(RGB[0])
    turns = {
        1: Image.Transpose.ROTATE_180,
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }
    files = []
    for orientation, turn in turns.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        buffer = io.BytesIO()
        (upright if orientation == 1 else upright.transpose(turn)).save(buffer, "PNG", exif=exif)
        files.append(buffer.getvalue())
    assert all(np.array_equal(image, RGB[0]) for image in decoded(files))


def test_all_that_is_broken_is_told_at_once() -> None:
    whole = encoded(RGB[0])
    photo = encoded(RGB[0], "JPEG")
    files = [whole, b"", photo[:-30], b"x", whole, whole[:-60], photo + b"camera" * 1000]
    with pytest.raises(
        InputError,
        match=r"x\.parquet: 4 of 7 pictures are broken: the image of row 1 \(empty\), the image of row 2 \(cut off\), "
        r"the image of row 3 \(not a readable picture\) and 1 more: mend or remove them",
    ):
        _ = of(files).form
    assert of([whole, photo + b"camera" * 1000]).form.shape == (3, 5, 7)  # much behind the end is no fault


def test_several_sizes_need_a_resize() -> None:
    large, wide = np.zeros((40, 50), np.uint8), np.zeros((40, 90), np.uint8)
    with pytest.raises(MixedSizes, match=r"row 2 is 90 x 40, others are 50 x 40 .*--resize 32 or resize=32") as caught:
        _ = of([encoded(large), encoded(large), encoded(wide)]).form
    assert caught.value.side == 32
    assert of([encoded(large), encoded(wide)], Resize(8, 12))(np.arange(2)).shape == (2, 1, 8, 12)


def test_a_form_that_is_given_is_kept() -> None:
    form = of([encoded(RGB[0])]).form
    assert np.array_equal(of([encoded(GREY[0])]).like(form)(np.arange(1))[0, 1].numpy(), GREY[0])
    with pytest.warns(InputWarning, match="images of modes RGB are all read as L"):
        of([encoded(RGB[0])]).like(of([encoded(GREY[0])]).form)(np.arange(1))
    with pytest.raises(InputError, match="row 0 is 7 x 4, and 7 x 5 is wanted"):
        of([encoded(GREY[0][:4])]).like(form)(np.arange(1))
    with pytest.raises(InputError, match="modes F do not go together"):
        of([encoded(GREY[0].astype(np.float32), "TIFF")]).like(form)(np.arange(1))


def test_many_are_decoded_in_their_order() -> None:
    images = RNG.integers(0, 256, (300, 3, 4, 1), dtype=np.uint8)
    pictures = of([encoded(image[:, :, 0]) for image in images])
    order = RNG.permutation(300)
    assert np.array_equal(pictures(order).permute(0, 2, 3, 1).numpy(), images[order])

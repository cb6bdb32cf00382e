"""One encoded picture: is it whole, of which mode and size, and which pixels."""

import io
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from untrained.data.resizing import Resize

FORMATS = (
    ("JPEG", "PNG", "BMP", "DIB", "GIF", "TIFF", "WEBP", "AVIF", "JPEG2000", "PPM", "QOI", "PCX", "SGI", "DDS")
)  # fmt: skip
"""What may be opened. Pillow knows others that start foreign programs (EPS), that have no mark of their own by which
broken files would be told (TGA), or can be read in part only."""
ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp", ".avif"),
    *(".jp2", ".j2k", ".ppm", ".pgm", ".pbm", ".pnm", ".qoi", ".pcx", ".sgi", ".dds"),
)
"""Of the names of such files."""
OTHER_ENDINGS = (".heic", ".heif", ".psd", ".svg", ".eps", ".tga", ".ico", ".jxl", ".cr2", ".nef", ".arw", ".dng")
"""Of pictures that are not read."""
READABLE = "JPEG, PNG, BMP, GIF, TIFF, WebP, AVIF, PPM, ..."
MOST_PIXELS = 89_478_485
"""Of one picture: Pillow's own limit, about 9,500 x 9,500."""

EIGHT_BITS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
"""Modes of pictures that can be brought to one, and how many channels each has."""
DEEP = {"I;16": "int32", "I": "int32", "F": "float32"}
"""Modes of 16 or 32 bits, which can not, and the type of their pixels (torch does little with unsigned 16 bits)."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF's orientation -> what makes a photo upright."""
TAIL = 4_096
"""Bytes at the end of a file among which its mark of the end is looked for."""


class Unreadable(Exception):
    """A picture that cannot be used, and why, in a few words."""


def opened(file: BinaryIO) -> Image.Image:
    """Opens a picture, of which only the header is read.

    Args:
        file: The encoded picture.

    Raises:
        Unreadable: It is none, or too large.
    """
    if file.seek(0, os.SEEK_END) == 0:
        raise Unreadable("empty")
    file.seek(0)
    try:
        image = Image.open(file, formats=_formats())
        pixels = image.width * image.height
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unreadable(f"too large: at most {MOST_PIXELS:,} pixels") from None
    except Exception as error:  # Pillow has dozens, from struct.error to SyntaxError
        raise Unreadable("not a readable picture") from error
    if pixels > MOST_PIXELS:
        raise Unreadable(f"too large ({by(image.size)}): at most {MOST_PIXELS:,} pixels")
    return image


def check_end(image: Image.Image, file: BinaryIO) -> None:
    """Finds pictures of which the end is missing, without decoding the others.

    Args:
        image: The opened picture.
        file: What it was opened from.

    Raises:
        Unreadable: It is cut off.
    """
    mark = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND"}.get(image.format or "")
    if mark is None:
        return
    place = file.tell()
    file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
    if mark not in file.read():  # some cameras write much after the end
        try:
            file.seek(0)
            opened(file).load()
        except Exception as error:
            raise Unreadable("cut off") from error
    file.seek(place)


def mode_of(image: Image.Image) -> str:
    """The mode that a picture is read in if all are like it."""
    if image.mode in EIGHT_BITS or image.mode in DEEP:
        return image.mode
    return "I;16" if image.mode.startswith("I;16") else "L" if image.mode == "1" else "RGB"


def common_mode(modes: Iterable[str]) -> str | None:
    """One mode for pictures of several, None if there is none: colours win, and alpha is left out.

    Example:
        >>> common_mode({"L", "RGBA"}), common_mode({"L", "I;16"})
        ('RGB', None)
    """
    kinds = set(modes)
    if len(kinds) == 1:
        return kinds.pop()
    if kinds & DEEP.keys():
        return None
    return "L" if kinds == {"L", "LA"} else "RGB"


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of a picture once it is upright."""
    width, height = image.size
    return (height, width) if _orientation(image) >= 5 else (width, height)


def pixels_of(image: Image.Image, mode: str, resize: Resize | None = None, *, mixing: bool = True) -> NDArray[Any]:
    """Decodes a picture, upright.

    Args:
        image: The opened picture.
        mode: One of `EIGHT_BITS`, or the picture's own.
        resize: What is done then.
        mixing: See `Resize.picture`.

    Returns:
        c x h x w, uint8, or what `DEEP` says.

    Raises:
        Unreadable: It is broken.
    """
    turn = TURNS.get(_orientation(image))
    try:
        image.load()
        if turn is not None:
            image = image.transpose(turn)
        if mode in DEEP and resize is not None and image.mode not in DEEP:  # big endian
            image = image.convert("I")
        if mode not in DEEP and image.mode != mode:
            image = (image.convert("RGBA") if "transparency" in image.info else image).convert(mode)
        if resize is not None:
            image = resize.picture(image.convert("I") if mode == "I;16" else image, mixing=mixing)
        array = np.asarray(image)
    except Exception as error:  # as above
        raise Unreadable("not a readable picture") from error
    array = array if mode not in DEEP else array.astype(DEEP[mode])
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


@contextmanager
def quiet() -> Iterator[None]:
    """Pillow's remarks on odd metadata are nothing to a user; its warning of a bomb is an error."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def by(size: tuple[int, int]) -> str:
    """A size (width, height) for a message."""
    return f"{size[0]:,} x {size[1]:,}"


def most_common(sizes: Iterable[Any]) -> Any:
    """What is there most often; the first of several."""
    return Counter(sizes).most_common(1)[0][0]


def _orientation(image: Image.Image) -> int:
    """EXIF's, 1 to 8; of TIFF, which Pillow turns itself, 1."""
    if image.format == "TIFF" or "exif" not in image.info:
        return 1
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # metadata that are broken say nothing; the picture may be whole
        return 1
    return found if found in TURNS else 1


def _formats() -> list[str]:
    """Those that this Pillow was built with."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def in_bytes(content: bytes | None) -> BinaryIO:
    """An encoded picture as a file; a missing one is empty."""
    return io.BytesIO(content or b"")

"""Decoding pictures: raster formats by name, of one size and one mode."""

import io
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from untrained.data.source import Rows, check_memory
from untrained.errors import InputError, InputWarning, listed

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
"""What may be opened. Pillow knows others that start foreign programs (EPS) or can be read in part only."""
MOST_PIXELS = 2**24
"""Of one image: 4,096 x 4,096."""
SPREAD = 256
"""Pictures, evenly spaced over all, whose headers decide the size and mode of all."""

EIGHT_BITS = ("L", "LA", "RGB", "RGBA")
"""Modes of pictures that can be brought to one."""
DEEP = ("I;16", "I", "F")
"""Modes of 16 or 32 bits, which can not."""


class Pictures:
    """Pictures that are decoded when they are asked for.

    All must be of one size. If they are of several modes, all are read as RGB, or as grey if none has colours, and a
    warning says so; a palette counts as RGB, black and white as grey.

    Args:
        name: what messages call them all.
        count: how many there are.
        read: row -> the encoded picture.
        called: row -> what messages call it.
    """

    def __init__(self, name: str, count: int, read: Callable[[int], bytes], called: Callable[[int], str]) -> None:
        self._name = name
        self._count = count
        self._read = read
        self._called = called
        self._known = set[str]()  # modes that are to be met

    def __call__(self, rows: Rows) -> Tensor:
        """Decodes pictures.

        Args:
            rows: m of them.

        Returns:
            m x c x h x w, of the type that the pictures have (mostly uint8).

        Raises:
            InputError: a picture cannot be decoded, is too large, or of another size than the others.
        """
        mode, size = self._form
        pictures = np.empty((0, 0, 0, 0))
        with _quiet():
            for place, row in enumerate(rows):
                picture = self._decoded(int(row), mode, size)
                if place == 0:
                    check_memory(picture.nbytes * len(rows), f"{self._name}: {len(rows):,} images of {_by(size)}")
                    pictures = np.empty((len(rows), *picture.shape), picture.dtype)
                pictures[place] = picture
        return torch.from_numpy(pictures)

    @cached_property
    def _form(self) -> tuple[str, tuple[int, int]]:
        """The mode and the size (width, height) of all."""
        rows = np.unique(np.linspace(0, self._count - 1, SPREAD).round().astype(np.int64)).tolist()
        with _quiet():
            headers = [(_mode(image), image.size) for image in map(self._opened, rows)]
        modes = Counter(mode for mode, _ in headers)
        mode = _common(modes)
        if mode is None:
            raise InputError(f"{self._name}: images of modes {listed(modes)} do not go together: save all in one mode")
        if len(modes) > 1:
            self._tell(f"images of modes {listed(modes)} are all read as {mode}")
        self._known.update(modes)
        return mode, Counter(size for _, size in headers).most_common(1)[0][0]

    def _opened(self, row: int) -> Image.Image:
        try:
            image = Image.open(io.BytesIO(self._read(row)), formats=FORMATS)
            pixels = image.width * image.height
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            pixels, image = MOST_PIXELS + 1, None
        except Exception as error:  # Pillow has dozens, from struct.error to SyntaxError
            raise self._broken(row) from error
        if image is None or pixels > MOST_PIXELS:
            size = "" if image is None else f" ({_by(image.size)})"
            raise InputError(f"{self._name}: {self._called(row)} is too large{size}: at most {MOST_PIXELS:,} pixels")
        return image

    def _decoded(self, row: int, mode: str, size: tuple[int, int]) -> np.ndarray:
        image = self._opened(row)
        if image.size != size:
            raise InputError(
                f"{self._name}: {self._called(row)} is {_by(image.size)}, others are {_by(size)} (width x height): "
                "save all in one size"
            )
        own = _mode(image)
        if own != mode:
            if own in DEEP or mode in DEEP:
                others = f"others are of {mode}: save all in one"
                raise InputError(f"{self._name}: {self._called(row)} is of mode {own}, {others}")
            if own not in self._known:
                self._known.add(own)
                self._tell(f"images of mode {own} are read as {mode}, {self._called(row)} first")
        try:
            if own not in DEEP and image.mode != mode:
                image = (image.convert("RGBA") if "transparency" in image.info else image).convert(mode)
            array = np.asarray(image)
            array = array.astype(array.dtype.newbyteorder("=")) if own in DEEP else array
        except Exception as error:  # as above
            raise self._broken(row) from error
        return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)

    def _broken(self, row: int) -> InputError:
        kinds = "JPEG, PNG, BMP, GIF, TIFF, WebP or PPM"
        return InputError(f"{self._name}: {self._called(row)} is not a readable picture: give {kinds}")

    def _tell(self, note: str) -> None:
        warnings.warn(f"{self._name}: {note}", InputWarning, stacklevel=2)


@contextmanager
def _quiet() -> Iterator[None]:
    """Pillow's remarks on odd metadata are nothing to a user; its warning of a bomb is an error."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]:,} x {size[1]:,}"


def _mode(image: Image.Image) -> str:
    """The mode that a picture is read in if all are like it."""
    if image.mode in EIGHT_BITS or image.mode in DEEP:
        return image.mode
    return "I;16" if image.mode.startswith("I;16") else "L" if image.mode == "1" else "RGB"


def _common(modes: Counter[str]) -> str | None:
    """One mode for all of them, None if there is none."""
    if len(modes) == 1:
        return next(iter(modes))
    if any(mode in DEEP for mode in modes):
        return None
    return "L" if set(modes) == {"L", "LA"} else "RGB"

"""Encoded pictures of a data set, brought to one size and one mode."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, BinaryIO, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import get_worker_info

from untrained.data.picture import (
    DEEP,
    EIGHT_BITS,
    READABLE,
    Unreadable,
    by,
    check_end,
    common_mode,
    mode_of,
    most_common,
    opened,
    pixels_of,
    quiet,
    upright_size,
)
from untrained.data.pixels import Form, Header, Images
from untrained.data.resizing import Resize
from untrained.data.source import Rows, check_memory
from untrained.errors import InputError, InputWarning, listed, warn
from untrained.runtime.cores import cores

AT_ONCE = 64
"""The most pictures that a thread decodes before it takes the next."""


class Encoded(Protocol):
    """Encoded pictures, by their number. It travels to other processes, and should read again there."""

    def __len__(self) -> int: ...

    def open(self, row: int) -> BinaryIO:
        """A picture as a file, which is closed after use."""
        ...

    def called(self, row: int) -> str:
        """What messages call a picture."""
        ...


class Pictures(Images):
    """Pictures that are decoded when they are asked for.

    All must be of one size, if they are not resized. If they are of several modes, all are read as RGB, or as grey if
    none has colours, and a warning says so; a palette counts as RGB, black and white as grey. Photos are turned
    upright.

    Args:
        name: What messages call them all.
        encoded: The pictures.
        resize: What is done to each; nothing if None.
        rows: Those whose headers decide on the form of all; None for all of them.
        form: The form, if it is known.
    """

    def __init__(
        self,
        name: str,
        encoded: Encoded,
        resize: Resize | None = None,
        rows: Rows | None = None,
        form: Form | None = None,
    ) -> None:
        self._name = name
        self._encoded = encoded
        self._resize = resize
        self._rows = np.arange(len(encoded)) if rows is None else rows
        self._given = form

    def used(self, rows: Rows) -> "Pictures":
        return Pictures(self._name, self._encoded, self._resize, np.sort(rows), self._given)

    def like(self, form: Form) -> "Pictures":
        return Pictures(self._name, self._encoded, self._resize, self._rows, form)

    def kinds(self) -> Counter[Header]:
        return Counter(self.headers)

    @cached_property
    def headers(self) -> list[Header]:
        """Mode and upright size of each picture that is used, read from its header.

        Raises:
            InputError: Some of the pictures are broken.
        """
        with quiet():
            found = in_threads(self._header, self._rows)
        pairs = zip(self._rows.tolist(), found, strict=True)
        wrong = [(self._encoded.called(row), why) for row, why in pairs if isinstance(why, str)]
        if wrong:
            self._refuse(wrong)
        return found

    def find_form(self) -> Form:
        headers = self.headers
        modes = Counter(mode or "" for mode, _ in headers)
        mode = self._mode(modes)
        width, height = self._size([size for _, size in headers])
        return Form(mode, EIGHT_BITS.get(mode, 1), height, width, DEEP.get(mode, "uint8"))

    def __call__(self, rows: Rows) -> Tensor:
        form = self.form
        size = form.nbytes * len(rows)
        check_memory(size, f"{self._name}: {len(rows):,} images of {by((form.width, form.height))}")
        pictures = np.empty((len(rows), *form.shape), form.dtype)
        wrong = list[tuple[int, str, str]]()

        def decode(place: int) -> None:
            try:
                pictures[place] = self._decoded(int(rows[place]), form)
            except Unreadable as error:
                wrong.append((place, self._encoded.called(int(rows[place])), str(error)))

        with quiet():
            in_threads(decode, np.arange(len(rows)))
        if wrong:
            self._refuse([(name, why) for _, name, why in sorted(wrong)])
        return torch.from_numpy(pictures)

    def _mode(self, modes: Counter[str]) -> str:
        mode = common_mode(modes if self._given is None else {self._given.mode or "", *modes})
        if mode is None:
            rare = modes.most_common()[-1][0]
            row = next(row for row, (mode, _) in zip(self._rows.tolist(), self.headers, strict=True) if mode == rare)
            raise InputError(
                f"{self._name}: images of modes {listed(modes)} do not go together ({self._encoded.called(row)} is "
                f"{rare}): save all in one mode"
            )
        if self._given is not None:
            mode = self._given.mode or mode
        others = {found for found in modes if found != mode}
        lost = mode in ("L", "LA") and others & {"RGB", "RGBA"}
        if others and (self._given is None or lost):  # a form that was given was told of when it was found
            self._tell(f"images of modes {listed(sorted(modes))} are all read as {mode}")
        return mode

    def _size(self, sizes: list[tuple[int, int]]) -> tuple[int, int]:
        if self._resize is not None:
            return self._resize.width, self._resize.height
        wanted = most_common(sizes) if self._given is None else (self._given.width, self._given.height)
        if all(size == wanted for size in sizes):
            return wanted
        place = next(place for place, size in enumerate(sizes) if size != wanted)
        row = self._encoded.called(int(self._rows[place]))
        if self._given is not None:
            what = f"{self._name}: {row} is {by(sizes[place])}, and {by(wanted)} is wanted (width x height)"
            raise InputError(f"{what}: scale it, or search with --resize, which then scales every picture")
        what = f"{self._name}: {row} is {by(sizes[place])}, others are {by(wanted)} (width x height)"
        side = sensible(sizes)
        raise MixedSizes(f"{what}: resize all, with --resize {side} or resize={side}", side)

    def _header(self, row: int) -> Header | str:
        try:
            with self._encoded.open(row) as file:
                image = opened(file)
                header = mode_of(image), upright_size(image)
                check_end(image, file)
                return header
        except Unreadable as error:
            return str(error)
        except OSError as error:
            return error.strerror or "it cannot be read"

    def _decoded(self, row: int, form: Form) -> NDArray[Any]:
        try:
            with self._encoded.open(row) as file:
                image = opened(file)
                own = mode_of(image)
                if form.mode is None or (own != form.mode and (own in DEEP or form.mode in DEEP)):
                    raise Unreadable(f"of mode {own}, others are {form.mode}")
                picture = pixels_of(image, form.mode, self._resize)
        except OSError as error:
            raise Unreadable(error.strerror or "it cannot be read") from error
        if picture.shape != form.shape:
            raise Unreadable(f"{by(picture.shape[:0:-1])}, others are {by((form.width, form.height))}")
        return picture

    def _refuse(self, wrong: list[tuple[str, str]]) -> None:
        told = [f"{name} ({why})" for name, why in wrong]
        more = f" and {len(wrong) - 3:,} more" if len(wrong) > 3 else ""
        some = f"{len(wrong):,} of {len(self._rows):,} pictures are broken: {', '.join(told[:3])}{more}"
        what = some if len(wrong) > 1 else told[0]
        them = "them" if len(wrong) > 1 else "it"
        rest = "; untrained data show --broken lists all" if more else ""
        kinds = "" if more else f" ({READABLE})"  # a line that is too long is cut in its middle
        message = f"{self._name}: {what}: mend or remove {them}{kinds}{rest}"
        raise BrokenPictures(message, [name for name, _ in wrong])

    def _tell(self, note: str) -> None:
        warn(f"{self._name}: {note}", InputWarning)


class BrokenPictures(InputError):
    """Some pictures cannot be read.

    Args:
        message: What is wrong.
        names: What messages call them: file names in quotes.
    """

    def __init__(self, message: str, names: list[str]) -> None:
        super().__init__(message)
        self.names = names


class MixedSizes(InputError):
    """Pictures are of several sizes, and are not resized.

    Args:
        message: What is wrong.
        side: To which they could be resized.
    """

    def __init__(self, message: str, side: int) -> None:
        super().__init__(message)
        self.side = side


def sensible(sizes: list[tuple[int, int]]) -> int:
    """A side to resize to: the usual one that is not above the shorter side of most pictures, and at most 224.

    Example:
        >>> sensible([(640, 480), (500, 375)]), sensible([(40, 60)])
        (224, 32)
    """
    typical = float(np.median([min(size) for size in sizes]))
    return max((side for side in (8, 16, 32, 64, 96, 128, 160, 224) if side <= typical), default=8)


def in_threads(function: Callable[[int], Any], values: Rows) -> list[Any]:
    """`function` of each value, by as many threads as there are cores: Pillow decodes without Python's lock.

    The worker of a `DataLoader` is one of several processes, and stays with one thread.
    """
    count = 0 if get_worker_info() else min(AT_ONCE, len(values) // (8 * cores()))
    if count == 0:
        return [function(value) for value in values.tolist()]
    parts = [values[i : i + count].tolist() for i in range(0, len(values), count)]
    with ThreadPoolExecutor(cores()) as pool:
        return [result for part in pool.map(lambda part: [function(value) for value in part], parts) for result in part]

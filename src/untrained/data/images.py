"""Images and labels from a name or a file, split once and for all into train, valid and test."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import Dataset

from untrained.errors import InputError

HOLD_OUT = 0.2
"""Part of the images for validation, and again for testing where no test file is given."""
SPLIT_SEED = 0
MOST_CLASSES = 1_000_000
STATISTICS_FROM = 2_048
"""Training images from which the mean and standard deviation of each channel are taken."""


class Images(Dataset[tuple[Tensor, Tensor]]):
    """Images c x h x w, normalised by channel, and integer labels; indexed by one number or by a list of them."""

    def __init__(self, pixels: Tensor, labels: Tensor, mean: Tensor, std: Tensor) -> None:
        self.pixels = pixels
        self.labels = labels
        self.mean = mean
        self.std = std

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: Any) -> tuple[Tensor, Tensor]:
        return (self.pixels[index].float() - self.mean) / self.std, self.labels[index]


@dataclass(frozen=True, eq=False)
class ImageData:
    """A data set: `pixels(rows)` gives n x c x h x w (decoded only when asked), `labels` the classes 0..K-1.

    train, valid and test are rows, drawn per class with a fixed seed; test may come from a file of its own.
    """

    name: str
    labels: NDArray[np.int64]
    pixels: Callable[[NDArray[np.int64]], Tensor]
    splits: dict[str, NDArray[np.int64]]

    @property
    def num_classes(self) -> int:
        return int(self.labels.max()) + 1

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """c x h x w."""
        return tuple(self.pixels(self.splits["train"][:1]).shape[1:])

    @cached_property
    def fingerprint(self) -> str:
        """Stands for the labels, the splits and a sample of the pixels."""
        digest = blake2b(self.labels.tobytes(), digest_size=8)
        for name, rows in self.splits.items():
            digest.update(name.encode() + rows.tobytes())
        digest.update(self.pixels(self.splits["train"][:64]).numpy().tobytes())
        return digest.hexdigest()

    @cached_property
    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each channel, c x 1 x 1, over the first training images."""
        sample = self.pixels(self.splits["train"][:STATISTICS_FROM]).float()
        std, mean = torch.std_mean(sample, dim=(0, 2, 3), correction=0)
        return mean[:, None, None], torch.where(std > 0, std, 1.0)[:, None, None]

    def split(self, name: str) -> Images:
        """All images of "train", "valid" or "test"."""
        rows = self.splits[name]
        return Images(self.pixels(rows), torch.from_numpy(self.labels[rows]), *self.statistics)

    def batch(self, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
        """`n` training images (normalised, n x c x h x w) and their labels, drawn with `seed`."""
        return self._normalised(self._drawn(n, seed)[0])

    def second_batch(self, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
        """`n` more, none of which is in `batch(n, seed)`."""
        first, rng = self._drawn(n, seed)
        rest = np.setdiff1d(self.splits["train"], first)
        if n > len(rest):
            raise InputError(
                f"batch size {n}: two batches need {2 * n} training images, {self.name} has {len(rest) + n}: "
                f"give at most {(len(rest) + n) // 2}"
            )
        return self._normalised(rng.choice(rest, n, replace=False))

    def _drawn(self, n: int, seed: int) -> tuple[NDArray[np.int64], np.random.Generator]:
        rows = self.splits["train"]
        if not 1 <= n <= len(rows):
            raise InputError(f"batch size {n}: {self.name} has {len(rows)} training images: give 1 to {len(rows)}")
        rng = np.random.default_rng(seed)
        return rng.choice(rows, n, replace=False), rng

    def _normalised(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        mean, std = self.statistics
        return (self.pixels(rows).float() - mean) / std, torch.from_numpy(self.labels[rows])


def load_data(source: str, test: str | None = None) -> ImageData:
    """The data set called `source`, or read from a file.

    `digits`: the 1,797 8 x 8 images that come with scikit-learn. `FILE.parquet`: columns `image` (JPEG or PNG bytes;
    grey or RGB, to which palettes and inks are converted) and `label`. `FILE.npz`: arrays `x` (n x h x w or
    n x c x h x w) and `y` (n labels).
    test: a second such file; where None, a fifth of the images is set aside. Another fifth is for validation.

    Raises `InputError` for a missing or broken file, labels that are not classes 0..K-1, or fewer than two classes.
    """
    if source == "digits":
        pixels, labels = _digits()
    else:
        pixels, labels = _read(source)
    labels = _checked(labels, source)
    rows = np.arange(len(labels))
    if test is None:
        rest, test_rows = _hold_out(rows, labels, HOLD_OUT, source)
        part = HOLD_OUT / (1 - HOLD_OUT)
    else:
        test_pixels, test_labels = _read(test)
        test_labels = _checked(test_labels, test)
        if test_labels.max() > labels.max():
            raise InputError(f"{test} has label {test_labels.max()}, which {source} has not")
        shapes = [tuple(read(np.arange(1)).shape[1:]) for read in (pixels, test_pixels)]
        if shapes[0] != shapes[1]:
            raise InputError(f"{test} has images of {shapes[1]}, {source} of {shapes[0]} (channels, height, width)")
        pixels = _chain(pixels, len(labels), test_pixels)
        rest, test_rows, part = rows, len(labels) + np.arange(len(test_labels)), HOLD_OUT
        labels = np.concatenate([labels, test_labels])
    train, valid = _hold_out(rest, labels, part, source)
    name = source if source == "digits" else Path(source).name
    return ImageData(name, labels, pixels, {"train": train, "valid": valid, "test": test_rows})


Pixels = Callable[[NDArray[np.int64]], Tensor]


def _digits() -> tuple[Pixels, NDArray[Any]]:
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    images = torch.from_numpy(bunch.images.astype(np.uint8))[:, None]
    return lambda rows: images[rows], bunch.target


def _read(source: str) -> tuple[Pixels, NDArray[Any]]:
    path = Path(source)
    if path.suffix not in (".parquet", ".npz"):
        raise InputError(f"unknown data {source!r}: give digits, or a .parquet or .npz file")
    if not path.is_file():
        raise InputError(f"no file {source!r}: give digits, or a .parquet or .npz file")
    return _read_parquet(path) if path.suffix == ".parquet" else _read_npz(path)


def _read_parquet(path: Path) -> tuple[Pixels, NDArray[Any]]:
    try:
        table = pq.read_table(path, columns=["image", "label"])
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path} cannot be read as images (columns image and label): {str(error).splitlines()[0]}"
        ) from error
    if table["label"].null_count:
        raise InputError(f"{path} has {table['label'].null_count} rows without a label: labels must be 0, 1, 2, ...")
    encoded = table["image"]
    if not (pa.types.is_binary(encoded.type) or pa.types.is_large_binary(encoded.type)):
        raise InputError(f"{path}: column 'image' holds {encoded.type}: it must hold the bytes of JPEG or PNG files")

    def decode(rows: NDArray[np.int64]) -> Tensor:
        first: Tensor | None = None
        images = []
        for row in rows:
            try:
                image = np.asarray(_plain(Image.open(io.BytesIO(encoded[int(row)].as_py()))))
            except (UnidentifiedImageError, OSError, TypeError) as error:
                raise InputError(f"{path}: the image of row {row} is not a readable JPEG or PNG") from error
            tensor = torch.from_numpy(image.copy())
            tensor = tensor[None] if tensor.ndim == 2 else tensor.permute(2, 0, 1)
            first = tensor if first is None else first
            if tensor.shape != first.shape:
                raise InputError(
                    f"{path}: the image of row {row} is {tuple(tensor.shape)}, others {tuple(first.shape)}"
                )
            images.append(tensor)
        return torch.stack(images)

    return decode, table["label"].to_numpy()


def _plain(image: Image.Image) -> Image.Image:
    """Grey, RGB, either with transparency; what is neither (a palette, black and white, inks) as one of them."""
    if image.mode in ("L", "LA", "RGB", "RGBA", "I", "I;16", "F"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _read_npz(path: Path) -> tuple[Pixels, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            missing = [key for key in ("x", "y") if key not in arrays]
            if missing:
                raise InputError(f"{path} has no array {missing[0]!r}: it has {', '.join(arrays) or 'none'}")
            x, y = arrays["x"], arrays["y"]
    except InputError:
        raise
    except Exception as error:  # a broken archive fails in zipfile, zlib or numpy, each in its own way
        raise InputError(f"{path} cannot be read as an .npz file: {str(error).splitlines()[0]}") from error
    if x.ndim not in (3, 4) or len(x) != y.size or y.ndim != 1:
        raise InputError(f"{path}: x is {x.shape} and y {y.shape}; expected n x h x w or n x c x h x w, and n")
    if 0 in x.shape[1:]:
        raise InputError(f"{path}: x is {x.shape}: its images have no pixels")
    if x.ndim == 4 and x.shape[3] in (1, 3) and x.shape[1] not in (1, 3):
        raise InputError(f"{path}: x is {x.shape}: channels come first, so save x.transpose(0, 3, 1, 2)")
    with np.errstate(over="ignore"):
        x = x if x.dtype == np.uint8 or x.dtype.kind not in "fuib" else x.astype(np.float32)
    if x.dtype.kind not in "fu" or not np.isfinite(x).all():
        raise InputError(f"{path}: x must hold finite numbers, in single precision")
    images = torch.from_numpy(x)
    images = images if images.ndim == 4 else images[:, None]
    return lambda rows: images[rows], y


def _chain(first: Pixels, length: int, second: Pixels) -> Pixels:
    """The rows of `second` after the `length` rows of `first`; asked for rows of one of them at a time."""
    return lambda rows: first(rows) if len(rows) == 0 or rows.max() < length else second(rows - length)


def _checked(labels: NDArray[Any], source: str) -> NDArray[np.int64]:
    if len(labels) == 0:
        raise InputError(f"{source} is empty: it has no images")
    if labels.dtype.kind not in "fiub":
        raise InputError(f"{source}: label '{labels[0]}' is not a number; labels must be 0, 1, 2, ...")
    wrong = ~np.isfinite(labels) | (labels < 0) | (labels != np.round(labels))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(f"{source}: label {labels[row]} in row {row} is not a class; labels must be 0, 1, 2, ...")
    if labels.max() >= MOST_CLASSES:
        raise InputError(f"{source}: label {labels.max():g}: labels must be 0, 1, 2, ..., below {MOST_CLASSES:,}")
    present = np.unique(labels)
    if len(present) < 2:
        raise InputError(f"{source} has only class {present[0]}: at least two classes are needed")
    return labels.astype(np.int64)


def _hold_out(
    rows: NDArray[np.int64], labels: NDArray[np.int64], part: float, source: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(kept, held out): `part` of each class of `rows`, at least one image, drawn with the fixed seed."""
    rng = np.random.default_rng(SPLIT_SEED)
    held: list[Sequence[int]] = []
    for label in np.unique(labels[rows]):
        of_class = rows[labels[rows] == label]
        count = max(round(part * len(of_class)), 1)
        if count >= len(of_class):
            raise InputError(f"{source} has {len(of_class)} images of class {label}: too few to split")
        held.append(rng.permutation(of_class)[:count].tolist())
    held_rows = np.sort(np.concatenate(held)).astype(np.int64)
    kept = np.setdiff1d(rows, held_rows)
    return rng.permutation(kept), held_rows

"""The data sets that come with scikit-learn."""

from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from untrained.data.pixels import Arrays
from untrained.data.source import Source, Wanted, hash_of

DIGITS = "digits"
TABLES = ("iris", "wine", "breast_cancer", "diabetes")
"""Three of classes; the last of a number to be predicted."""


def read_digits(wanted: Wanted) -> Source:
    """The 1,797 grey 8 x 8 images of handwritten digits (Alpaydin & Kaynak, 1998)."""
    images = Arrays(DIGITS, _images, wanted.resize)
    return Source(DIGITS, images, _bunch().target, lambda: hash_of(images.whole.numpy().tobytes()))


def _images() -> Tensor:
    return torch.from_numpy(_bunch().images.astype(np.uint8))[:, None]


def _bunch() -> Any:
    from sklearn.datasets import load_digits

    return load_digits()


def builtin_table(name: str) -> tuple[pa.Table, str]:
    """A table that comes with scikit-learn.

    Args:
        name: One of `TABLES`.

    Returns:
        Its columns, and the name of the one to be predicted: text if it has classes.
    """
    from sklearn import datasets

    bunch: Any = getattr(datasets, f"load_{name}")()
    columns = dict(zip(map(str, bunch.feature_names), bunch.data.T, strict=True))
    classes = getattr(bunch, "target_names", None)
    target = bunch.target if classes is None else np.array(classes)[bunch.target].astype(str)
    return pa.table({**columns, "target": target}), "target"

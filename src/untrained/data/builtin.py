"""The data set that comes with scikit-learn."""

from typing import Any

import numpy as np
import torch

from untrained.data.source import Source, hash_of

DIGITS = "digits"


def read_digits() -> Source:
    """The 1,797 grey 8 x 8 images of handwritten digits (Alpaydin & Kaynak, 1998)."""
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    images = torch.from_numpy(bunch.images.astype(np.uint8))[:, None]
    return Source(DIGITS, lambda rows: images[rows], bunch.target, lambda: hash_of(images.numpy().tobytes()))

"""What the targets of a data set tell of its task."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from untrained.data.task import Task
from untrained.runtime.seeding import seeded


def task_of(data: Dataset[Any]) -> Task:
    """The task that the targets of a data set tell: all of them if they are in memory, else the first.

    Args:
        data: Pairs (input, target).

    Returns:
        "several" for dictionaries and tuples of targets; "regression" for one number or several; "multi-label" for
        several zeros and ones; "classification" for a whole number; "segmentation" for h x w whole numbers; else
        "other".
    """
    if isinstance(data, TensorDataset):
        return _told(data.tensors[1][0], data.tensors[1])
    with seeded(0):
        return _told(data[0][1], None)


def _told(first: Any, everything: Tensor | None) -> Task:
    if isinstance(first, Mapping):
        return Task("several", heads={str(name): _told(part, None) for name, part in first.items()})
    if isinstance(first, tuple | list):
        return Task("several", heads={str(i): _told(part, None) for i, part in enumerate(first)})
    one = torch.as_tensor(first)
    known = one if everything is None else everything
    if one.ndim == 1 and len(one) > 1 and bool(((known == 0) | (known == 1)).all()):
        return Task("multi-label", len(one))
    if one.is_floating_point():
        return Task("regression", one.numel()) if one.ndim <= 1 else Task("other")
    outputs = None if everything is None else int(everything.max()) + 1
    if one.ndim == 0:
        return Task("classification", outputs)
    return Task("segmentation", outputs) if one.ndim == 2 else Task("other")

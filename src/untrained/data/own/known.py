"""What a data set tells of its targets without giving its inputs: a bounded look at them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Subset, TensorDataset

from untrained.data.own.samples import Pairing
from untrained.data.own.targets import Values
from untrained.runtime.seeding import seeded

MOST_READ = 2_000
"""Samples that are read for their targets, if nothing else tells them."""
NAMES = ("targets", "labels", "_labels")
"""Where data sets keep the targets of all samples, as torchvision's do."""


def known_targets(data: Any, pairing: Pairing) -> tuple[Values, bool]:
    """Targets of a data set, as it has them, and whether these are all.

    Targets in memory, and those that a data set keeps in an attribute, are all taken; of others, those of at most
    `MOST_READ` samples, spread evenly, which are read.

    Args:
        data: A data set.
        pairing: What of a sample is the target.

    Example:
        >>> known_targets(TensorDataset(torch.zeros(3, 2), torch.tensor([0, 1, 0])), Pairing())
        (tensor([0, 1, 0]), True)
    """
    kept = kept_targets(data, pairing)
    if kept is not None:
        return kept, True
    rows = np.unique(np.linspace(0, len(data) - 1, MOST_READ).round().astype(int)).tolist()
    with seeded(0):
        return [pairing(data[row])[1] for row in rows], len(rows) == len(data)


def kept_targets(data: Any, pairing: Pairing) -> Values | None:
    """All targets of a data set, if it has them without its samples being read; else None.

    Args:
        data: A data set.
        pairing: What of a sample is the target.
    """
    if isinstance(data, TensorDataset):
        return data.tensors[-1]
    if isinstance(data, Subset):
        whole = kept_targets(data.dataset, pairing)
        return None if whole is None else _taken(whole, data.indices)
    if isinstance(data, ConcatDataset):
        parts = [kept_targets(part, pairing) for part in data.datasets]
        known = [part for part in parts if part is not None]
        return _joined(known) if len(known) == len(parts) else None
    column = _column(data, pairing)
    if column is not None:
        return column if _agree(data, column, pairing) else None
    for name in NAMES:
        values = getattr(data, name, None)
        if isinstance(values, list | tuple | np.ndarray | Tensor) and len(values) == len(data):
            if isinstance(values, np.ndarray):
                values = list(values) if values.dtype == object else torch.as_tensor(values)
            return values if _agree(data, values, pairing) else None
    return None


def _column(data: Any, pairing: Pairing) -> Values | None:
    """The targets in a data set of Hugging Face's, which has them in a column of their own."""
    names = getattr(data, "column_names", None)
    if not isinstance(names, list) or pairing.target not in names or not hasattr(data, "with_format"):
        return None
    column = data.with_format("arrow").select_columns([pairing.target])[:][pairing.target]
    kind = column.type
    if column.null_count or not (pa.types.is_primitive(kind) or pa.types.is_string(kind)):
        return None
    return column.to_pylist() if pa.types.is_string(kind) else torch.tensor(column.to_numpy(), dtype=None)


def _agree(data: Any, values: Any, pairing: Pairing) -> bool:
    """Whether samples have these targets: a data set may change them on the way."""
    for row in {0, len(data) // 2, len(data) - 1}:
        with seeded(0):
            _, target = pairing(data[row])
        if isinstance(target, str):
            if target != values[row]:
                return False
            continue
        try:
            if not torch.equal(torch.as_tensor(target), torch.as_tensor(values[row])):
                return False
        except (TypeError, ValueError, RuntimeError):
            return False
    return True


def _taken(values: Values, rows: Sequence[int]) -> Values:
    return values[torch.as_tensor(list(rows))] if isinstance(values, Tensor) else [values[row] for row in rows]


def _joined(parts: list[Any]) -> Values:
    if all(isinstance(part, Tensor) for part in parts):
        return torch.cat(parts)
    return [value for part in parts for value in part]


def classes_of(data: Any) -> tuple[str, ...]:
    """The names of the classes, if a data set has an attribute `classes` of them, as torchvision's do.

    Args:
        data: A data set, or a part of one.
    """
    while isinstance(data, Subset | ConcatDataset):
        data = data.dataset if isinstance(data, Subset) else data.datasets[0]
    names = getattr(data, "classes", None)
    if isinstance(names, list | tuple) and len(names) > 1 and all(isinstance(name, str) for name in names):
        return tuple(names)
    return ()

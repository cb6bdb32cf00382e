"""Telling one data set from another by what it holds."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils.data import Dataset, Subset, TensorDataset

from untrained.data.own.known import kept_targets
from untrained.data.own.samples import Collated, Samples
from untrained.data.prepared import Prepared
from untrained.runtime.identity import UNREADABLE
from untrained.runtime.provenance import raw_bytes
from untrained.runtime.seeding import seeded

SPREAD = 64
"""Samples that stand for a data set that is not one tensor in memory: the first, the last, and evenly between them."""


def content_of(data: Dataset[Any]) -> dict[str, Any] | str:
    """Stands for the content of a data set: its length and a hash.

    Tensors (`TensorDataset`) and lists in memory are hashed as a whole. Any other data set is known by `SPREAD`
    samples, evenly spaced from the first to the last one, by all targets that it keeps in memory, and a `Subset` by
    its indices too. The samples are drawn
    under a fixed random state: augmentation by the global generators of torch, numpy or Python is no change.

    Args:
        data: A map-style data set.

    Returns:
        `{"length": ..., "hash": ...}`, or `UNREADABLE` if a sample differs each time that it is read, or holds
        something other than tensors, arrays, numbers and text: such data sets cannot be compared.

    Example:
        >>> import torch
        >>> from torch.utils.data import TensorDataset
        >>> data = TensorDataset(torch.zeros(3, 2), torch.arange(3))
        >>> content_of(data) == content_of(TensorDataset(torch.zeros(3, 2), torch.arange(3)))
        True
    """
    length = len(cast(Any, data))
    if isinstance(data, TensorDataset):
        return {"length": length, "hash": _hash(data.tensors)}
    if isinstance(data, Prepared):
        raw = content_of(data.raw)
        return raw if isinstance(raw, str) else raw | {"preparation": data.preparation.to_json()}
    own = data.data if isinstance(data, Samples) else data
    looked_at = length if _is_list(own) else SPREAD
    rows = np.unique(np.linspace(0, length - 1, looked_at).round().astype(int)).tolist()
    once, again = (_samples(data, rows[:count]) for count in (len(rows), 1))
    try:
        if _hash(once[:1]) != _hash(again):
            return UNREADABLE
        indices = list(own.indices) if isinstance(own, Subset) else []
        return {"length": length, "hash": _hash((once, np.asarray(indices, dtype=np.int64), _targets(data)))}
    except TypeError:
        return UNREADABLE


def _is_list(data: Any) -> bool:
    while isinstance(data, Subset):
        data = data.dataset
    return isinstance(data, list | tuple)


def _targets(data: Any) -> Any:
    return kept_targets(data.data, data.pairing) if isinstance(data, Samples) else None


def _samples(data: Dataset[Any], rows: Iterable[int]) -> list[Any]:
    with seeded(0):
        return [tuple(data[row]) if isinstance(data, Collated) else data[row] for row in rows]


def _hash(values: Any) -> str:
    """A hash of all tensors, arrays, numbers and texts in `values`, and of how they are nested.

    Raises:
        TypeError: There is something else among them.
    """
    leaves, structure = pytree.tree_flatten(values)
    digest = blake2b(str(structure).encode(), digest_size=8)
    for leaf in leaves:
        if isinstance(leaf, Tensor):
            digest.update(f"{leaf.dtype}{tuple(leaf.shape)}".encode() + raw_bytes(leaf))
        elif isinstance(leaf, np.ndarray | np.generic) and leaf.dtype != object:
            digest.update(f"{leaf.dtype}{leaf.shape}".encode() + leaf.tobytes())
        elif leaf is None or isinstance(leaf, bool | int | float | str | bytes | torch.dtype):
            digest.update(f"{type(leaf).__name__}{leaf!r}".encode())
        else:
            raise TypeError(f"a {type(leaf).__name__} cannot be compared")
    return digest.hexdigest()

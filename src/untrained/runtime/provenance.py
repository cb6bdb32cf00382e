"""Telling whether two runs are the same one."""

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from untrained.runtime.code import UNREADABLE

SHOWN = 60
"""Characters of a value that a message shows."""


def difference(found: Any, wanted: Mapping[str, Any]) -> str:
    """Describes the first entry in which `found` differs from `wanted`.

    Values of different types differ (1, 1.0, True and "1"), and what is `UNREADABLE` differs from everything.

    Args:
        found: what a file or a study remembers, as read from JSON.
        wanted: what it should hold; other entries of `found` do not matter.

    Returns:
        A few words, or "" if every entry is the same.

    Example:
        >>> from untrained.runtime.provenance import difference
        >>> difference({"seed": 0, "space": "mine"}, {"seed": 1})
        'seed 0, not 1'
    """
    if not isinstance(found, Mapping) or (wanted and not found):
        return "of unknown origin"
    for key, value in wanted.items():
        there = found.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping) and value.keys() == there.keys():
            if inner := difference(there, value):
                return f"{key}: {inner}"
            continue
        old, new = (json.dumps(part, sort_keys=True) for part in (there, value))
        if UNREADABLE in new or UNREADABLE in old:
            return f"{key}, which cannot be read: defined at a prompt or in a notebook, or without a lasting state"
        if old != new:
            return f"{key} {_shown(old)}, not {_shown(new)}"
    return ""


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def raw_bytes(tensor: Tensor) -> bytes:
    """The numbers as they are in memory, of types that numpy does not have, too."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()

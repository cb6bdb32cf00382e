"""Telling whether two runs are the same one."""

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def difference(found: Any, wanted: Mapping[str, Any]) -> str:
    """The first entry of `wanted` that `found` has otherwise, in a few words; empty where it agrees throughout."""
    if not isinstance(found, Mapping) or (wanted and not found):
        return "of unknown origin"
    for key, value in wanted.items():
        there = found.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping) and value.keys() == there.keys():
            if inner := difference(there, value):
                return f"{key}: {inner}"
        elif there != json.loads(json.dumps(value)):
            return f"{key} {json.dumps(there)}, not {json.dumps(value)}"
    return ""


def raw_bytes(tensor: Tensor) -> bytes:
    """The numbers as they are in memory, of types that numpy does not have, too."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()

"""What modules keep besides parameters and buffers."""

from typing import Any

import torch
from torch import Tensor, nn

OWN_ATTRIBUTES = frozenset(vars(nn.Module()))


def contents(modules: list[tuple[str, nn.Module]]) -> list[tuple[Any, Any]]:
    """What modules keep in attributes of their own that can be changed in place, and what it holds."""
    values = [value for _, module in modules for key, value in vars(module).items() if key not in OWN_ATTRIBUTES]
    found = [(value, value.copy()) for value in values if type(value) in (list, dict, set)]
    return found + [(value, value.detach().clone()) for value in values if isinstance(value, Tensor)]


def put_back(value: Any, held: Any) -> None:
    if isinstance(value, Tensor):
        if not torch.equal(value, held):
            value.detach().copy_(held)
    elif isinstance(value, list):
        value[:] = held
    else:
        value.clear()
        value.update(held)

"""What modules keep besides parameters and buffers."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

OWN_ATTRIBUTES = frozenset(vars(nn.Module()))


class Kept(NamedTuple):
    """A list, dictionary, set or tensor that can be changed in place."""

    value: Any
    held: Any
    """A copy of what it holds."""
    version: int = 0

    def put_back(self) -> None:
        if isinstance(self.value, list):
            self.value[:] = self.held
        elif not isinstance(self.value, Tensor):
            self.value.clear()
            self.value.update(self.held)
        elif self.value._version != self.version:
            with torch.no_grad():
                self.value.detach().copy_(self.held)


def contents(modules: list[tuple[str, nn.Module]]) -> list[Kept]:
    """What modules keep in attributes of their own and can change in place."""
    values = [value for _, module in modules for key, value in vars(module).items() if key not in OWN_ATTRIBUTES]
    found = [Kept(value, value.copy()) for value in values if type(value) in (list, dict, set)]
    tensors = (value for value in values if isinstance(value, Tensor) and not value.is_inference())
    return found + [Kept(value, value.detach().clone(), value._version) for value in tensors]

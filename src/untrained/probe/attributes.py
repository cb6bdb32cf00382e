"""Attributes that a forward pass changes on modules, besides parameters and buffers.

A pass runs on the network itself, not on a deep copy. Functions that a network keeps, such as closures, compiled
methods and hooks, go on referring to the original after a copy: they would run on weights that the pass does not see.
"""

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

OF_EVERY_MODULE = frozenset(vars(nn.Module()))
"""Attributes that PyTorch gives to each module, its parameters and buffers among them."""


@contextmanager
def attributes_restored(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Puts every attribute of `modules` back after the block, and the contents of those that can be changed in place.

    These are lists, dictionaries, sets and tensors, one level deep.
    """
    attributes = [(vars(module), vars(module).copy()) for module in modules]
    values = [value for held, _ in attributes for key, value in held.items() if key not in OF_EVERY_MODULE]
    containers = [(value, copy.copy(value)) for value in values if type(value) in (list, dict, set)]
    tensors = [
        (value, value._version, value.detach().clone())
        for value in values
        if isinstance(value, Tensor) and not value.is_inference()
    ]
    try:
        yield
    finally:
        for held, before in attributes:
            held.clear()
            held.update(before)
        for container, before in containers:
            _refill(container, before)
        for tensor, version, before in tensors:
            if tensor._version != version:
                with torch.no_grad():
                    tensor.detach().copy_(before)


def _refill(container: Any, contents: Any) -> None:
    container.clear()
    if isinstance(container, list):
        container.extend(contents)
    else:
        container.update(contents)

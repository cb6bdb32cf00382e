"""Networks of several inputs as networks of one, so that all metrics see one tensor."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from untrained.runtime.calling import call_network


def packed(network: nn.Module, inputs: Any) -> tuple[nn.Module, Tensor]:
    """Packs the inputs of a network into one tensor.

    Whole numbers (tokens) become floats on the way, and whole numbers again before the network sees them, so nothing
    is differentiated through them.

    Args:
        network: Takes `inputs`, as `call_network` gives them.
        inputs: A tensor, which stays as it is, or tuples, lists and dictionaries of tensors n x ...

    Returns:
        A network that takes one tensor, and that tensor: n x (all numbers of a sample), or `network` and `inputs`.

    Example:
        >>> network, inputs = packed(nn.Bilinear(2, 3, 4), (torch.ones(5, 2), torch.ones(5, 3)))
        >>> inputs.shape, network(inputs).shape
        (torch.Size([5, 5]), torch.Size([5, 4]))
    """
    if isinstance(inputs, Tensor):
        return network, inputs
    parts, structure = pytree.tree_flatten(inputs)
    floats = [part.dtype for part in parts if part.is_floating_point()]
    dtype = floats[0] if floats else torch.get_default_dtype()
    return Unpacking(network, parts, structure), torch.cat([part.reshape(len(part), -1).to(dtype) for part in parts], 1)


class Unpacking(nn.Module):
    """Gives a network its several inputs, which come as one tensor.

    Args:
        network: The network.
        parts: The tensors of an example, n x ...
        structure: How they are nested.
    """

    def __init__(self, network: nn.Module, parts: list[Tensor], structure: pytree.TreeSpec) -> None:
        super().__init__()
        self.network = network
        self._structure = structure
        self._shapes = [tuple(part.shape[1:]) for part in parts]
        self._whole = [None if part.is_floating_point() else part.dtype for part in parts]

    def forward(self, inputs: Tensor) -> Any:
        split = inputs.split([math.prod(shape) for shape in self._shapes], 1)
        parts = list[Tensor]()
        for part, shape, whole in zip(split, self._shapes, self._whole, strict=True):
            shaped = part.reshape(len(part), *shape)
            parts.append(shaped if whole is None else shaped.detach().round().to(whole))
        return call_network(self.network, pytree.tree_unflatten(parts, self._structure))

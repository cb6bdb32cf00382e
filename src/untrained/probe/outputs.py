"""Networks with several outputs: passes work on one tensor z, the loss gets what the network returns."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

PART = object()
"""Stands for a part of z among `Heads.leaves`."""


@dataclass(frozen=True)
class Heads:
    """How a network's outputs are put together from z, n x (all numbers that the network returns for a sample)."""

    structure: Any
    leaves: Sequence[Any]
    """What the network returned, flattened; `PART` stands in the place of each part of z."""
    shapes: Sequence[torch.Size]
    """The shape of one sample in each part of z."""

    def split(self, z: Tensor) -> Any:
        """Returns the outputs in the form in which the network returned them."""
        parts = z.split([math.prod(shape) for shape in self.shapes], 1)
        outputs = (part.reshape(len(z), *shape) for part, shape in zip(parts, self.shapes, strict=True))
        return pytree.tree_unflatten([next(outputs) if leaf is PART else leaf for leaf in self.leaves], self.structure)

    @property
    def constant(self) -> bool:
        """Tells whether the network also returns tensors that are not in z, such as whole-number labels."""
        return any(isinstance(leaf, Tensor) for leaf in self.leaves)


def join(outputs: Any) -> tuple[Tensor, Heads | None]:
    """Joins the outputs of a network into one tensor.

    Args:
        outputs: A tensor, or tuples, lists and dictionaries that hold tensors.

    Returns:
        `outputs` and None if they are a tensor; else z, n x (all floating-point numbers of a sample), and how to split
        z again.

    Raises:
        TypeError: If there is no tensor of floating-point numbers.
        ValueError: If the tensors differ in their first dimension.

    Example:
        >>> z, heads = join({"classes": torch.zeros(5, 3), "box": torch.ones(5, 2, 2)})
        >>> tuple(z.shape), tuple(heads.split(z)["box"].shape)
        ((5, 7), (5, 2, 2))
    """
    if isinstance(outputs, Tensor):
        return outputs, None
    leaves, structure = pytree.tree_flatten(outputs)
    tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.is_floating_point()]
    if not tensors:
        name = type(outputs).__name__
        raise TypeError(f"the network returns a {name}: give a tensor, or a tuple, list or dictionary of tensors")
    if len({tensor.shape[:1] for tensor in tensors}) > 1 or tensors[0].ndim == 0:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors[:10])
        raise ValueError(f"the network returns tensors of shapes {shapes}: the first dimension must be the batch's")
    z = torch.cat([tensor.reshape(len(tensor), -1) for tensor in tensors], 1)
    taken = [PART if any(leaf is tensor for tensor in tensors) else leaf for leaf in leaves]
    return z, Heads(structure, taken, [tensor.shape[1:] for tensor in tensors])

"""Networks with several outputs: the passes go over one tensor, the loss sees what the network returns."""

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
    """How z, n x (all numbers that the network returns for a sample), is put together from outputs."""

    structure: Any
    leaves: Sequence[Any]
    """What the network returned, in order; `PART` where a part of z belongs."""
    shapes: Sequence[torch.Size]
    """Of one sample, for each part."""

    def split(self, z: Tensor) -> Any:
        """The outputs, as the network returned them, from z."""
        parts = z.split([math.prod(shape) for shape in self.shapes], 1)
        outputs = (part.reshape(len(z), *shape) for part, shape in zip(parts, self.shapes, strict=True))
        return pytree.tree_unflatten([next(outputs) if leaf is PART else leaf for leaf in self.leaves], self.structure)

    @property
    def constant(self) -> bool:
        """Is there a tensor that z does not hold, of labels for example?"""
        return any(isinstance(leaf, Tensor) for leaf in self.leaves)


def join(outputs: Any) -> tuple[Tensor, Heads | None]:
    """`outputs` themselves where they are a tensor, else z and what z is made of.

    Raises TypeError where there is no tensor of floating-point numbers in them, and ValueError where the tensors have
    no first dimension in common.
    """
    if isinstance(outputs, Tensor):
        return outputs, None
    leaves, structure = pytree.tree_flatten(outputs)
    tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.is_floating_point()]
    if not tensors:
        name = type(outputs).__name__
        raise TypeError(f"the network returns a {name}: give a tensor, or a tuple, list or dictionary of tensors")
    if len({tensor.shape[:1] for tensor in tensors}) > 1 or tensors[0].ndim == 0:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
        raise ValueError(f"the network returns tensors of shapes {shapes}: the first dimension must be the batch's")
    z = torch.cat([tensor.reshape(len(tensor), -1) for tensor in tensors], 1)
    taken = [PART if any(leaf is tensor for tensor in tensors) else leaf for leaf in leaves]
    return z, Heads(structure, taken, [tensor.shape[1:] for tensor in tensors])

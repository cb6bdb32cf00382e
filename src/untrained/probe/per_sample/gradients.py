"""The gradient of one parameter in one call of a function, sample by sample.

| name | shape | what |
|---|---|---|
| A | n x ... | what went into the call |
| B | n x ... | gradient of a sum over samples with respect to what came out |
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.grad import conv1d_weight, conv2d_weight, conv3d_weight

TOGETHER = 16
"""How many samples' gradients of a convolution are computed at a time: more are no faster on a CPU."""


@dataclass
class Use(ABC):
    """The use of one parameter in one call.

    Example:
        >>> use = Linear("weight", torch.tensor([[1.0, 2.0], [3.0, 0.0]]))
        >>> B = torch.tensor([[1.0], [2.0]])
        >>> use.gradient(B).squeeze()
        tensor([[1., 2.],
                [6., 0.]])
        >>> use.gram(B)
        tensor([[ 5.,  6.],
                [ 6., 36.]])
    """

    parameter: str
    A: Tensor

    @abstractmethod
    def gradient(self, B: Tensor) -> Tensor:
        """Returns n x (the parameter's shape)."""

    @abstractmethod
    def first(self, B: Tensor) -> Tensor:
        """Returns n numbers: the gradient of the parameter's first element alone."""

    def gram(self, B: Tensor) -> Tensor:
        """Returns n x n: the inner products of the samples' gradients."""
        G = self.gradient(B).flatten(1)
        return G @ G.T


@dataclass
class Convolution(Use):
    """The weight of a convolution; `padding` is (before, after) in each dimension."""

    kernel: Sequence[int]
    stride: Sequence[int]
    padding: Sequence[tuple[int, int]]
    dilation: Sequence[int]
    groups: int

    def gradient(self, B: Tensor) -> Tensor:
        A = self.A.to(B.dtype)
        if math.prod(self.kernel) == self.groups == max(self.stride) == 1 and not any(map(any, self.padding)):
            G = B.flatten(2) @ A.flatten(2).mT
            return G.reshape(*G.shape, *self.kernel)
        pairs = zip(A.split(TOGETHER), B.split(TOGETHER), strict=True)
        return torch.cat([self._of_samples(a, b) for a, b in pairs])

    def first(self, B: Tensor) -> Tensor:
        b = B[:, :1].flatten(1)
        return (self._seen_first.to(B.dtype) * b).sum(1)

    @cached_property
    def _seen_first(self) -> Tensor:
        """n x positions: the part of channel 0 of the padded input that the kernel's first element meets."""
        A = F.pad(self.A[:, :1], self._sides)
        shape = self.A.shape[2:]
        for d, (size, stride) in enumerate(zip(shape, self.stride, strict=True), start=2):
            reach = self.dilation[d - 2] * (self.kernel[d - 2] - 1)
            A = A[(slice(None),) * d + (slice(0, size + sum(self.padding[d - 2]) - reach, stride),)]
        return A.flatten(1)

    @property
    def _sides(self) -> list[int]:
        return [side for pair in reversed(self.padding) for side in pair]

    def _of_samples(self, A: Tensor, B: Tensor) -> Tensor:
        """Computes the gradients by one convolution, in which each sample is a group of channels."""
        gradient: Any = (conv1d_weight, conv2d_weight, conv3d_weight)[len(self.kernel) - 1]
        n, width = len(A), A.shape[1] // self.groups
        stride, dilation = tuple(self.stride), tuple(self.dilation)
        if all(before == after for before, after in self.padding):
            padding = tuple(before for before, _ in self.padding)
        else:
            A, padding = F.pad(A, self._sides), 0
        a, b = (t.reshape(1, -1, *t.shape[2:]) for t in (A, B))
        G = gradient(a, (b.shape[1], width, *self.kernel), b, stride, padding, dilation, n * self.groups)
        return G.reshape(n, -1, width, *self.kernel)


@dataclass
class Linear(Use):
    """The weight of a linear layer."""

    def gradient(self, B: Tensor) -> Tensor:
        return torch.einsum("n...o,n...i->noi", B, self.A.to(B.dtype))

    def first(self, B: Tensor) -> Tensor:
        return (B[..., 0] * self.A[..., 0]).flatten(1).sum(1) if B.ndim > 2 else B[:, 0] * self.A[:, 0]

    def gram(self, B: Tensor) -> Tensor:
        # Inner products of outer products need no outer product: <b_i a_i^T, b_j a_j^T> = <a_i, a_j> <b_i, b_j>.
        A = self.A.to(B.dtype)
        return (A @ A.T) * (B @ B.T) if B.ndim == 2 else super().gram(B)


@dataclass
class Lookup(Use):
    """The weight of an embedding; A holds the indices."""

    rows: int
    padding: int | None

    def gradient(self, B: Tensor) -> Tensor:
        n, index = len(B), self.A.flatten(1)
        G = B.new_zeros(n, self.rows, B.shape[-1])
        B = B.reshape(n, -1, B.shape[-1])
        if self.padding is not None:
            B = B * (index != self.padding)[..., None]
        return G.scatter_add_(1, index[..., None].expand_as(B), B)

    def first(self, B: Tensor) -> Tensor:
        if self.padding == 0:
            return B.new_zeros(len(B))
        return (B[..., 0] * (self.A == 0)).flatten(1).sum(1)


@dataclass
class Elementwise(Use):
    """A scale of the normalised A, or a bias (A is all ones); `dims` are the parameter's dimensions in A."""

    dims: tuple[int, ...]

    def gradient(self, B: Tensor) -> Tensor:
        product = B * self.A
        rest = [d for d in range(1, product.ndim) if d not in self.dims]
        return product.sum(rest) if rest else product

    def first(self, B: Tensor) -> Tensor:
        for d in self.dims:
            B = B.narrow(d, 0, 1)
        return (self._first_of_A * B).flatten(1).sum(1)

    @cached_property
    def _first_of_A(self) -> Tensor:
        A = self.A
        for d in self.dims:
            A = A.narrow(d, 0, 1)
        return A.contiguous()

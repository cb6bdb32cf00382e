"""Attention of patches that knows how far apart they are (Shaw et al., NAACL 2018), in two directions, as in AutoFormer
(Chen et al., ICCV 2021).
"""

import math

import torch
from torch import Tensor, nn


class Relative(nn.Module):
    """Features of each pair of tokens: those of their rows' distance, and those of their columns'.

    The first token is no patch; its pairs have features of their own.

    Args:
        grid: rows and columns of the patches.
        width: how many features.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, grid: tuple[int, int], width: int) -> None:
        super().__init__()
        most = max(grid)  # as published, where it is 14: distances end before it
        self.vertical, self.horizontal = (nn.Embedding(2 * most + 2, width) for _ in range(2))
        places = torch.arange(grid[0] * grid[1])
        for name, each in (("rows", places // grid[1]), ("columns", places % grid[1])):
            distances = nn.functional.pad(each - each[:, None] + most + 1, (1, 0, 1, 0))
            self.register_buffer(name, distances, persistent=False)

    def forward(self) -> Tensor:
        """tokens x tokens x width: for each token, its features of each other."""
        return self.vertical(self.rows) + self.horizontal(self.columns)


class RelativeAttention(nn.Module):
    """Attention in which keys and values have, beside what tokens hold, features of where they are from the query.

    Args:
        width: features of each token.
        heads: how many attentions run beside each other.
        head_width: features of a query, a key and a value of each.
        grid: rows and columns of the patches, which stand behind one more token.
    """

    def __init__(self, width: int, heads: int, head_width: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.heads, self.scale = heads, 1 / math.sqrt(head_width)
        self.qkv = nn.Linear(width, 3 * heads * head_width)
        self.proj = nn.Linear(heads * head_width, width)
        self.keys, self.values = Relative(grid, head_width), Relative(grid, head_width)

    def forward(self, x: Tensor) -> Tensor:
        """n x tokens x width, before and after."""
        query, key, value = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        weights = ((query @ key.mT + _by_token(query, self.keys().mT)) * self.scale).softmax(-1)
        y = weights @ value + _by_token(weights, self.values())
        return self.proj(y.transpose(1, 2).flatten(2))


def _by_token(x: Tensor, matrices: Tensor) -> Tensor:
    """The product of each token's rows, of n x heads x tokens x a, with its own matrix of tokens x a x b."""
    rows = x.flatten(0, 1).transpose(0, 1)
    return (rows @ matrices).transpose(0, 1).unflatten(0, x.shape[:2])


def relative_parameters(grid: tuple[int, int], head_width: int) -> int:
    """Parameters that a `RelativeAttention` has beyond those of an attention; arguments as there."""
    return 4 * (2 * max(grid) + 2) * head_width

"""The language models of HW-GPT-Bench (Sukthanker et al., NeurIPS 2024): decoders with rotary positions and gates."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROTARY, BASE = 0.5, 10_000
"""The part of each head that is rotated; the base of the angles (Su et al., "RoFormer", 2021)."""


class RotaryAttention(nn.Module):
    """Causal attention in which positions turn queries and keys.

    Args:
        width: features of each token.
        heads: how many attentions run beside each other.
        head_width: features of a query, a key and a value of each; those that are turned are even.
        bias: whether the linear layers have biases.
    """

    def __init__(self, width: int, heads: int, head_width: int, *, bias: bool) -> None:
        super().__init__()
        self.heads, self.rotated = heads, int(ROTARY * head_width)
        self.attn = nn.Linear(width, 3 * heads * head_width, bias)
        self.proj = nn.Linear(heads * head_width, width, bias)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """n x length x width, before and after; the angles' cosines and sines are length x rotated / 2."""
        query, key, value = self.attn(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key = (self._turned(each, cos, sin) for each in (query, key))
        y = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.proj(y.transpose(1, 2).flatten(2))

    def _turned(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        half = self.rotated // 2
        one, other, rest = x[..., :half], x[..., half : self.rotated], x[..., self.rotated :]
        return torch.cat([one * cos - other * sin, one * sin + other * cos, rest], -1)


class GatedMLP(nn.Module):
    """Two linear layers beside each other, whose results are multiplied, and one behind (Shazeer, 2020; SwiGLU).

    Args:
        width: features of each token.
        hidden: features between the layers.
        bias: whether the layers have biases.
    """

    def __init__(self, width: int, hidden: int, *, bias: bool) -> None:
        super().__init__()
        self.fc_1 = nn.Linear(width, hidden, bias)
        self.fc_2 = nn.Linear(width, hidden, bias)
        self.act = nn.SiLU()
        self.proj = nn.Linear(hidden, width, bias)

    def forward(self, x: Tensor) -> Tensor:
        """n x length x width, before and after."""
        return self.proj(self.act(self.fc_1(x)) * self.fc_2(x))


class GPTBlock(nn.Module):
    """Attention and MLP beside each other, each normalised first, added to the input.

    Args:
        width: features of each token.
        heads, head_width: of the attention.
        hidden: features of the MLP.
        bias: whether linear layers have biases.
    """

    def __init__(self, width: int, heads: int, head_width: int, hidden: int, *, bias: bool) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(width)
        self.attn = RotaryAttention(width, heads, head_width, bias=bias)
        self.norm_2 = nn.LayerNorm(width)
        self.mlp = GatedMLP(width, hidden, bias=bias)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """n x length x width, before and after."""
        return x + self.attn(self.norm_1(x), cos, sin) + self.mlp(self.norm_2(x))


class GPT(nn.Module):
    """Embeddings of tokens, blocks, a linear layer to the next token. Weights are drawn with standard deviation 0.02.

    Args:
        width: features of each token.
        layers: (heads, features of the MLP) of each block.
        head_width: features of each head.
        vocabulary: how many tokens there are.
        length: tokens of the longest sequence.
        bias: whether the blocks' linear layers have biases.
    """

    cos: Tensor
    sin: Tensor

    def __init__(
        self,
        width: int,
        layers: Sequence[tuple[int, int]],
        head_width: int,
        vocabulary: int,
        length: int,
        *,
        bias: bool,
    ) -> None:
        super().__init__()
        self.wte = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(GPTBlock(width, heads, head_width, hidden, bias=bias) for heads, hidden in layers)
        self.ln_f = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        half = int(ROTARY * head_width) // 2
        angles = torch.arange(length)[:, None] * BASE ** (-torch.arange(half) / half)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """n x length tokens (whole numbers) -> n x vocabulary x length logits of the token behind each.

        Raises:
            ValueError: if the sequences are longer than the network's.
        """
        length = x.shape[1]
        if length > len(self.cos):
            raise ValueError(f"sequences of {length} tokens: this network was made for at most {len(self.cos)}")
        x, cos, sin = self.wte(x), self.cos[:length], self.sin[:length]
        for block in self.blocks:
            x = block(x, cos, sin)
        return self.lm_head(self.ln_f(x)).transpose(1, 2)

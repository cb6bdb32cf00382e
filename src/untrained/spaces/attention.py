"""Layers of transformers (Vaswani et al., "Attention Is All You Need", NeurIPS 2017), normalised before each part.

Parameter names are those of timm's vision transformers.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from untrained.spaces import picture
from untrained.spaces.outline import Outline

STD = 0.02
"""Standard deviation of the initial weights, as in BERT, GPT-2 and ViT."""


class Attention(nn.Module):
    """Every position takes from all (of a causal one: from itself and those before) by what they hold.

    Args:
        width: features of each position.
        heads: how many attentions run beside each other.
        head_width: features of a query, a key and a value of each.
        dropout: the probability that an attention weight is dropped.
        causal: positions do not see later ones.
        bias: whether the linear layers have biases.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        head_width: int,
        *,
        dropout: float = 0.0,
        causal: bool = False,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.heads, self.dropout, self.causal = heads, dropout, causal
        self.qkv = nn.Linear(width, 3 * heads * head_width, bias)
        self.proj = nn.Linear(heads * head_width, width, bias)

    def forward(self, x: Tensor) -> Tensor:
        """n x positions x width, before and after."""
        query, key, value = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=self.causal)
        return self.proj(y.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    """Two linear layers with a GELU between them, on each position.

    Args:
        width: features of each position.
        hidden: features between the layers.
        bias: whether the layers have biases.
    """

    def __init__(self, width: int, hidden: int, *, bias: bool = True) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden, bias)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, width, bias)

    def forward(self, x: Tensor) -> Tensor:
        """n x positions x width, before and after."""
        return self.fc2(self.act(self.fc1(x)))


class Block(nn.Module):
    """Attention, then two linear layers; each is normalised first, and its input added.

    Args:
        width: features of each position.
        heads: heads of the attention.
        hidden: features between the two linear layers.
        head_width: features of each head; None for width / heads.
        dropout: the probability that a feature of either part, or an attention weight, is dropped.
        causal: positions do not see later ones.
        bias: whether linear layers and normalisations have biases.
        attn: the attention, if it is to be another one.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int,
        *,
        head_width: int | None = None,
        dropout: float = 0.0,
        causal: bool = False,
        bias: bool = True,
        attn: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, bias=bias)
        self.attn = attn or Attention(
            width, heads, head_width or width // heads, dropout=dropout, causal=causal, bias=bias
        )
        self.norm2 = nn.LayerNorm(width, bias=bias)
        self.mlp = MLP(width, hidden, bias=bias)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """n x positions x width, before and after."""
        x = x + self.drop(self.attn(self.norm1(x)))
        return x + self.drop(self.mlp(self.norm2(x)))


def drawn_small(network: nn.Module) -> None:
    """Draws the weights of linear layers and embeddings from a normal distribution, and sets biases to zero.

    Args:
        network: changed in place.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.trunc_normal_(module.weight, std=STD)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


def block_parameters(width: int, heads: int, hidden: int, *, head_width: int | None = None, bias: bool = True) -> int:
    """Parameters of a `Block`; arguments as there."""
    inner = heads * (head_width or width // heads)
    biases = 3 * inner + width + hidden + width + 2 * width
    return 4 * inner * width + 2 * width * hidden + 2 * width + bias * biases


def drawn_layer(net: Outline, name: str, heads: int, ratio: float) -> picture.Block:
    """The picture of a layer of attention and an MLP.

    Args:
        net: the outline of the network.
        name: of the module.
        heads: of the attention.
        ratio: features of the MLP, as a multiple of the width.
    """
    details = (f"{heads} head{'s' if heads > 1 else ''}", f"MLP × {ratio:g}")
    return net.block("attention + MLP", "attention", name, details=details)

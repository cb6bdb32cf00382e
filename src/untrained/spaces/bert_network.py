"""The networks of FlexiBERT (Tuli et al., JAIR 2023): encoders normalised behind each part, as BERT (Devlin et al.,
NAACL 2019), whose layers mix places by attention, by a fixed transform, or by convolutions that depend on the place.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.spaces.attention import drawn_small

DROPOUT = 0.1
"""The probability that a feature behind embeddings and linear layers, or an attention weight, is dropped."""


@dataclass(frozen=True)
class Layer:
    """What a layer is made of.

    Attributes:
        operation: a key of `OPERATIONS`, or `DSC-` and the length of the kernels.
        heads: of the operation.
        hidden: features of the linear layers behind it.
        stack: how many linear layers there are to `hidden` features.
    """

    operation: str
    heads: int
    hidden: int
    stack: int


class SelfAttention(nn.Module):
    """Every place takes from all by scaled dot products (Vaswani et al., NeurIPS 2017).

    Args:
        width: features of each place.
        heads: how many attentions run beside each other.
        weighted: whether queries pass one more matrix before they meet the keys, "weighted multiplicative attention"
            (Luong et al., EMNLP 2015).
    """

    def __init__(self, width: int, heads: int, *, weighted: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.weight = nn.Linear(width, width, bias=False) if weighted else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """n x length x width, before and after."""
        return _attended(self.weight(self.query(x)), self.key(x), self.value(x), self.heads, self.training).flatten(2)


class Transformed(nn.Module):
    """A linear layer, and a fixed transform over the places and the features of each head (Lee-Thorp et al., "FNet",
    NAACL 2022). It is a product with two matrices, which every device and format knows.

    Args:
        width: features of each place.
        heads: parts that are transformed apart.
        cosine: the discrete cosine transform (DCT-II), not the real part of that of Fourier.
    """

    def __init__(self, width: int, heads: int, *, cosine: bool) -> None:
        super().__init__()
        self.heads, self.cosine = heads, cosine
        self.input = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """n x length x width, before and after."""
        y = _split(self.input(x), self.heads)
        places, features = (torch.arange(y.shape[axis], device=y.device) for axis in (2, 3))
        if self.cosine:
            y = _cosines(places).to(y.dtype) @ y @ _cosines(features).to(y.dtype).t()
        else:  # the real part of both: cosines twice, less sines twice
            (cos, sin), (cos_of, sin_of) = (_circle(each) for each in (places, features))
            y = cos.to(y.dtype) @ y @ cos_of.to(y.dtype) - sin.to(y.dtype) @ y @ sin_of.to(y.dtype)
        return y.transpose(1, 2).flatten(2)


class SpanConvolution(nn.Module):
    """Attention of half the heads, and beside it convolutions whose kernels are made of the place's query and of what
    stands around it (Jiang et al., "ConvBERT", NeurIPS 2020).

    Args:
        width: features of each place.
        heads: of which half are attentions, and half convolutions; at least one of each.
        kernel: places that a convolution sees; odd.
    """

    def __init__(self, width: int, heads: int, kernel: int) -> None:
        super().__init__()
        self.heads, self.kernel = max(1, heads // 2), kernel
        inner = self.heads * (width // heads)
        self.query, self.key, self.value, self.conv_out = (nn.Linear(width, inner) for _ in range(4))
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width, bias=False)
        self.pointwise = nn.Linear(width, inner)
        self.conv_kernel = nn.Linear(inner, self.heads * kernel)

    def forward(self, x: Tensor) -> Tensor:
        """n x length x width, before and after."""
        query = self.query(x)
        attended = _attended(query, self.key(x), self.value(x), self.heads, self.training)
        span = self.pointwise(self.depthwise(x.transpose(1, 2)).transpose(1, 2))
        kernels = self.conv_kernel(span * query).unflatten(-1, (self.heads, self.kernel)).softmax(-1)
        around, length = F.pad(self.conv_out(x), (0, 0, self.kernel // 2, self.kernel // 2)), x.shape[1]
        seen = torch.stack([around[:, k : k + length] for k in range(self.kernel)], -1).unflatten(2, (self.heads, -1))
        convolved = (seen * kernels.unsqueeze(3)).sum(-1)
        return torch.cat([attended, convolved], 2).flatten(2)


class BERTLayer(nn.Module):
    """An operation, and linear layers behind it, whose results are added to their inputs and normalised.

    Results of a transform go into the linear layers as they are.

    Args:
        width: features of each place.
        layer: what it is made of.
    """

    def __init__(self, width: int, layer: Layer) -> None:
        super().__init__()
        self.operation = _operation(width, layer)
        self.mixed = None if isinstance(self.operation, Transformed) else Added(width, width)
        first, *others = (nn.Linear(width if k == 0 else layer.hidden, layer.hidden) for k in range(layer.stack))
        self.intermediate = nn.Sequential(first, nn.GELU(), *(part for one in others for part in (one, nn.GELU())))
        self.output = Added(layer.hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """n x length x width, before and after."""
        y = self.operation(x)
        x = y if self.mixed is None else self.mixed(y, x)
        return self.output(self.intermediate(x), x)


class Added(nn.Module):
    """A linear layer, whose result is added to another tensor, and the sum normalised.

    Args:
        inner: features before the layer.
        width: features behind it.
    """

    def __init__(self, inner: int, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inner, width)
        self.drop = nn.Dropout(DROPOUT)
        self.norm = nn.LayerNorm(width)

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        """n x length x inner and n x length x width -> n x length x width."""
        return self.norm(x + self.drop(self.dense(y)))


class BERT(nn.Module):
    """Embeddings of tokens and places, layers, the mean over the places, a linear layer.

    Args:
        width: features of each place between the layers.
        layers: what they are made of.
        num_classes: outputs.
        vocabulary: how many tokens there are.
        length: tokens of the longest sequence.
        embedding: features of the embeddings; if they are not `width`, a linear layer stands behind them.
        segments: kinds of segments that have an embedding; all places are of the first.
    """

    def __init__(
        self,
        width: int,
        layers: Sequence[Layer],
        num_classes: int,
        vocabulary: int,
        length: int,
        *,
        embedding: int,
        segments: int,
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, embedding)
        self.places = nn.Parameter(torch.zeros(length, embedding))
        self.segments = nn.Parameter(torch.zeros(segments, embedding)) if segments else None
        self.norm = nn.LayerNorm(embedding)
        self.drop = nn.Dropout(DROPOUT)
        self.project = nn.Linear(embedding, width) if embedding != width else nn.Identity()
        self.layers = nn.Sequential(*(BERTLayer(width, layer) for layer in layers))
        self.head = nn.Linear(width, num_classes)
        drawn_small(self)
        nn.init.trunc_normal_(self.places, std=0.02)
        if self.segments is not None:
            nn.init.trunc_normal_(self.segments, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """n x length tokens (whole numbers) -> n x num_classes logits.

        Raises:
            ValueError: if the sequences are longer than the network's places.
        """
        if x.shape[1] > len(self.places):
            raise ValueError(f"sequences of {x.shape[1]} tokens: this network was made for at most {len(self.places)}")
        x = self.tokens(x) + self.places[: x.shape[1]]
        x = x if self.segments is None else x + self.segments[0]
        return self.head(self.layers(self.project(self.drop(self.norm(x)))).mean(1))


OPERATIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "SA-SDP": SelfAttention,
    "SA-WMA": lambda width, heads: SelfAttention(width, heads, weighted=True),
    "LT-DFT": lambda width, heads: Transformed(width, heads, cosine=False),
    "LT-DCT": lambda width, heads: Transformed(width, heads, cosine=True),
}
"""Name -> module for a width and heads; further ones are `DSC-` and a kernel."""


def layer_parameters(width: int, layer: Layer) -> int:
    """Parameters of a `BERTLayer`; arguments as there."""
    kind, _, parameter = layer.operation.partition("-")
    square, behind = (width + 1) * width, (width + 1) * width + 2 * width
    if kind == "SA":
        params = 3 * square + (parameter == "WMA") * width**2 + behind
    elif kind == "LT":
        params = square
    else:
        kernel, heads = int(parameter), max(1, layer.heads // 2)
        inner = heads * (width // layer.heads)
        params = 5 * (width + 1) * inner + width * kernel + (inner + 1) * heads * kernel + behind
    hidden = layer.hidden
    return params + (width + 1) * hidden + (layer.stack - 1) * (hidden + 1) * hidden + (hidden + 1) * width + 2 * width


def _operation(width: int, layer: Layer) -> nn.Module:
    kind, _, parameter = layer.operation.partition("-")
    if kind == "DSC":
        return SpanConvolution(width, layer.heads, int(parameter))
    return OPERATIONS[layer.operation](width, layer.heads)


def _split(x: Tensor, heads: int) -> Tensor:
    """n x length x features -> n x heads x length x features of each."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def _attended(query: Tensor, key: Tensor, value: Tensor, heads: int, training: bool) -> Tensor:
    """Attention of n x length x features each -> n x length x heads x features of each."""
    parts = [_split(each, heads) for each in (query, key, value)]
    return F.scaled_dot_product_attention(*parts, dropout_p=DROPOUT if training else 0.0).transpose(1, 2)


def _circle(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """The matrices of the Fourier transform of so many numbers: cosines, and sines."""
    n = len(numbers)
    angles = (numbers[:, None] * numbers % n) * (2 * math.pi / n)  # whole numbers first: angles stay small and exact
    return angles.cos(), angles.sin()


def _cosines(numbers: Tensor) -> Tensor:
    """The matrix of the cosine transform (DCT-II) of so many numbers."""
    n = len(numbers)
    return 2 * (numbers[:, None] * (2 * numbers + 1) % (4 * n) * (math.pi / (2 * n))).cos()

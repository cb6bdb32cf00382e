"""Transformers that tell the class of a sequence of tokens (Vaswani et al., NeurIPS 2017; its encoder)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from torch import Tensor, nn

from untrained.spaces.attention import Block, block_parameters, drawn_layer, drawn_small
from untrained.spaces.base import SearchSpace
from untrained.spaces.facts import check_whole
from untrained.spaces.outline import Outline
from untrained.spaces.picture import Chain, Picture, Stage


@dataclass(frozen=True)
class Transformers(SearchSpace):
    """Small encoders for sequences of tokens: width, depth, heads, ratio of the MLPs, dropout.

    Each token becomes `width` features, to which those of its place are added; `depth` layers follow, each with an
    attention of `heads` heads and an MLP of `ratio` x `width` features. The mean over the places gives the outputs.

    Args:
        num_classes: outputs of the network; 1 for one number (regression).
        vocabulary: how many tokens there are; they are the numbers from 0.
        length: tokens of a sequence; shorter sequences run, too.

    Raises:
        InputError: if an option is not a whole number of at least 1.

    Example:
        >>> space = Transformers(num_classes=3, vocabulary=20, length=12)
        >>> net = space.build("width=16,depth=1,heads=2,ratio=2,dropout=0.0")
        >>> net(torch.randint(0, 20, (5, 12))).shape
        torch.Size([5, 3])
    """

    num_classes: int = 10
    vocabulary: int = 256
    length: int = 64

    def __post_init__(self) -> None:
        check_whole(self.name, num_classes=self.num_classes, vocabulary=self.vocabulary, length=self.length)

    @property
    def name(self) -> str:
        """`transformer`."""
        return "transformer"

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """`width`, `depth`, `heads`, `ratio`, `dropout`."""
        return _DISTRIBUTIONS

    def build(self, arch: str) -> nn.Module:
        """The network; see `Transformer`."""
        p = self.to_params(arch)
        blocks = [
            Block(p["width"], p["heads"], p["ratio"] * p["width"], dropout=p["dropout"]) for _ in range(p["depth"])
        ]
        return Transformer(blocks, p["width"], p["dropout"], self.num_classes, self.vocabulary, self.length)

    def picture(self, arch: str, inputs: Any = None) -> Picture:
        """The network, layer by layer."""
        p = self.to_params(arch)
        net = Outline(lambda: self.build(arch), self.options, inputs)
        layers = tuple(drawn_layer(net, f"blocks.{i}", p["heads"], p["ratio"]) for i in range(p["depth"]))
        stages = (
            Stage((net.input(),)),
            Stage((net.block("embedding", "embedding", "tokens"),)),
            Stage(layers),
            Stage((net.block("linear", "linear", "norm", "head", details=("mean of the places",)),)),
        )
        return Picture(self.name, arch, (Chain("network", stages),), net.params(""))

    def sizes(self, arch: str) -> dict[str, float]:
        """`params` in millions, counted without building the network."""
        p = self.to_params(arch)
        width = p["width"]
        layers = p["depth"] * block_parameters(width, p["heads"], p["ratio"] * width)
        ends = width * (self.vocabulary + self.length) + 2 * width + (width + 1) * self.num_classes
        return {"params": (layers + ends) / 1e6}


_DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "width": IntDistribution(16, 128, step=16),
    "depth": IntDistribution(1, 6),
    "heads": CategoricalDistribution((1, 2, 4, 8)),
    "ratio": IntDistribution(1, 4),
    "dropout": FloatDistribution(0.0, 0.3, step=0.1),
}


class Transformer(nn.Module):
    """Embeddings of tokens and places, blocks, the mean over the places, a linear layer.

    Args:
        blocks: the layers, which keep the shape n x length x width.
        width: features of each token.
        dropout: the probability that a feature of an embedding is dropped.
        num_classes: outputs.
        vocabulary: how many tokens there are.
        length: tokens of the longest sequence.
    """

    def __init__(
        self, blocks: list[Block], width: int, dropout: float, num_classes: int, vocabulary: int, length: int
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(torch.zeros(length, width))
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, num_classes)
        drawn_small(self)
        nn.init.trunc_normal_(self.places, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """n x length tokens (whole numbers) -> n x num_classes logits.

        Raises:
            ValueError: if the sequences are longer than the network's places.
        """
        if x.shape[1] > len(self.places):
            raise ValueError(f"sequences of {x.shape[1]} tokens: this network was made for at most {len(self.places)}")
        x = self.drop(self.tokens(x) + self.places[: x.shape[1]])
        return self.head(self.norm(self.blocks(x)).mean(1))

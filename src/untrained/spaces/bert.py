"""The search space of FlexiBERT (Tuli et al., "FlexiBERT: Are Current Transformer Architectures too Homogeneous and
Rigid?", JAIR 2023), as Serianni & Kalita (ACL 2023) made a benchmark of it: encoders of text whose layers differ.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from torch import nn

from untrained.errors import InputError, listed, shown
from untrained.spaces.bert_network import BERT, Layer, layer_parameters
from untrained.spaces.conditional import ConditionalSpace
from untrained.spaces.facts import check_whole
from untrained.spaces.outline import Outline
from untrained.spaces.picture import Chain, Kind, Picture, Stage

LAYER = re.compile(r"([A-Z]+-(?:[A-Z]+|\d+))-h(\d+)-f(\d+)x(\d+)", re.ASCII)
FORM = "256;SA-WMA-h4-f1024x3;LT-DCT-h2-f512x3"
PARTS = ("operation", "heads", "hidden", "stack")


DRAWN: dict[str, tuple[str, Kind]] = {
    "SA-SDP": ("self-attention", "attention"),
    "SA-WMA": ("self-attention", "attention"),
    "LT-DFT": ("Fourier transform", "transform"),
    "LT-DCT": ("cosine transform", "transform"),
}
"""Operation -> what its picture says, and its kind; the others are convolutions."""


@dataclass(frozen=True)
class Scale:
    """Bounds of a space.

    Attributes:
        width: features of each token.
        layers: how many layers.
        operations: of a layer.
        heads: of an operation.
        hidden: features between the linear layers behind it.
        stack: how many linear layers there are to `hidden` features.
        embedding: features of a token before the first layer; None for `width`.
        segments: kinds of segments that have an embedding of their own.
    """

    width: tuple[int, ...]
    layers: tuple[int, ...]
    operations: tuple[str, ...]
    heads: tuple[int, ...]
    hidden: tuple[int, ...]
    stack: tuple[int, ...]
    embedding: int | None
    segments: int


SCALES = {
    "micro": Scale(
        (32, 64, 128),
        (1, 2, 3, 4),
        ("SA-SDP", "SA-WMA", "LT-DFT", "LT-DCT", "DSC-3", "DSC-5"),
        (2, 4),
        (64, 128, 256),
        (1, 2),
        embedding=None,
        segments=0,
    ),
    "flexibert": Scale(
        (128, 256),
        (2, 4),
        ("SA-SDP", "SA-WMA", "LT-DFT", "LT-DCT", "DSC-5", "DSC-9"),
        (2, 4),
        (512, 1024),
        (1, 3),
        embedding=128,
        segments=2,
    ),
}
"""Name -> bounds: of small networks for few cores, and of the benchmark."""


@dataclass(frozen=True)
class BERTs(ConditionalSpace):
    """Encoders of text whose layers differ: attention, Fourier or cosine transform, convolutions; heads, linear layers.

    `256;SA-WMA-h4-f1024x3;LT-DCT-h2-f512x3`, as FlexiBERT's table of GLUE scores is written here: the width, and each
    layer's operation with its parameter, its heads, the features of its linear layers, and how many there are:

    | operation | |
    |---|---|
    | `SA-SDP` | self-attention, scaled dot products |
    | `SA-WMA` | self-attention, with one more matrix between queries and keys |
    | `LT-DFT`, `LT-DCT` | a linear layer, and a Fourier or cosine transform over places and features |
    | `DSC-5` | attention of half the heads, beside convolutions whose kernels of 5 depend on the place |

    `scale="flexibert"` has the 10,621,440 networks of the benchmark; with a vocabulary of 30,522 tokens and sequences
    of 512, their parameters but for the last linear layer are those that it counts. `micro` is for little data.

    Args:
        num_classes: outputs of the network; 1 for one number (regression).
        vocabulary: how many tokens there are; they are the numbers from 0.
        length: tokens of a sequence; shorter sequences run, too.
        scale: bounds of the decisions: `micro` or `flexibert`.

    Raises:
        InputError: if an option is not a whole number of at least 1, or there is no such scale.

    Example:
        >>> space = BERTs(num_classes=2, vocabulary=30522, length=512, scale="flexibert")
        >>> space.size
        10621440
        >>> space.sizes("256;SA-SDP-h4-f1024x1;SA-SDP-h4-f1024x1")
        {'params': 5.585922}
    """

    num_classes: int = 2
    vocabulary: int = 256
    length: int = 64
    scale: str = "micro"

    def __post_init__(self) -> None:
        check_whole(self.name, num_classes=self.num_classes, vocabulary=self.vocabulary, length=self.length)
        if self.scale not in SCALES:
            raise InputError(f"bert option scale={shown(self.scale)}: choose from {listed(SCALES)}")

    @property
    def name(self) -> str:
        """`bert`."""
        return "bert"

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """`width`, `layers`, and `operation_i`, `heads_i`, `hidden_i`, `stack_i` of each layer i."""
        return _DISTRIBUTIONS[self.scale]

    def inactive(self, params: Mapping[str, Any]) -> list[str]:
        """All of the layers that the network does not have."""
        most = max(SCALES[self.scale].layers)
        return [f"{part}_{i}" for i in range(params["layers"] + 1, most + 1) for part in PARTS]

    @property
    def size(self) -> int:
        """For each width and number of layers, the choices of so many layers."""
        scale, layer = SCALES[self.scale], 1
        for part in PARTS:
            layer *= self.decisions[f"{part}_1"].count or 0
        return len(scale.width) * sum(layer**depth for depth in scale.layers)

    def to_arch(self, params: Mapping[str, Any]) -> str:
        """The string of the table, which has no place for decisions without an effect."""
        p = self.active(params)
        layers = [
            f"{p[f'operation_{i}']}-h{p[f'heads_{i}']}-f{p[f'hidden_{i}']}x{p[f'stack_{i}']}"
            for i in range(1, p["layers"] + 1)
        ]
        return ";".join([str(p["width"]), *layers])

    def to_params(self, arch: str) -> dict[str, Any]:
        """Decision -> value, of the layers that there are."""
        width, *layers = arch.split(";")
        matches = [LAYER.fullmatch(layer) for layer in layers]
        depths = SCALES[self.scale].layers
        if not re.fullmatch(r"\d+", width, re.ASCII) or len(layers) not in depths or not all(matches):
            form = f"expected the form {FORM} with {listed(depths)} layers"
            raise InputError(f"malformed architecture {shown(arch)}: {form}")
        decisions = self.decisions
        params: dict[str, Any] = {"width": decisions["width"].read(width), "layers": len(layers)}
        for i, match in enumerate(filter(None, matches), start=1):
            named = zip(PARTS, match.groups(), strict=True)
            params |= {f"{part}_{i}": decisions[f"{part}_{i}"].read(text) for part, text in named}
        return params

    def build(self, arch: str) -> nn.Module:
        """The network; see `BERT`."""
        width, layers = self._layers(arch)
        scale = SCALES[self.scale]
        return BERT(
            width,
            layers,
            self.num_classes,
            self.vocabulary,
            self.length,
            embedding=scale.embedding or width,
            segments=scale.segments,
        )

    def picture(self, arch: str, inputs: Any = None) -> Picture:
        """The network, layer by layer."""
        net = Outline(lambda: self.build(arch), self.options, inputs)
        layers = [
            net.block(
                *DRAWN.get(layer.operation, ("convolution", "depthwise")),
                f"layers.{k}",
                details=(
                    layer.operation,
                    f"{layer.heads} heads",
                    f"MLP {layer.hidden}" + (f" × {layer.stack}" if layer.stack > 1 else ""),
                ),
            )
            for k, layer in enumerate(self._layers(arch)[1])
        ]
        blocks = (
            net.input(),
            net.block("embedding", "embedding", "tokens", "norm", "project"),
            *layers,
            net.block("linear", "linear", "head"),
        )
        return Picture(self.name, arch, (Chain("network", (Stage(blocks),)),), net.params(""))

    def sizes(self, arch: str) -> dict[str, float]:
        """`params` in millions, counted without building the network."""
        width, layers = self._layers(arch)
        scale = SCALES[self.scale]
        embedding = scale.embedding or width
        params = embedding * (self.vocabulary + self.length + scale.segments + 2)
        params += (embedding + 1) * width if embedding != width else 0
        params += sum(layer_parameters(width, layer) for layer in layers) + (width + 1) * self.num_classes
        return {"params": params / 1e6}

    def _layers(self, arch: str) -> tuple[int, list[Layer]]:
        p = self.to_params(arch)
        return p["width"], [Layer(*(p[f"{part}_{i}"] for part in PARTS)) for i in range(1, p["layers"] + 1)]


def _distributions(scale: Scale) -> dict[str, BaseDistribution]:
    values = {"operation": scale.operations, "heads": scale.heads, "hidden": scale.hidden, "stack": scale.stack}
    return {
        "width": CategoricalDistribution(scale.width),
        "layers": CategoricalDistribution(scale.layers),
        **{
            f"{part}_{i}": CategoricalDistribution(values[part])
            for i in range(1, max(scale.layers) + 1)
            for part in PARTS
        },
    }


_DISTRIBUTIONS = {name: _distributions(scale) for name, scale in SCALES.items()}

"""The network of MobileNetV3-Large (Howard et al., ICCV 2019), with any layers in its stages."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from untrained.spaces.counter import Counter
from untrained.spaces.mobile import (
    ConvNorm,
    InvertedResidual,
    SqueezeExcite,
    count_inverted,
    divisible,
    drawn_for_convolutions,
    fitting_strides,
)

FIRST, FEATURES = 16, 1280
"""Channels of the stem and of the first block; features before the classifier."""
WIDENING = 6
"""Of the last 1 x 1 convolution."""


@dataclass(frozen=True)
class Stage:
    """What the published network says of a stage.

    Attributes:
        channels: of its blocks' outputs.
        stride: of its first block.
        excited: whether its blocks have squeeze-and-excitation.
        hard: whether its activations are hard swish; they are ReLU otherwise.
    """

    channels: int
    stride: int
    excited: bool
    hard: bool


STAGES = (
    Stage(24, 2, excited=False, hard=False),
    Stage(40, 2, excited=True, hard=False),
    Stage(80, 2, excited=False, hard=True),
    Stage(112, 1, excited=True, hard=True),
    Stage(160, 2, excited=True, hard=True),
)


@dataclass(frozen=True)
class Layer:
    """Kernel and expansion of a block."""

    kernel: int
    expansion: float


@dataclass(frozen=True)
class Block:
    """An inverted residual block, with all that it is made of; `squeezed` is 0 without squeeze-and-excitation."""

    c_in: int
    hidden: int
    c_out: int
    kernel: int
    stride: int
    squeezed: int
    hard: bool


@dataclass(frozen=True)
class Shape:
    """All numbers of a network.

    Attributes:
        stem_stride: stride of the stem.
        blocks: its blocks, the first one included.
        features: outputs of the layer before the classifier.
    """

    stem_stride: int
    blocks: Sequence[Block]
    features: int


def shape_of(stages: Sequence[Sequence[Layer]], width: float, size: tuple[int, int]) -> Shape:
    """The numbers of a network.

    Args:
        stages: the layers of each of `STAGES`.
        width: all channels are multiplied by it.
        size: height and width of the images, which decide the strides.
    """
    strides = fitting_strides([2, *(stage.stride for stage in STAGES)], size)
    c_in = divisible(FIRST * width)
    blocks = [Block(c_in, c_in, c_in, 3, 1, 0, hard=False)]
    for stage, stride, layers in zip(STAGES, strides[1:], stages, strict=True):
        c_out = divisible(stage.channels * width)
        for k, layer in enumerate(layers):
            hidden = divisible(c_in * layer.expansion)
            squeezed = divisible(hidden / 4) if stage.excited else 0
            blocks.append(Block(c_in, hidden, c_out, layer.kernel, 1 if k else stride, squeezed, stage.hard))
            c_in = c_out
    return Shape(strides[0], blocks, divisible(FEATURES * width))


class MobileNet(nn.Module):
    """Stem, blocks, a 1 x 1 convolution, two linear layers behind a global pooling.

    Args:
        shape: its numbers.
        num_classes: outputs.
        in_channels: channels of the images.
        resized: height and width that images get first; None for those that they have.
    """

    def __init__(
        self, shape: Shape, num_classes: int, in_channels: int, resized: tuple[int, int] | None = None
    ) -> None:
        super().__init__()
        self.resized = resized
        first, last = shape.blocks[0].c_in, shape.blocks[-1].c_out
        self.stem = ConvNorm(in_channels, first, 3, shape.stem_stride, act=nn.Hardswish)
        self.blocks = nn.Sequential(
            *(
                InvertedResidual(
                    b.c_in,
                    b.hidden,
                    b.c_out,
                    b.kernel,
                    b.stride,
                    nn.Hardswish if b.hard else nn.ReLU,
                    SqueezeExcite(b.hidden, b.squeezed, nn.Hardsigmoid) if b.squeezed else None,
                )
                for b in shape.blocks
            )
        )
        self.last = ConvNorm(last, WIDENING * last, act=nn.Hardswish)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(WIDENING * last, shape.features),
            nn.Hardswish(),
            nn.Linear(shape.features, num_classes),
        )
        drawn_for_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        """n x in_channels x h x w images -> n x num_classes logits."""
        if self.resized is not None:
            x = F.interpolate(x, self.resized, mode="bilinear", antialias=True)
        return self.head(self.pool(self.last(self.blocks(self.stem(x)))))


def count_network(count: Counter, shape: Shape, num_classes: int) -> None:
    """Counts a `MobileNet`.

    Args:
        count: stands at the images.
        shape: the numbers of the network.
        num_classes: its outputs.
    """
    count.conv(shape.blocks[0].c_in, 3, shape.stem_stride)
    for b in shape.blocks:
        count_inverted(count, b.hidden, b.c_out, b.kernel, b.stride, b.squeezed, relu=not b.hard)
    count.conv(WIDENING * shape.blocks[-1].c_out, 1)
    count.global_pool()
    count.linear(shape.features)
    count.linear(num_classes)

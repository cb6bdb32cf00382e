"""Layers of mobile networks: inverted residual blocks (Sandler et al., "MobileNetV2", CVPR 2018), with
squeeze-and-excitation (Hu et al., CVPR 2018; Tan et al., "MnasNet", CVPR 2019).
"""

import math
from collections.abc import Callable, Sequence

from torch import Tensor, nn

from untrained.spaces.counter import Counter
from untrained.spaces.outline import Outline
from untrained.spaces.picture import Block

LEAST = 4
"""The smaller side of the last maps has at least this many pixels, if that of the images has."""


def fitting_strides(published: Sequence[int], size: tuple[int, int]) -> list[int]:
    """The strides of a network for images of a size: of those published for large images, the first ones become 1.

    Args:
        published: the stride of the stem and of each stage, 1 or 2.
        size: height and width of the images.

    Example:
        >>> fitting_strides([2, 1, 2, 2, 2], (224, 224)), fitting_strides([2, 1, 2, 2, 2], (32, 32))
        ([2, 1, 2, 2, 2], [1, 1, 2, 2, 2])
    """
    halvings, side = 0, min(size)
    while -(-side // 2) >= LEAST:
        halvings, side = halvings + 1, -(-side // 2)
    dropped = max(0, published.count(2) - halvings)
    strides = list[int]()
    for stride in published:
        drop = stride == 2 and dropped > 0
        strides.append(1 if drop else stride)
        dropped -= drop
    return strides


def divisible(channels: float, by: int = 8) -> int:
    """The multiple of `by` that is nearest to a number of channels, but no more than 10 % below it."""
    rounded = max(by, int(channels + by / 2) // by * by)
    return rounded + by if rounded < 0.9 * channels else rounded


class ConvNorm(nn.Sequential):
    """Padded convolution without a bias, BatchNorm, and an activation if there is one.

    Args:
        c_in, c_out: channels before and after.
        kernel, stride, groups: of the convolution.
        act: makes the activation.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        act: Callable[[], nn.Module] | None = nn.ReLU,
    ) -> None:
        conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False)
        super().__init__(conv, nn.BatchNorm2d(c_out), *([act()] if act else []))


class SqueezeExcite(nn.Module):
    """Weighs channels by what their means say.

    Args:
        channels: before and after.
        squeezed: channels of the layer between.
        gate: makes the function whose result is multiplied, from 0 to 1.
    """

    def __init__(self, channels: int, squeezed: int, gate: Callable[[], nn.Module] = nn.Sigmoid) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.act = nn.ReLU()
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.gate = gate()

    def forward(self, x: Tensor) -> Tensor:
        """Keeps the shape of `x`, n x channels x h x w."""
        return x * self.gate(self.fc2(self.act(self.fc1(self.pool(x)))))


class InvertedResidual(nn.Module):
    """1 x 1 convolution to more channels, one of each channel by itself, 1 x 1 convolution to few.

    The first is left out if it would not change the number of channels. The input is added if its shape stays.

    Args:
        c_in, hidden, c_out: channels of the input, between the convolutions, and of the output.
        kernel, stride: of the convolution in the middle.
        act: makes the activations.
        excited: a layer behind the middle convolution, such as `SqueezeExcite(hidden, ...)`.
    """

    def __init__(
        self,
        c_in: int,
        hidden: int,
        c_out: int,
        kernel: int,
        stride: int = 1,
        act: Callable[[], nn.Module] = nn.ReLU,
        excited: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.residual = stride == 1 and c_in == c_out
        self.layers = nn.Sequential(
            *([ConvNorm(c_in, hidden, act=act)] if hidden != c_in else []),
            ConvNorm(hidden, hidden, kernel, stride, groups=hidden, act=act),
            *([excited] if excited else []),
            ConvNorm(hidden, c_out, act=None),
        )

    def forward(self, x: Tensor) -> Tensor:
        """n x c_in x h x w -> n x c_out x h/stride x w/stride, rounded up."""
        y = self.layers(x)
        return x + y if self.residual else y


def drawn_inverted(net: Outline, name: str, kernel: int, stride: int, squeezed: int, expansion: float) -> Block:
    """The picture of an `InvertedResidual`.

    Args:
        net: the outline of the network.
        name: of the module.
        kernel, stride, squeezed: as in `count_inverted`.
        expansion: how many times as many channels there are in the middle.
    """
    details = (f"expansion {expansion}", "excitation" if squeezed else "", "stride 2" if stride > 1 else "")
    return net.block(f"MBConv {kernel}×{kernel}", "depthwise", name, details=details)


def drawn_for_convolutions(network: nn.Module) -> None:
    """Draws the weights of convolutions as in He et al. (ICCV 2015), by the outputs that an input reaches.

    Args:
        network: changed in place; the biases of convolutions become zero.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            reached = module.out_channels // module.groups * math.prod(module.kernel_size)
            nn.init.normal_(module.weight, std=math.sqrt(2 / reached))
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def count_inverted(
    count: Counter, hidden: int, c_out: int, kernel: int, stride: int, squeezed: int = 0, *, relu: bool = True
) -> None:
    """Counts an `InvertedResidual`.

    Args:
        count: goes on behind the block.
        hidden, c_out, kernel, stride: as there.
        squeezed: channels of the squeeze-and-excitation; 0 for none.
        relu: whether the activations are ReLUs, which count.
    """
    if hidden != count.channels:
        count.conv(hidden, 1)
        count.flops += relu * count.elements
    count.conv(hidden, kernel, stride, groups=hidden)
    count.flops += relu * count.elements
    if squeezed:
        with count.beside():
            count.global_pool()
            count.conv(squeezed, 1, bias=True, norm=False)
            count.relu()
            count.conv(hidden, 1, bias=True, norm=False)
    count.conv(c_out, 1)

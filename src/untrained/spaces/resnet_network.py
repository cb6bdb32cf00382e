"""The residual networks of He et al. (CVPR 2016), with stems for small and for large images.

Parameter names are those of torchvision's networks, so that published weights load.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

SMALL = 64
"""Images whose smaller side has up to this many pixels are small: their stem keeps their size."""
LEAST = 6
"""Maps whose smaller side has fewer pixels than this are not halved."""


class Basic(nn.Module):
    """Two 3 x 3 convolutions, to whose result the input is added.

    Args:
        c_in: channels before.
        channels: channels of the block, and of its output.
        stride: of the first convolution.
    """

    expansion = 1
    """Channels of the output, as a multiple of the block's."""
    layers = ((3, 1), (3, 1))
    """(kernel, multiple of the block's channels) of each convolution."""
    strided = 0
    """Which of them has the stride."""

    def __init__(self, c_in: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = _shortcut(c_in, channels, stride)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """n x c_in x h x w -> n x channels x h/stride x w/stride, rounded up."""
        y = self.relu1(self.bn1(self.conv1(x)))
        return self.relu2(self.bn2(self.conv2(y)) + self.downsample(x))


class Bottleneck(nn.Module):
    """A 3 x 3 convolution between two of 1 x 1, to whose result the input is added.

    The 3 x 3 convolution has the stride, as in the public implementations; in the paper it is the first one, with the
    same number of parameters.

    Args:
        c_in: channels before.
        channels: channels inside the block; its output has four times as many.
        stride: of the 3 x 3 convolution.
    """

    expansion = 4
    """Channels of the output, as a multiple of the block's."""
    layers = ((1, 1), (3, 1), (1, 4))
    """(kernel, multiple of the block's channels) of each convolution."""
    strided = 1
    """Which of them has the stride."""

    def __init__(self, c_in: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        c_out = channels * self.expansion
        self.conv1 = nn.Conv2d(c_in, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(channels, c_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(c_out)
        self.downsample = _shortcut(c_in, c_out, stride)
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """n x c_in x h x w -> n x 4 channels x h/stride x w/stride, rounded up."""
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.relu2(self.bn2(self.conv2(y)))
        return self.relu3(self.bn3(self.conv3(y)) + self.downsample(x))


def _shortcut(c_in: int, c_out: int, stride: int) -> nn.Module:
    """The input as it is, or a 1 x 1 convolution if shapes differ."""
    if stride == 1 and c_in == c_out:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))


BLOCKS: dict[str, type[Basic] | type[Bottleneck]] = {"basic": Basic, "bottleneck": Bottleneck}
"""Name -> kind of block."""


def first_maps(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width behind the stem: those of a small image, a quarter (rounded up) of a large one's."""
    return size if min(size) <= SMALL else (-(-size[0] // 4), -(-size[1] // 4))


def strides_of(size: tuple[int, int]) -> list[int]:
    """The stride of each of four stages: 2 from the second on, while the smaller side of the maps has `LEAST` pixels.

    Args:
        size: height and width of the images.

    Example:
        >>> strides_of((224, 224)), strides_of((8, 8))
        ([1, 2, 2, 2], [1, 2, 1, 1])
    """
    strides, side = [1], min(first_maps(size))
    while len(strides) < 4:
        strides.append(2 if side >= LEAST else 1)
        side = -(-side // strides[-1])
    return strides


class ResNet(nn.Module):
    """Stem, four stages of residual blocks, head. Convolutions are initialised as in He et al. (ICCV 2015).

    Args:
        block: a name of `BLOCKS`.
        width: channels of the first stage; each further one has twice as many.
        depths: blocks of each stage.
        num_classes: outputs.
        in_channels: channels of the images.
        size: height and width of the images, which decide the stem and the strides; images of other sizes run, too.
    """

    def __init__(
        self,
        block: str,
        width: int,
        depths: Sequence[int],
        num_classes: int,
        in_channels: int,
        size: tuple[int, int],
    ) -> None:
        super().__init__()
        large = first_maps(size) != size
        kernel, stride = (7, 2) if large else (3, 1)
        self.conv1 = nn.Conv2d(in_channels, width, kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if large else nn.Identity()
        kind, strides, channels = BLOCKS[block], strides_of(size), width

        def stage(i: int) -> nn.Module:
            nonlocal channels
            blocks = list[nn.Module]()
            for k in range(depths[i]):
                blocks.append(kind(channels, width * 2**i, 1 if k else strides[i]))
                channels = width * 2**i * kind.expansion
            return nn.Sequential(*blocks)

        self.layer1 = stage(0)
        self.layer2 = stage(1)
        self.layer3 = stage(2)
        self.layer4 = stage(3)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """n x in_channels x h x w images -> n x num_classes logits."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))

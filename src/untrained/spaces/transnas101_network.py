"""The networks of TransNAS-Bench-101 (Duan et al., CVPR 2021, section 3): an encoder, and a head for the task.

Weights are drawn as the benchmark's own code draws them: those of the encoder's convolutions as in He et al. (ICCV
2015), by the outputs that an input reaches, those of the heads as torch does.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.spaces.cell import EDGES, NONE, SKIP
from untrained.spaces.nasbench201_network import Cell, ReLUConvBN

CHANNELS = 64
"""Channels of the maps behind the stem; before its second convolution there are half as many."""
BLOCKS = 2
"""Blocks of a layer; the first of them changes the shape."""
CONVOLUTIONS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}
"""Operation of a cell -> the side of its kernel."""


class Zero(nn.Module):
    """`none`: zero in the shape that the other operations give, with a zero gradient rather than a missing one.

    Args:
        c_in, c_out: channels before and after.
        stride: by which height and width are divided.
    """

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.c_in, self.c_out, self.stride = c_in, c_out, stride

    def forward(self, x: Tensor) -> Tensor:
        """n x c_in x h x w -> n x c_out x h/stride x w/stride, rounded up."""
        if self.stride > 1:
            x = x[:, :, :: self.stride, :: self.stride]
        if self.c_in != self.c_out:
            x = x[:, :1].expand(-1, self.c_out, -1, -1)
        return x * 0.0


class Reduce(nn.Module):
    """`skip_connect` where a cell changes the shape: two 1 x 1 convolutions, one of them a pixel further.

    Args:
        c_in, c_out: channels before and after, the latter even.
        stride: of both convolutions.
    """

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.convs = nn.ModuleList(nn.Conv2d(c_in, c_out // 2, 1, stride, bias=False) for _ in range(2))
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        """n x c_in x h x w -> n x c_out x h/stride x w/stride, rounded up."""
        x = self.relu(x)
        here, further = self.convs
        return self.bn(torch.cat([here(x), further(F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:])], 1))


def operation(op: str, c_in: int, c_out: int, stride: int) -> nn.Module:
    """The module of an edge.

    Args:
        op: `none`, `skip_connect`, `nor_conv_1x1` or `nor_conv_3x3`.
        c_in, c_out: channels before and after.
        stride: by which height and width are divided.
    """
    if op == NONE:
        return Zero(c_in, c_out, stride)
    if op == SKIP:
        return nn.Identity() if stride == 1 and c_in == c_out else Reduce(c_in, c_out, stride)
    return ReLUConvBN(c_in, c_out, CONVOLUTIONS[op], stride)


def cell(ops: Sequence[str], c_in: int, c_out: int, stride: int) -> Cell:
    """The cell with six operations on its `EDGES`, of which those out of the input change the shape."""
    return Cell(
        operation(op, c_out if i else c_in, c_out, 1 if i else stride) for (i, _), op in zip(EDGES, ops, strict=True)
    )


class Basic(nn.Module):
    """Two 3 x 3 convolutions, to whose result the input is added, through a 1 x 1 convolution if shapes differ.

    Args:
        c_in, c_out: channels before and after.
        stride: of the first convolution.
    """

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.conv_a = ReLUConvBN(c_in, c_out, 3, stride)
        self.conv_b = ReLUConvBN(c_out, c_out, 3)
        self.downsample = (
            nn.Identity()
            if stride == 1 and c_in == c_out
            else nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))
        )

    def forward(self, x: Tensor) -> Tensor:
        """n x c_in x h x w -> n x c_out x h/stride x w/stride, rounded up."""
        return self.downsample(x) + self.conv_b(self.conv_a(x))


class Encoder(nn.Module):
    """Stem, and layers of two blocks.

    Args:
        macro: a digit for each layer: 1 keeps the shape, 2 doubles the channels, 3 halves the sides, 4 does both.
        ops: the six operations of the cell that each block is; None for residual blocks.
        in_channels: channels of the images.
        stem: the strides of the stem's two convolutions.

    Attributes:
        channels: of the maps that come out.
        halvings: how often their sides are halved.
    """

    def __init__(self, macro: str, ops: Sequence[str] | None, in_channels: int, stem: Sequence[int]) -> None:
        super().__init__()
        first, second = stem
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, CHANNELS // 2, 3, first, padding=1, bias=False),
            nn.BatchNorm2d(CHANNELS // 2),
            ReLUConvBN(CHANNELS // 2, CHANNELS, 3, second),
        )
        self.channels, self.halvings = CHANNELS, [first, second].count(2)
        layers = list[nn.Module]()
        for digit in macro:
            for k in range(BLOCKS):
                before, stride = self.channels, 2 if digit in "34" and k == 0 else 1
                self.channels *= 2 if digit in "24" and k == 0 else 1
                self.halvings += stride == 2
                of_shape = before, self.channels, stride
                layers.append(Basic(*of_shape) if ops is None else cell(ops, *of_shape))
        self.layers = nn.Sequential(*layers)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """n x in_channels x h x w images -> n x channels x h' x w' maps, each side halved `halvings` times."""
        return self.layers(self.stem(x))


class OfImages(nn.Module):
    """An encoder, and a head that gives a row of numbers.

    Args:
        encoder: images -> maps.
        decoder: maps -> numbers.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, x: Tensor) -> Tensor:
        """n x in_channels x h x w images -> n x outputs."""
        return self.decoder(self.encoder(x))


class OfPixels(OfImages):
    """An encoder, and a head that gives numbers for each pixel."""

    def forward(self, x: Tensor) -> Tensor:
        """n x in_channels x h x w images -> n x outputs x h x w.

        Sides that cannot be halved evenly are rounded up, and what is then too much is cut off.
        """
        return self.decoder(self.encoder(x))[..., : x.shape[-2], : x.shape[-1]]


class OfPieces(OfImages):
    """An encoder of the pieces of a jigsaw, one after the other, and a head that sees all of them."""

    def forward(self, x: Tensor) -> Tensor:
        """n x pieces x in_channels x h x w -> n x outputs."""
        return self.decoder(torch.cat([self.encoder(piece) for piece in x.unbind(1)], 1))

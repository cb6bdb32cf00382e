"""The network of NAS-Bench-201 (Dong & Yang, ICLR 2020, section 2): stem, three stages of cells, head.

Parameter names follow the benchmark's own network, so that published weights load.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from untrained.spaces.cell import EDGES


class Zero(nn.Module):
    """`none`: zero, with a zero gradient rather than a missing one."""

    def forward(self, x: Tensor) -> Tensor:
        """Zeros of the shape of `x`."""
        return x * 0.0


class ReLUConvBN(nn.Module):
    """Activation, k x k convolution without a bias, BatchNorm.

    Args:
        c_in, c_out: channels before and after.
        kernel: k, odd.
        stride: of the convolution.
    """

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        conv = nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False)
        self.op = nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(c_out))

    def forward(self, x: Tensor) -> Tensor:
        """n x c_in x h x w -> n x c_out x h/stride x w/stride."""
        return self.op(x)


class AvgPool(nn.Module):
    """Mean of 3 x 3 pixels; those beyond the edge do not count."""

    def __init__(self) -> None:
        super().__init__()
        self.op = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Keeps the shape of `x`."""
        return self.op(x)


OPERATIONS = {
    "none": lambda c: Zero(),
    "skip_connect": lambda c: nn.Identity(),
    "nor_conv_1x1": lambda c: ReLUConvBN(c, c, 1),
    "nor_conv_3x3": lambda c: ReLUConvBN(c, c, 3),
    "avg_pool_3x3": lambda c: AvgPool(),
}
"""Operation name -> module for `c` channels, in the benchmark's order."""


class Cell(nn.Module):
    """Four nodes, one operation on each of `EDGES`.

    Args:
        layers: the six operations; those out of the input may change the shape of the maps, all in the same way.
    """

    def __init__(self, layers: Iterable[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        """n x c x h x w -> maps of the shape that the operations out of the input give them."""
        nodes: list[Tensor] = [x]
        results = dict[int, list[Tensor]]()
        for (i, j), op in zip(EDGES, self.layers, strict=True):
            results.setdefault(j, []).append(op(nodes[i]))
            if i == j - 1:  # the last edge into node j
                nodes.append(sum(results[j][1:], start=results[j][0]))
        return nodes[-1]


class Reduction(nn.Module):
    """Residual block that halves height and width.

    Args:
        c_in, c_out: channels before and after.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv_a = ReLUConvBN(c_in, c_out, 3, stride=2)
        self.conv_b = ReLUConvBN(c_out, c_out, 3)
        # ceil_mode: odd sizes shrink as the strided convolution does; even ones are as published.
        self.downsample = nn.Sequential(
            nn.AvgPool2d(2, stride=2, ceil_mode=True), nn.Conv2d(c_in, c_out, 1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """n x c_in x h x w -> n x c_out x h/2 x w/2, rounded up."""
        return self.downsample(x) + self.conv_b(self.conv_a(x))


class NASBench201Network(nn.Module):
    """Stem, three stages of N cells with a reduction between two, head.

    Args:
        ops: the names of the cell's six operations, in the order of `EDGES`.
        N: cells of each stage.
        C: channels of the first stage.
        num_classes: outputs.
        in_channels: channels of the images.
    """

    def __init__(self, ops: Sequence[str], N: int, C: int, num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(in_channels, C, 3, padding=1, bias=False), nn.BatchNorm2d(C))
        self.cells = nn.ModuleList()
        for stage in range(3):
            if stage:
                self.cells.append(Reduction(C * 2 ** (stage - 1), C * 2**stage))
            self.cells.extend(Cell(OPERATIONS[op](C * 2**stage) for op in ops) for _ in range(N))
        self.lastact = nn.Sequential(nn.BatchNorm2d(4 * C), nn.ReLU(inplace=True))
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(4 * C, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """n x in_channels x h x w images -> n x num_classes logits."""
        x = self.stem(x)
        for cell in self.cells:
            x = cell(x)
        x = self.global_pooling(self.lastact(x))
        return self.classifier(torch.flatten(x, 1))

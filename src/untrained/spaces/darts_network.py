"""The networks of DARTS (Liu et al., "DARTS: Differentiable Architecture Search", ICLR 2019) for CIFAR and ImageNet."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NODES = 4
"""Nodes of a cell behind its two inputs, which are nodes 0 and 1."""
LARGE = 64
"""Images whose smaller side has more pixels than this get the stem for ImageNet."""

Edges = Sequence[tuple[str, int]]
"""(operation, node that it is applied to): two for each node, from node 2 on."""


class ReLUConvNorm(nn.Sequential):
    """Activation, 1 x 1 convolution without a bias, BatchNorm.

    Args:
        c_in, c_out: channels before and after.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(nn.ReLU(), nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out))


class FactorizedReduce(nn.Module):
    """Halves the sides by two 1 x 1 convolutions, of which the second one looks at the pixels between.

    Args:
        c_in, c_out: channels before and after; `c_out` is even.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.conv_1 = nn.Conv2d(c_in, c_out // 2, 1, stride=2, bias=False)
        self.conv_2 = nn.Conv2d(c_in, c_out // 2, 1, stride=2, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        """n x c_in x h x w -> n x c_out x h/2 x w/2, rounded up."""
        x = self.relu(x)
        odd = (0, x.shape[3] % 2, 0, x.shape[2] % 2)  # the published code takes even sides only
        between = (F.pad(x, odd) if any(odd) else x)[:, :, 1:, 1:]
        return self.bn(torch.cat([self.conv_1(x), self.conv_2(between)], 1))


def _separable(channels: int, kernel: int, stride: int, dilation: int = 1) -> list[nn.Module]:
    padding = dilation * (kernel // 2)
    depthwise = nn.Conv2d(channels, channels, kernel, stride, padding, dilation=dilation, groups=channels, bias=False)
    return [nn.ReLU(), depthwise, nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels)]


def _sep_conv(kernel: int) -> Callable[[int, int], nn.Module]:
    return lambda c, stride: nn.Sequential(*_separable(c, kernel, stride), *_separable(c, kernel, 1))


def _dil_conv(kernel: int) -> Callable[[int, int], nn.Module]:
    return lambda c, stride: nn.Sequential(*_separable(c, kernel, stride, dilation=2))


OPERATIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "max_pool_3x3": lambda c, stride: nn.MaxPool2d(3, stride, padding=1),
    "avg_pool_3x3": lambda c, stride: nn.AvgPool2d(3, stride, padding=1, count_include_pad=False),
    "skip_connect": lambda c, stride: nn.Identity() if stride == 1 else FactorizedReduce(c, c),
    "sep_conv_3x3": _sep_conv(3),
    "sep_conv_5x5": _sep_conv(5),
    "dil_conv_3x3": _dil_conv(3),
    "dil_conv_5x5": _dil_conv(5),
}
"""Operation name -> module for `c` channels and a stride, in the order of the paper's code."""


class DropPath(nn.Module):
    """In training, drops all of a sample at random, and enlarges what stays.

    Args:
        probability: that a sample is dropped.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Keeps the shape of `x`, n x ..."""
        if not self.training:
            return x
        keep = 1 - self.probability
        return x * x.new_empty(x.shape[0], 1, 1, 1).bernoulli_(keep) / keep


class Cell(nn.Module):
    """Two inputs, four nodes that sum two operations each, whose outputs are joined.

    Args:
        edges: the operations.
        c_before, c_in: channels of the output of the cell before the last, and of the last.
        channels: of each node.
        reduction: whether the cell halves the sides.
        halved: whether the last cell did, so that the output of the one before is halved first.
        drop_path: the probability that an operation's output is dropped, for each sample.
    """

    def __init__(
        self,
        edges: Edges,
        c_before: int,
        c_in: int,
        channels: int,
        drop_path: float = 0.0,
        *,
        reduction: bool,
        halved: bool,
    ) -> None:
        super().__init__()
        self.preprocess0 = (FactorizedReduce if halved else ReLUConvNorm)(c_before, channels)
        self.preprocess1 = ReLUConvNorm(c_in, channels)
        self.ops, self.sources = nn.ModuleList(), [source for _, source in edges]
        for name, source in edges:
            op = OPERATIONS[name](channels, 2 if reduction and source < 2 else 1)
            dropped = drop_path > 0 and not isinstance(op, nn.Identity)
            self.ops.append(nn.Sequential(op, DropPath(drop_path)) if dropped else op)

    def forward(self, before: Tensor, x: Tensor) -> Tensor:
        """n x c_before x ..., n x c_in x h x w -> n x 4 channels x h x w, or half the sides, rounded up."""
        nodes = [self.preprocess0(before), self.preprocess1(x)]
        results = list[Tensor]()
        for k, op in enumerate(self.ops):
            results.append(op(nodes[self.sources[k]]))
            if k % 2:
                nodes.append(results[k - 1] + results[k])
        return torch.cat(nodes[2:], 1)


class AuxiliaryHead(nn.Module):
    """Outputs in the middle of a network: pooled to 2 x 2 maps, two convolutions, a linear layer.

    Maps of 8 x 8 pixels, those of CIFAR's networks, and of 7 x 7, ImageNet's, are pooled by windows of 5 as in the
    published code; others in quarters.

    Args:
        channels: of the maps.
        num_classes: outputs.
        large: as for ImageNet, where the published networks have no BatchNorm behind the second convolution.
    """

    def __init__(self, channels: int, num_classes: int, *, large: bool) -> None:
        super().__init__()
        self.stride = 2 if large else 3
        self.reduce = nn.Sequential(nn.Conv2d(channels, 128, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU())
        norm = nn.Identity() if large else nn.BatchNorm2d(768)
        self.features = nn.Sequential(nn.Conv2d(128, 768, 2, bias=False), norm, nn.ReLU())
        self.classifier = nn.Linear(768, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """n x channels x h x w -> n x num_classes."""
        x = F.relu(x)
        if all(5 + self.stride <= side < 5 + 2 * self.stride for side in x.shape[2:]):
            x = F.avg_pool2d(x, 5, self.stride)
        else:
            x = F.adaptive_avg_pool2d(x, 2)
        return self.classifier(self.features(self.reduce(x)).flatten(1))


class DARTSNetwork(nn.Module):
    """Stem, cells of which those at a third and at two thirds halve the sides and double the channels, head.

    Args:
        normal, reduce: the operations of both kinds of cells.
        C: channels of the nodes of the first cells.
        layers: how many cells.
        num_classes: outputs.
        in_channels: channels of the images.
        drop_path: see `Cell`.
        auxiliary: the weight of the auxiliary head's loss in a training; 0 for a network without one.
        large: the stem for ImageNet, which divides the sides by 8, instead of the one for CIFAR.
    """

    def __init__(
        self,
        normal: Edges,
        reduce: Edges,
        C: int,
        layers: int,
        num_classes: int,
        in_channels: int,
        drop_path: float = 0.0,
        auxiliary: float = 0.0,
        *,
        large: bool,
    ) -> None:
        super().__init__()
        self.auxiliary_weight, self.behind = auxiliary, 2 * layers // 3
        c_before = c_in = C if large else 3 * C
        if large:
            self.stem0 = nn.Sequential(
                nn.Conv2d(in_channels, C // 2, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(C // 2),
                nn.ReLU(),
                nn.Conv2d(C // 2, C, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(C),
            )
            self.stem1: nn.Module = nn.Sequential(
                nn.ReLU(), nn.Conv2d(C, C, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(C)
            )
        else:
            self.stem0 = nn.Sequential(nn.Conv2d(in_channels, c_in, 3, padding=1, bias=False), nn.BatchNorm2d(c_in))
            self.stem1 = nn.Identity()
        self.cells, halved, channels, inner = nn.ModuleList(), large, C, C
        for i in range(layers):
            reduction = i in (layers // 3, 2 * layers // 3)
            channels *= 1 + reduction
            edges = reduce if reduction else normal
            self.cells.append(Cell(edges, c_before, c_in, channels, drop_path, reduction=reduction, halved=halved))
            halved, c_before, c_in = reduction, c_in, NODES * channels
            inner = c_in if i == self.behind else inner
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(c_in, num_classes)
        # The last to be drawn: all other weights are then what they would be without it.
        self.auxiliary_head = AuxiliaryHead(inner, num_classes, large=large) if auxiliary else None

    def forward(self, x: Tensor) -> Tensor:
        """n x in_channels x h x w images -> n x num_classes logits."""
        return self._classes(self._maps(x)[0])

    def forward_with_auxiliary(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`; and the auxiliary head's logits, from behind the cell at two thirds."""
        assert self.auxiliary_head is not None
        last, inner = self._maps(x)
        return self._classes(last), self.auxiliary_head(inner)

    def _maps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What comes out of the last cell, and of that at two thirds."""
        before = inner = self.stem0(x)
        x = self.stem1(before)
        for i, cell in enumerate(self.cells):
            before, x = x, cell(before, x)
            inner = x if i == self.behind else inner
        return x, inner

    def _classes(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.global_pooling(x), 1))

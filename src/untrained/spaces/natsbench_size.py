"""The size search space of NATS-Bench (Dong et al., "NATS-Bench: Benchmarking NAS Algorithms for Architecture Topology
and Size", TPAMI 2021).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from optuna.distributions import BaseDistribution, IntDistribution
from torch import Tensor, nn

from untrained.errors import InputError, shown
from untrained.spaces.base import SearchSpace
from untrained.spaces.cell import EDGES, cell_graph, parse_cell
from untrained.spaces.facts import check_whole
from untrained.spaces.forms import AROUND, at_index, is_index
from untrained.spaces.nasbench201_network import OPERATIONS, Reduction, ReLUConvBN
from untrained.spaces.outline import Outline
from untrained.spaces.picture import Chain, Picture, Stage

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
"""The cell of every network, as NAS-Bench-201 writes it."""
LAYERS = tuple(f"channels_{i}" for i in range(5))


@dataclass(frozen=True)
class NATSBenchSize(SearchSpace):
    """The 8^5 = 32,768 channel numbers of NATS-Bench, in the order of the benchmark's own index.

    `8:16:32:48:64`: channels (8, 16, ..., 64) of the first cell, of the first reduction, of the second cell, of the
    second reduction, and of the third cell. All cells are the best one of NAS-Bench-201 on CIFAR-100.

    Args:
        num_classes: outputs of the network; 10, 100 or 120 in the published one.
        in_channels: channels of the images.

    Raises:
        InputError: if an option is not a whole number of at least 1.

    Example:
        >>> space = NATSBenchSize()
        >>> space.size, space.read("32767")
        (32768, '64:64:64:64:64')
        >>> sum(p.numel() for p in space.build("8:8:8:8:8").parameters())
        11714
    """

    num_classes: int = 10
    in_channels: int = 3

    def __post_init__(self) -> None:
        check_whole(self.name, num_classes=self.num_classes, in_channels=self.in_channels)

    @property
    def name(self) -> str:
        """`natsbench-size`."""
        return "natsbench-size"

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """`channels_0` to `channels_4`."""
        return _DISTRIBUTIONS

    def to_arch(self, params: Mapping[str, Any]) -> str:
        """The string of the benchmark."""
        return ":".join(str(params[name]) for name in LAYERS)

    def to_params(self, arch: str) -> dict[str, Any]:
        """Decision -> value."""
        if not re.fullmatch(r"(8|16|24|32|40|48|56|64)(:(8|16|24|32|40|48|56|64)){4}", arch, re.ASCII):
            form = "expected the form 8:16:32:48:64, five numbers of 8, 16, ..., 64"
            raise InputError(f"malformed architecture {shown(arch)}: {form}")
        return dict(zip(LAYERS, map(int, arch.split(":")), strict=True))

    def read(self, text: str) -> str:
        """Channels as written here, or the benchmark's index."""
        text = text.strip(AROUND)
        return at_index(tuple(self), text, self.name) if is_index(text) else super().read(text)

    def build(self, arch: str) -> nn.Module:
        """The network; see `SizeNetwork`."""
        return SizeNetwork(tuple(self.to_params(arch).values()), self.num_classes, self.in_channels)

    def picture(self, arch: str, inputs: Any = None) -> Picture:
        """The network with its numbers of channels, and the cell that all networks have."""
        net = Outline(lambda: self.build(arch), self.options, inputs)
        cells = [
            net.block("reduction" if i % 2 else "cell", "reduction" if i % 2 else "cell", f"cells.{i}")
            for i in range(len(LAYERS))
        ]
        head = (
            net.block("average pool", "pool", "lastact", "global_pooling"),
            net.block("linear", "linear", "classifier"),
        )
        blocks = (net.input(), net.block("conv 3×3", "conv", "stem"), *cells, *head)
        chain = Chain("network", (Stage(blocks),))
        graph = cell_graph(parse_cell(CELL, [*OPERATIONS]), "cell of all networks")
        return Picture(self.name, arch, (chain, graph), net.params(""))

    def sizes(self, arch: str) -> dict[str, float]:
        """`params` in millions, counted without building the network."""
        a, b, c, d, e = self.to_params(arch).values()

        def conv(before: int, channels: int) -> int:
            return 9 * before * channels + 2 * channels

        def cell(before: int, channels: int) -> int:
            shortcut = before * channels + 2 * channels if before != channels else 0
            return 2 * conv(before, channels) + 3 * conv(channels, channels) + shortcut

        def reduction(before: int, channels: int) -> int:
            return conv(before, channels) + conv(channels, channels) + before * channels

        params = conv(self.in_channels, a) + cell(a, a) + reduction(a, b) + cell(b, c) + reduction(c, d) + cell(d, e)
        return {"params": (params + 2 * e + (e + 1) * self.num_classes) / 1e6}


_DISTRIBUTIONS: dict[str, BaseDistribution] = dict.fromkeys(LAYERS, IntDistribution(8, 64, step=8))


class SizeCell(nn.Module):
    """`CELL`, whose edges out of the input change the number of channels.

    Args:
        c_in, c_out: channels before and after.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            _edge(op, c_out if i else c_in, c_out)
            for (i, _), op in zip(EDGES, parse_cell(CELL, [*OPERATIONS]), strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """n x c_in x h x w -> n x c_out x h x w."""
        to_1, to_2, from_1_to_2, skip, from_1_to_3, from_2_to_3 = self.layers
        first = to_1(x)
        second = to_2(x) + from_1_to_2(first)
        return skip(x) + from_1_to_3(first) + from_2_to_3(second)


def _edge(op: str, c_in: int, c_out: int) -> nn.Module:
    if op == "nor_conv_3x3":
        return ReLUConvBN(c_in, c_out, 3)
    if c_in == c_out:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out))


class SizeNetwork(nn.Module):
    """Stem, cell, reduction, cell, reduction, cell, head. Parameter names follow the benchmark's own network.

    Args:
        channels: of the cells and reductions, five numbers; the stem has those of the first.
        num_classes: outputs.
        in_channels: channels of the images.
    """

    def __init__(self, channels: Sequence[int], num_classes: int, in_channels: int) -> None:
        super().__init__()
        a, b, c, d, e = channels
        self.stem = nn.Sequential(nn.Conv2d(in_channels, a, 3, padding=1, bias=False), nn.BatchNorm2d(a))
        cells = (SizeCell(a, a), Reduction(a, b), SizeCell(b, c), Reduction(c, d), SizeCell(d, e))
        self.cells = nn.Sequential(*cells)
        self.lastact = nn.Sequential(nn.BatchNorm2d(e), nn.ReLU(inplace=True))
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(e, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """n x in_channels x h x w images -> n x num_classes logits."""
        x = self.global_pooling(self.lastact(self.cells(self.stem(x))))
        return self.classifier(torch.flatten(x, 1))

"""The mobile networks of Accel-NASBench (Ahmad et al., 2024), after MnasNet (Tan et al., CVPR 2019)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from torch import nn

from untrained.errors import InputError, shown
from untrained.spaces.base import SearchSpace
from untrained.spaces.counter import Counter
from untrained.spaces.facts import Size, check_whole, image_size, sides
from untrained.spaces.mobile import (
    ConvNorm,
    InvertedResidual,
    SqueezeExcite,
    count_inverted,
    drawn_for_convolutions,
    drawn_inverted,
    fitting_strides,
)
from untrained.spaces.outline import Outline
from untrained.spaces.picture import Chain, Picture, Stage

STEM, HEAD = 32, 1280
CHANNELS = (16, 24, 40, 80, 112, 192, 320)
STRIDES = (2, 1, 2, 2, 2, 1, 2, 1)
"""Of the stem, then of each stage, for images of 224 pixels."""
EXPANSIONS, KERNELS = (1, 4, 6), (3, 5)
MOST_LAYERS = (3, 3, 3, 3, 3, 4, 3)
FORM = "e6k3l1s0|e4k5l2s1|..."


@dataclass(frozen=True)
class MnasNets(SearchSpace):
    """Mobile networks of seven stages, as Accel-NASBench has them: each with expansion, kernel, layers, excitation.

    `e6k3l1s0|e4k5l2s1|...`: every stage has `l` inverted residual blocks (1 to 3; 1 to 4 in the sixth) that expand
    their input `e` times (1, 4, 6), with kernels of `k` x `k` (3, 5), and with squeeze-and-excitation if `s` is 1.
    With 1,000 classes and images of 224 pixels, parameters and `macs` are those of the benchmark.

    The networks keep the strides of the benchmark for images of 112 pixels and more; for smaller ones, the first
    strides become 1. Activations are ReLU, as in MnasNet.

    Args:
        num_classes: outputs of the network.
        in_channels: channels of the images.
        image_size: side of the images in pixels, or (height, width).

    Raises:
        InputError: if an option is not a whole number of at least 1.

    Example:
        >>> space = MnasNets(num_classes=1000, image_size=224)
        >>> arch = "e6k3l1s0|e4k5l2s0|e6k3l3s0|e6k5l3s0|e6k5l2s0|e1k3l2s0|e1k3l2s0"
        >>> space.sizes(arch)["params"], space.macs(arch)
        (2.50116, 415.361072)
    """

    num_classes: int = 10
    in_channels: int = 3
    image_size: Size = 32

    def __post_init__(self) -> None:
        check_whole(self.name, num_classes=self.num_classes, in_channels=self.in_channels)
        object.__setattr__(self, "image_size", image_size(self.name, self.image_size))

    @property
    def name(self) -> str:
        """`mnasnet`."""
        return "mnasnet"

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """`expansion_i`, `kernel_i`, `layers_i` and `excite_i` of the stages 1 to 7."""
        return _DISTRIBUTIONS

    def to_arch(self, params: Mapping[str, Any]) -> str:
        """The string of the benchmark."""
        rest = iter([params[name] for name in _DISTRIBUTIONS])
        return "|".join(f"e{e}k{k}l{n}s{s}" for e, k, n, s in zip(rest, rest, rest, rest, strict=True))

    def to_params(self, arch: str) -> dict[str, Any]:
        """Decision -> value."""
        found = [re.fullmatch(r"e([146])k([35])l([1-4])s([01])", part, re.ASCII) for part in arch.split("|")]
        values = [int(value) for match in found if match for value in match.groups()]
        if len(values) != len(_DISTRIBUTIONS) or None in found or any(map(int.__gt__, values[2::4], MOST_LAYERS)):
            form = f"expected seven stages {FORM} with e 1, 4 or 6, k 3 or 5, l 1 to 3 (the sixth: 4), s 0 or 1"
            raise InputError(f"malformed architecture {shown(arch)}: {form}")
        return dict(zip(_DISTRIBUTIONS, values, strict=True))

    def build(self, arch: str) -> nn.Module:
        """The network: n x in_channels x h x w images -> n x num_classes logits."""
        strides = fitting_strides(STRIDES, sides(self.image_size))
        layers: list[nn.Module] = [ConvNorm(self.in_channels, STEM, 3, strides[0])]
        for c_in, hidden, c_out, kernel, stride, squeezed in self._blocks(arch):
            excited = SqueezeExcite(hidden, squeezed) if squeezed else None
            layers.append(InvertedResidual(c_in, hidden, c_out, kernel, stride, excited=excited))
        head = (ConvNorm(CHANNELS[-1], HEAD), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(HEAD, self.num_classes))
        network = nn.Sequential(*layers, *head)
        drawn_for_convolutions(network)
        return network

    def picture(self, arch: str, inputs: Any = None) -> Picture:
        """The network, stage by stage."""
        net = Outline(lambda: self.build(arch), self.options, inputs)
        stages = [Stage((net.input(),)), Stage((net.block("conv 3×3", "conv", "0"),))]
        blocks, place = self._blocks(arch), 1
        for i, layers in enumerate([*self.to_params(arch).values()][2::4], start=1):
            drawn = [
                drawn_inverted(net, str(place + k), kernel, stride, squeezed, hidden // c_in)
                for k, (c_in, hidden, _, kernel, stride, squeezed) in enumerate(islice(blocks, layers))
            ]
            stages.append(Stage(tuple(drawn), f"stage {i}"))
            place += layers
        head = [
            net.block("conv 1×1", "conv", str(place)),
            net.block("average pool", "pool", str(place + 1)),
            net.block("linear", "linear", str(place + 3)),
        ]
        return Picture(self.name, arch, (Chain("network", (*stages, Stage(tuple(head)))),), net.params(""))

    def sizes(self, arch: str) -> dict[str, float]:
        """`params` and `flops` in millions, counted without building the network."""
        return self._counted(arch).millions()

    def macs(self, arch: str) -> float:
        """Multiply-accumulates in millions as the benchmark counts them, with thop (see `Counter`).

        Args:
            arch: an architecture of this space.
        """
        return self._counted(arch).macs / 1e6

    def _counted(self, arch: str) -> Counter:
        count = Counter(self.in_channels, *sides(self.image_size))
        count.conv(STEM, 3, fitting_strides(STRIDES, sides(self.image_size))[0])
        count.relu()
        for _, *block in self._blocks(arch):
            count_inverted(count, *block)
        count.conv(HEAD, 1)
        count.relu()
        count.global_pool()
        count.linear(self.num_classes)
        return count

    def _blocks(self, arch: str) -> Iterator[tuple[int, int, int, int, int, int]]:
        """Channels in, between and out, kernel, stride, squeezed channels (0 for none) of each block."""
        strides = fitting_strides(STRIDES, sides(self.image_size))[1:]
        values, c_in = iter(self.to_params(arch).values()), STEM
        for c_out, stride, expansion, kernel, layers, excited in zip(
            CHANNELS, strides, values, values, values, values, strict=True
        ):
            for k in range(layers):
                yield c_in, c_in * expansion, c_out, kernel, 1 if k else stride, excited * (c_in // 4)
                c_in = c_out


_DISTRIBUTIONS: dict[str, BaseDistribution] = {
    f"{name}_{i}": distribution
    for i, most in enumerate(MOST_LAYERS, start=1)
    for name, distribution in {
        "expansion": CategoricalDistribution(EXPANSIONS),
        "kernel": CategoricalDistribution(KERNELS),
        "layers": IntDistribution(1, most),
        "excite": IntDistribution(0, 1),
    }.items()
}

"""Residual networks for images of any size (He et al., "Deep Residual Learning", CVPR 2016)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from torch import nn

from untrained.spaces.base import SearchSpace
from untrained.spaces.counter import Counter
from untrained.spaces.facts import Size, check_whole, image_size, sides
from untrained.spaces.outline import Outline
from untrained.spaces.picture import Chain, Picture, Stage
from untrained.spaces.resnet_network import BLOCKS, ResNet, first_maps, strides_of

WIDTHS = (8, 12, 16, 24, 32, 48, 64)
"""About evenly spread in their logarithm, so that cheap networks are drawn as often as costly ones."""
STAGES = ("depth1", "depth2", "depth3", "depth4")


@dataclass(frozen=True)
class ResNets(SearchSpace):
    """Residual networks for images: blocks of each stage, width, kind of block.

    A `basic` block is two 3 x 3 convolutions, a `bottleneck` a 3 x 3 one between two of 1 x 1 that gives four times
    the channels. Stage i has `depth<i>` blocks of `width` x 2^(i-1) channels; the last stage may be left out. With
    1,000 classes and images of 224 pixels, three of the architectures are the published ones:

    | network | architecture | parameters |
    |---|---|---|
    | ResNet-18 | `block=basic,width=64,depth1=2,depth2=2,depth3=2,depth4=2` | 11,689,512 |
    | ResNet-34 | `block=basic,width=64,depth1=3,depth2=4,depth3=6,depth4=3` | 21,797,672 |
    | ResNet-50 | `block=bottleneck,width=64,depth1=3,depth2=4,depth3=6,depth4=3` | 25,557,032 |

    The networks adapt to the images: the stem is a 3 x 3 convolution for sides of up to 64 pixels, and 7 x 7 with
    stride 2 and a pooling for larger ones; stages 2 to 4 halve maps of at least 6 pixels, and leave smaller ones as
    they are. On images of 224 pixels, the networks cost from 1/166 of the FLOPs of ResNet-50 to a tenth more than it.

    Args:
        num_classes: outputs of the network.
        in_channels: channels of the images.
        image_size: side of the images in pixels, or (height, width).

    Raises:
        InputError: if an option is not a whole number of at least 1.

    Example:
        >>> space = ResNets(num_classes=1000, image_size=224)
        >>> space.size, space.sizes("block=basic,width=64,depth1=2,depth2=2,depth3=2,depth4=2")["params"]
        (6720, 11.689512)
    """

    num_classes: int = 10
    in_channels: int = 3
    image_size: Size = 32

    def __post_init__(self) -> None:
        check_whole(self.name, num_classes=self.num_classes, in_channels=self.in_channels)
        object.__setattr__(self, "image_size", image_size(self.name, self.image_size))

    @property
    def name(self) -> str:
        """`resnet`."""
        return "resnet"

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """`block`, `width` of the first stage, and the number of blocks of each of four stages."""
        return _DISTRIBUTIONS

    def build(self, arch: str) -> nn.Module:
        """The network, initialised as He et al. (ICCV 2015) do; see `ResNet`."""
        p = self.to_params(arch)
        depths = [p[stage] for stage in STAGES]
        return ResNet(p["block"], p["width"], depths, self.num_classes, self.in_channels, sides(self.image_size))

    def picture(self, arch: str, inputs: Any = None) -> Picture:
        """The network, stage by stage."""
        p, size = self.to_params(arch), sides(self.image_size)
        net = Outline(lambda: self.build(arch), self.options, inputs)
        large = first_maps(size) != size
        stem = net.block(*(("conv 7×7", "conv") if large else ("conv 3×3", "conv")), "conv1", "bn1")
        pool = (net.block("max pool 3×3", "pool", "maxpool"),) if large else ()
        stages = [Stage((net.input(),)), Stage((stem, *pool))]
        kernels = " · ".join(f"{kernel}×{kernel}" for kernel, _ in BLOCKS[p["block"]].layers)
        for i, (stage, stride) in enumerate(zip(STAGES, strides_of(size), strict=True), start=1):
            blocks = tuple(
                net.block(
                    p["block"],
                    "conv",
                    f"layer{i}.{k}",
                    details=(kernels, "stride 2" if stride > 1 and not k else ""),
                )
                for k in range(p[stage])
            )
            stages += [Stage(blocks, f"stage {i}")] if blocks else []
        stages.append(Stage((net.block("average pool", "pool", "avgpool"), net.block("linear", "linear", "fc"))))
        return Picture(self.name, arch, (Chain("network", tuple(stages)),), net.params(""))

    def sizes(self, arch: str) -> dict[str, float]:
        """`params` and `flops` in millions, counted without building the network."""
        p, size = self.to_params(arch), sides(self.image_size)
        block, count = BLOCKS[p["block"]], Counter(self.in_channels, *size)
        large = first_maps(size) != size
        count.conv(p["width"], 7 if large else 3, 2 if large else 1)
        count.relu()
        if large:
            count.pool(3, 2)
        for i, (stage, stride) in enumerate(zip(STAGES, strides_of(size), strict=True)):
            for k in range(p[stage]):
                _count_block(count, block, p["width"] * 2**i, 1 if k else stride)
        count.global_pool()
        count.linear(self.num_classes)
        return count.millions()


_DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "block": CategoricalDistribution(tuple(BLOCKS)),
    "width": CategoricalDistribution(WIDTHS),
    "depth1": IntDistribution(1, 4),
    "depth2": IntDistribution(1, 4),
    "depth3": IntDistribution(1, 6),
    "depth4": IntDistribution(0, 4),
}


def _count_block(count: Counter, block: Any, channels: int, stride: int) -> None:
    outputs = channels * block.expansion
    if stride > 1 or outputs != count.channels:
        with count.beside():
            count.conv(outputs, 1, stride)
    for k, (kernel, factor) in enumerate(block.layers):
        count.conv(channels * factor, kernel, stride if k == block.strided else 1)
        count.relu()

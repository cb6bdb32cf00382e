"""Mobile networks with a choice for each layer (Cai et al., "Once-for-All", ICLR 2020), around MobileNetV3-Large
(Howard et al., "Searching for MobileNetV3", ICCV 2019).
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from torch import nn

from untrained.errors import InputError, shown
from untrained.spaces.conditional import ConditionalSpace
from untrained.spaces.counter import Counter
from untrained.spaces.facts import Size, check_whole, image_size, sides
from untrained.spaces.mobile import drawn_inverted
from untrained.spaces.mobilenet_network import STAGES, Layer, MobileNet, count_network, shape_of
from untrained.spaces.outline import Outline
from untrained.spaces.picture import Block, Chain, Picture, Stage

KERNELS, EXPANSIONS = (3, 5, 7), (3, 4, 6)
DEPTHS = (2, 3, 4)
WIDTH = FloatDistribution(0.2, 1.2, step=0.2)
LEAST_SIDE, STEP = 128, 4
"""The smallest resolution of Once-for-All, in pixels, and the steps between them (Cai et al., section 3.1)."""
FORM = "w1.0|k3e4-k5e6|k7e3-k3e3-k3e6|..."


@dataclass(frozen=True)
class MobileNets(ConditionalSpace):
    """Mobile networks as of Once-for-All: width, depth of five stages, kernel and expansion of each of their layers.

    `w1.0|k3e4-k5e6|k7e3-k3e3-k3e6|...`: all channels are multiplied by `w` (0.2 to 1.2); each of five stages has 2 to
    4 inverted residual blocks, each with a kernel of 3, 5 or 7 and an expansion of 3, 4 or 6. Channels, strides,
    excitations and activations of the stages are those of MobileNetV3-Large. For each width and resolution there are
    (9^2 + 9^3 + 9^4)^5, about 2 x 10^19 networks.

    If images have a smaller side of more than 128 pixels, the resolution is a decision, too: from 128 pixels to that
    side in steps of 4, which for 224 pixels are the 25 of Once-for-All. `w1.0r160|...` is a network that makes images
    smaller first, until their smaller side has 160 pixels; without `r`, it takes them as they are.

    The networks keep the published strides for images of 112 pixels and more; for smaller ones, the first strides
    become 1.

    Args:
        num_classes: outputs of the network.
        in_channels: channels of the images.
        image_size: side of the images in pixels, or (height, width).

    Raises:
        InputError: if an option is not a whole number of at least 1.

    Example:
        >>> space = MobileNets(num_classes=1000, image_size=224)
        >>> space.sizes("w1.0|k3e3-k3e3|k3e3-k3e3|k3e3-k3e3|k3e3-k3e3|k3e3-k3e3")["params"]
        3.412072
    """

    num_classes: int = 10
    in_channels: int = 3
    image_size: Size = 32

    def __post_init__(self) -> None:
        check_whole(self.name, num_classes=self.num_classes, in_channels=self.in_channels)
        object.__setattr__(self, "image_size", image_size(self.name, self.image_size))

    @property
    def name(self) -> str:
        """`mobilenet`."""
        return "mobilenet"

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """`width`; for each stage i from 1 to 5 `depth_i`, for each of its layers j `kernel_i_j`, `expansion_i_j`;
        `resolution`, if images are large enough.
        """
        return _distributions(min(sides(self.image_size)))

    def inactive(self, params: Mapping[str, Any]) -> list[str]:
        """The kernels and expansions of layers that a stage does not have."""
        return [name for name, (i, j) in _LAYERS.items() if j > params[f"depth_{i}"]]

    @property
    def size(self) -> int:
        """For each width and resolution, 2 to 4 layers of 9 kinds in each of five stages."""
        kinds, decisions = len(KERNELS) * len(EXPANSIONS), self.decisions
        outer = math.prod(decisions[name].count or 0 for name in ("width", "resolution") if name in decisions)
        return outer * sum(kinds**depth for depth in DEPTHS) ** len(STAGES)

    def to_arch(self, params: Mapping[str, Any]) -> str:
        """The string, which has no place for decisions without an effect."""
        params = self.active(params)
        stages = [
            "-".join(f"k{params[f'kernel_{i}_{j}']}e{params[f'expansion_{i}_{j}']}" for j in range(1, depth + 1))
            for i, depth in ((i, params[f"depth_{i}"]) for i in range(1, len(STAGES) + 1))
        ]
        side = params.get("resolution")
        resolution = "" if side in (None, min(sides(self.image_size))) else f"r{side}"
        return "|".join([f"w{self.decisions['width'].write(params['width'])}{resolution}", *stages])

    def to_params(self, arch: str) -> dict[str, Any]:
        """Decision -> value, of the layers that there are."""
        first, *stages = arch.split("|")
        width, marked, side = first.partition("r")
        layers = [[re.fullmatch(r"k([357])e([346])", part, re.ASCII) for part in stage.split("-")] for stage in stages]
        known = {f"w{value}": value for value in self.decisions["width"].values or ()}
        whole = len(layers) == len(STAGES) and all(len(stage) in DEPTHS and all(stage) for stage in layers)
        if width not in known or not whole or (marked and not side):
            form = f"expected {FORM} with five stages of 2 to 4 layers, k 3, 5 or 7, e 3, 4 or 6, w 0.2, 0.4, ... 1.2"
            raise InputError(f"malformed architecture {shown(arch)}: {form}")
        resolution, full = self.decisions.get("resolution"), min(sides(self.image_size))
        if side and resolution is None:
            told = f"images of {full} pixels a side are too small for a choice of {LEAST_SIDE} or more"
            raise InputError(f"architecture {shown(arch)} has the resolution {shown(side)}: {told}")
        params: dict[str, Any] = {"width": known[width]}
        for i, stage in enumerate(layers, start=1):
            params[f"depth_{i}"] = len(stage)
            for j, match in enumerate(filter(None, stage), start=1):
                params |= {f"kernel_{i}_{j}": int(match[1]), f"expansion_{i}_{j}": int(match[2])}
        return params | ({"resolution": resolution.read(side or str(full))} if resolution else {})

    def build(self, arch: str) -> nn.Module:
        """The network; see `MobileNet`."""
        width, stages, size = self._stages(arch)
        resized = None if size == sides(self.image_size) else size
        return MobileNet(shape_of(stages, width, size), self.num_classes, self.in_channels, resized)

    def picture(self, arch: str, inputs: Any = None) -> Picture:
        """The network, stage by stage."""
        width, layers, size = self._stages(arch)
        blocks = shape_of(layers, width, size).blocks
        net = Outline(lambda: self.build(arch), self.options, inputs)
        first = drawn_inverted(net, "blocks.0", 3, 1, 0, 1)
        resized = [Block("resized", shape=(self.in_channels, *size))] if size != sides(self.image_size) else []
        stages = [Stage((net.input(), *resized)), Stage((net.block("conv 3×3", "conv", "stem"), first))]
        place = 1
        for i, stage in enumerate(layers, start=1):
            drawn = [
                drawn_inverted(net, f"blocks.{k}", b.kernel, b.stride, b.squeezed, layer.expansion)
                for k, (b, layer) in enumerate(zip(blocks[place:], stage, strict=False), start=place)
            ]
            stages.append(Stage(tuple(drawn), f"stage {i}"))
            place += len(stage)
        head = (
            net.block("conv 1×1", "conv", "last"),
            net.block("average pool", "pool", "pool"),
            net.block("linear", "linear", "head.1", "head.2"),
            net.block("linear", "linear", "head.3"),
        )
        return Picture(self.name, arch, (Chain("network", (*stages, Stage(head))),), net.params(""))

    def sizes(self, arch: str) -> dict[str, float]:
        """`params` and `flops` in millions, counted without building the network."""
        width, stages, size = self._stages(arch)
        count = Counter(self.in_channels, *size)
        count_network(count, shape_of(stages, width, size), self.num_classes)
        return count.millions()

    def _stages(self, arch: str) -> tuple[float, Sequence[Sequence[Layer]], tuple[int, int]]:
        """The width, the layers of each stage, height and width of the images that the stem sees."""
        p = self.to_params(arch)
        stages = [
            [Layer(p[f"kernel_{i}_{j}"], p[f"expansion_{i}_{j}"]) for j in range(1, p[f"depth_{i}"] + 1)]
            for i in range(1, len(STAGES) + 1)
        ]
        size = sides(self.image_size)
        smaller = p.get("resolution", min(size)) / min(size)
        return p["width"], stages, (round(size[0] * smaller), round(size[1] * smaller))


_LAYERS = {
    f"{name}_{i}_{j}": (i, j)
    for i in range(1, len(STAGES) + 1)
    for j in range(1, max(DEPTHS) + 1)
    for name in ("kernel", "expansion")
}


@cache
def _distributions(side: int) -> dict[str, BaseDistribution]:
    """The decisions for images whose smaller side has so many pixels."""
    found: dict[str, BaseDistribution] = {
        "width": WIDTH,
        **{f"depth_{i}": IntDistribution(min(DEPTHS), max(DEPTHS)) for i in range(1, len(STAGES) + 1)},
        **{name: CategoricalDistribution(KERNELS if name.startswith("kernel") else EXPANSIONS) for name in _LAYERS},
    }
    low = LEAST_SIDE + side % STEP
    return found | ({"resolution": IntDistribution(low, side, step=STEP)} if low < side else {})

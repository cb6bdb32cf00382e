"""U-Nets, which give a class to each pixel (Ronneberger et al., "U-Net", MICCAI 2015)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from torch import Tensor, nn

from untrained.errors import InputError
from untrained.spaces.base import SearchSpace
from untrained.spaces.facts import Size, check_whole, image_size, sides
from untrained.spaces.outline import Outline
from untrained.spaces.picture import Chain, Picture, Stage

WIDTHS = (8, 12, 16, 24, 32, 48, 64)
"""About evenly spread in their logarithm, so that cheap networks are drawn as often as costly ones."""
DEEPEST = 4
"""Halvings of the published network."""
LEAST = 4
"""Maps whose smaller side has fewer pixels than this are not halved."""


@dataclass(frozen=True)
class UNets(SearchSpace):
    """U-Nets for masks: how often maps are halved, width, convolutions of each level, residual levels or plain ones.

    The way down has `depth` halvings; level i, from 0, has `convs` convolutions of 3 x 3 and `width` x 2^i channels.
    The way up doubles the maps by transposed convolutions and joins them with those of the same level. A `residual`
    level adds its input, through a 1 x 1 convolution, to its output. With BatchNorm, padding, 3 channels and one
    class, `depth=4,width=64,convs=2,block=plain` is the network that public implementations have: 31,037,633
    parameters.

    The outputs are as large as the images, whether their sides can be halved evenly or not.

    Args:
        num_classes: outputs for each pixel.
        in_channels: channels of the images.
        image_size: side of the images in pixels, or (height, width); it decides how deep the networks may be.

    Raises:
        InputError: if an option is not a whole number of at least 1, or a side has fewer than 4 pixels.

    Example:
        >>> space = UNets(num_classes=3, in_channels=1, image_size=(10, 15))
        >>> net = space.build("depth=2,width=8,convs=1,block=plain")
        >>> net(torch.zeros(2, 1, 10, 15)).shape
        torch.Size([2, 3, 10, 15])
    """

    num_classes: int = 2
    in_channels: int = 3
    image_size: Size = 64

    def __post_init__(self) -> None:
        check_whole(self.name, num_classes=self.num_classes, in_channels=self.in_channels)
        object.__setattr__(self, "image_size", image_size(self.name, self.image_size))
        if min(sides(self.image_size)) < LEAST:
            raise InputError(
                f"unet option image_size={self.image_size}: its maps are halved: give sides of at least {LEAST} pixels"
            )

    @property
    def name(self) -> str:
        """`unet`."""
        return "unet"

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """`depth`, as far as maps of the images have 4 pixels to halve, `width`, `convs`, `block`."""
        halvings, side = 0, min(sides(self.image_size))
        while side >= LEAST:
            halvings, side = halvings + 1, -(-side // 2)
        return {
            "depth": IntDistribution(1, min(halvings, DEEPEST)),
            "width": CategoricalDistribution(WIDTHS),
            "convs": IntDistribution(1, 3),
            "block": CategoricalDistribution(("plain", "residual")),
        }

    def build(self, arch: str) -> nn.Module:
        """The network; see `UNet`."""
        p = self.to_params(arch)
        residual = p["block"] == "residual"
        return UNet(p["depth"], p["width"], p["convs"], self.num_classes, self.in_channels, residual=residual)

    def picture(self, arch: str, inputs: Any = None) -> Picture:
        """The way down, the way up, and what each level of it takes from the way down."""
        p = self.to_params(arch)
        depth = p["depth"]
        convs = f"{p['convs']} conv 3×3" if p["convs"] > 1 else "conv 3×3"
        residual = "residual" if p["block"] == "residual" else ""
        net = Outline(lambda: self.build(arch), self.options, inputs)
        down = [
            net.block(convs, "conv", f"down.{i}", details=("after max pool 2×2" if i else "", residual))
            for i in range(depth + 1)
        ]
        up = [
            net.block(convs, "conv", f"enlarge.{i}", f"up.{i}", details=("after up-conv 2×2", residual))
            for i in range(depth)
        ]
        blocks = (net.input(), *down, *up, net.block("conv 1×1", "conv", "head"))
        skips = tuple((1 + i, 1 + 2 * depth - i) for i in range(depth))
        return Picture(self.name, arch, (Chain("network", (Stage(blocks),), skips),), net.params(""))

    def sizes(self, arch: str) -> dict[str, float]:
        """`params` in millions, counted without building the network."""
        p = self.to_params(arch)
        widths = [p["width"] * 2**i for i in range(p["depth"] + 1)]

        def level(before: int, channels: int) -> int:
            convs = 9 * channels * (before + (p["convs"] - 1) * channels) + 2 * channels * p["convs"]
            return convs + (before * channels + 2 * channels) * (p["block"] == "residual")

        params = sum(map(level, (self.in_channels, *widths), widths))
        params += sum(4 * 2 * c * c + c + level(2 * c, c) for c in widths[:-1])
        return {"params": (params + (widths[0] + 1) * self.num_classes) / 1e6}


class Level(nn.Module):
    """3 x 3 convolutions, each with BatchNorm and ReLU; if residual, the input is added before the last ReLU.

    Args:
        before, channels: channels of the input, and of every convolution.
        convs: how many convolutions.
        residual: add the input, through a 1 x 1 convolution with BatchNorm.
    """

    def __init__(self, before: int, channels: int, convs: int, *, residual: bool) -> None:
        super().__init__()
        layers = list[nn.Module]()
        for k in range(convs):
            layers += [nn.ReLU()] if k else []
            conv = nn.Conv2d(channels if k else before, channels, 3, padding=1, bias=False)
            layers += [conv, nn.BatchNorm2d(channels)]
        self.layers = nn.Sequential(*layers)
        self.residual = residual
        self.shortcut = (
            nn.Sequential(nn.Conv2d(before, channels, 1, bias=False), nn.BatchNorm2d(channels))
            if residual
            else nn.Identity()
        )
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """n x before x h x w -> n x channels x h x w."""
        y = self.layers(x)
        return self.relu(y + self.shortcut(x) if self.residual else y)


class UNet(nn.Module):
    """The way down, the way up, and a 1 x 1 convolution. Weights are drawn as in He et al. (ICCV 2015).

    Args:
        depth: halvings.
        width: channels of the first level; each further one has twice as many.
        convs: convolutions of each level.
        num_classes: outputs for each pixel.
        in_channels: channels of the images.
        residual: whether the levels are residual.
    """

    def __init__(
        self, depth: int, width: int, convs: int, num_classes: int, in_channels: int, *, residual: bool
    ) -> None:
        super().__init__()
        widths = [width * 2**i for i in range(depth + 1)]
        befores = [in_channels, *widths[:-1]]
        self.down = nn.ModuleList(Level(b, c, convs, residual=residual) for b, c in zip(befores, widths, strict=True))
        # Odd sides are rounded up, and what the way up has too much is cut off.
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        upward = widths[-2::-1]
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(2 * c, c, 2, stride=2) for c in upward)
        self.up = nn.ModuleList(Level(2 * c, c, convs, residual=residual) for c in upward)
        self.head = nn.Conv2d(width, num_classes, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module is not self.head:
                # A transposed convolution keeps its output channels where a convolution keeps its input channels.
                mode = "fan_out" if isinstance(module, nn.Conv2d) else "fan_in"
                nn.init.kaiming_normal_(module.weight, mode=mode, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """n x in_channels x h x w images -> n x num_classes x h x w logits."""
        maps = list[Tensor]()
        for i, level in enumerate(self.down):
            x = level(self.pool(x) if i else x)
            maps.append(x)
        for enlarge, level, beside in zip(self.enlarge, self.up, maps[-2::-1], strict=True):
            x = enlarge(x)[..., : beside.shape[-2], : beside.shape[-1]]
            x = level(torch.cat([beside, x], 1))
        return self.head(x)

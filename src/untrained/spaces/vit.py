"""Vision transformers (Dosovitskiy et al., ICLR 2021) with a choice for each layer (Chen et al., "AutoFormer", ICCV
2021).
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from torch import Tensor, nn

from untrained.errors import InputError, listed, shown
from untrained.spaces.attention import Block, block_parameters, drawn_layer, drawn_small
from untrained.spaces.conditional import ConditionalSpace
from untrained.spaces.facts import Size, check_whole, image_size, sides
from untrained.spaces.outline import Outline
from untrained.spaces.picture import Chain, Picture, Stage
from untrained.spaces.relative import RelativeAttention, relative_parameters

SMALLEST_PATCH, LARGEST_PATCH = 2, 16
PATCHES = 7
"""The smaller side of an image has at least so many patches if they can be smaller."""


@dataclass(frozen=True)
class Scale:
    """Bounds of a space: (least, most, step) of the width and of the MLPs' ratio, (least, most) of depth and heads."""

    width: tuple[int, int, int]
    depth: tuple[int, int]
    heads: tuple[int, int]
    ratio: tuple[float, float, float]
    head_width: int = 64


SCALES = {
    "micro": Scale((64, 192, 32), (2, 8), (2, 6), (1.0, 4.0, 1.0), head_width=32),
    "tiny": Scale((192, 240, 24), (12, 14), (3, 4), (3.0, 4.0, 0.5)),
    "small": Scale((320, 448, 64), (12, 14), (5, 7), (3.0, 4.0, 0.5)),
    "base": Scale((528, 624, 48), (14, 16), (9, 10), (3.0, 4.0, 0.5)),
}
"""Name -> bounds. The last three are AutoFormer's (its table 1, and the ratio of 3.0 that its tiny network has); the
first is for small images and few cores.
"""


@dataclass(frozen=True)
class ViTs(ConditionalSpace):
    """Vision transformers: width, depth, and for each layer the heads of its attention and the ratio of its MLP.

    `e384;h6,6,...;m4.0,3.5,...`: `e` is the width, and each layer has `h` heads and an MLP of `m` x the width. The
    scales are AutoFormer's, and `micro` for small images and few cores: width 64 to 192, 2 to 8 layers. The patches are
    the largest of 2, 4, 8, 16 pixels with at least 7 to a side.

    With `relative`, networks are AutoFormer's: attentions know how far apart patches are, and the outputs come from the
    mean of the patches; without, they are plain vision transformers, whose outputs come from the first token. With
    1,000 classes and images of 224 pixels, some are published networks:

    | network | architecture | parameters |
    |---|---|---|
    | AutoFormer-S | of `scale="small"`, width 384, 13 layers | 22,891,432 (22.9 M) |
    | AutoFormer-B | of `scale="base"`, width 576, 14 layers | 53,691,688 (53.7 M) |
    | DeiT-Ti/16 | of `scale="tiny"`, `relative=False`, width 192, twelve layers of 3 heads and ratio 4.0 | 5,717,416 |
    | ViT-S/16, DeiT-S/16 | of `scale="small"`, `relative=False`, width 384, twelve of 6 heads, ratio 4.0 | 22,050,664 |

    Places are drawn with standard deviation 1, as wide as patches, and not 0.02: with that, three layers on digits of
    8 x 8 pixels have an accuracy of 95.5 % after ten epochs, and 79.8 % with 0.02.

    Args:
        num_classes: outputs of the network.
        in_channels: channels of the images.
        image_size: side of the images in pixels, or (height, width).
        scale: bounds of the decisions: `micro`, `tiny`, `small` or `base`.
        relative: whether networks are AutoFormer's or plain ones; None for AutoFormer's in its scales alone.

    Raises:
        InputError: if an option is not a whole number of at least 1, there is no such scale, or `relative` is no truth
            value.

    Example:
        >>> space = ViTs(num_classes=1000, image_size=224, scale="small", relative=False)
        >>> arch = space.to_arch({"width": 384, "depth": 12} | {f"heads_{i}": 6 for i in range(1, 15)}
        ...                      | {f"ratio_{i}": 4.0 for i in range(1, 15)})
        >>> space.sizes(arch)
        {'params': 22.050664}
    """

    num_classes: int = 10
    in_channels: int = 3
    image_size: Size = 32
    scale: str = "micro"
    relative: bool | None = None

    def __post_init__(self) -> None:
        check_whole(self.name, num_classes=self.num_classes, in_channels=self.in_channels)
        object.__setattr__(self, "image_size", image_size(self.name, self.image_size))
        if self.scale not in SCALES:
            raise InputError(f"vit option scale={shown(self.scale)}: choose from {listed(SCALES)}")
        if not isinstance(self.relative, bool | None):
            raise InputError(f"vit option relative={shown(self.relative)}: give True or False")
        object.__setattr__(self, "relative", self.scale != "micro" if self.relative is None else self.relative)

    @property
    def name(self) -> str:
        """`vit`."""
        return "vit"

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """`width`, `depth`, and `heads_i`, `ratio_i` of each layer i."""
        return _DISTRIBUTIONS[self.scale]

    def inactive(self, params: Mapping[str, Any]) -> list[str]:
        """The heads and ratios of layers that the network does not have."""
        deepest = SCALES[self.scale].depth[1]
        return [f"{name}_{i}" for i in range(params["depth"] + 1, deepest + 1) for name in ("heads", "ratio")]

    @property
    def size(self) -> int:
        """For each width and depth, the heads and ratios of so many layers."""
        counts = {name: self.decisions[name].count or 0 for name in ("width", "heads_1", "ratio_1")}
        least, most = SCALES[self.scale].depth
        layer = counts["heads_1"] * counts["ratio_1"]
        return counts["width"] * sum(layer**depth for depth in range(least, most + 1))

    def to_arch(self, params: Mapping[str, Any]) -> str:
        """The string, which has no place for decisions without an effect."""
        params = self.active(params)
        layers = range(1, params["depth"] + 1)
        heads = ",".join(str(params[f"heads_{i}"]) for i in layers)
        ratios = ",".join(self.decisions[f"ratio_{i}"].write(params[f"ratio_{i}"]) for i in layers)
        return f"e{params['width']};h{heads};m{ratios}"

    def to_params(self, arch: str) -> dict[str, Any]:
        """Decision -> value, of the layers that there are."""
        match = re.fullmatch(r"e(\d+);h([\d,]+);m([\d.,]+)", arch, re.ASCII)
        width, heads, ratios = match.groups() if match else ("", "", "")
        texts = {"heads": heads.split(","), "ratio": ratios.split(",")}
        depth, scale = len(texts["heads"]), SCALES[self.scale]
        if not match or len(texts["ratio"]) != depth or not scale.depth[0] <= depth <= scale.depth[1]:
            least, most = scale.depth
            form = f"expected the form e192;h3,4,...;m4.0,3.5,... with {least} to {most} layers"
            raise InputError(f"malformed architecture {shown(arch)}: {form}")
        decisions = self.decisions
        params = {"width": decisions["width"].read(width), "depth": depth}
        for i in range(1, depth + 1):
            params |= {f"{name}_{i}": decisions[f"{name}_{i}"].read(values[i - 1]) for name, values in texts.items()}
        return params

    def build(self, arch: str) -> nn.Module:
        """The network; see `ViT`."""
        width, layers = self._layers(arch)
        head_width, size = SCALES[self.scale].head_width, sides(self.image_size)
        patch = patch_side(size)

        def block(heads: int, hidden: int) -> Block:
            attn = RelativeAttention(width, heads, head_width, _grid(size, patch)) if self.relative else None
            return Block(width, heads, hidden, head_width=head_width, attn=attn)

        blocks = [block(*layer) for layer in layers]
        return ViT(blocks, width, self.num_classes, self.in_channels, size, patch, mean=bool(self.relative))

    def picture(self, arch: str, inputs: Any = None) -> Picture:
        """The network, layer by layer."""
        p, patch = self.to_params(arch), patch_side(sides(self.image_size))
        net = Outline(lambda: self.build(arch), self.options, inputs)
        layers = [
            drawn_layer(net, f"blocks.{i - 1}", p[f"heads_{i}"], p[f"ratio_{i}"]) for i in range(1, p["depth"] + 1)
        ]
        stages = (
            Stage((net.input(),)),
            Stage((net.block("patches", "embedding", "patch_embed", details=(f"{patch}×{patch} pixels",)),)),
            Stage(tuple(layers)),
            Stage(
                (
                    net.block(
                        "linear",
                        "linear",
                        "norm",
                        "head",
                        details=("mean of the tokens" if self.relative else "on the first token",),
                    ),
                )
            ),
        )
        return Picture(self.name, arch, (Chain("network", stages),), net.params(""))

    def sizes(self, arch: str) -> dict[str, float]:
        """`params` in millions, counted without building the network."""
        width, layers = self._layers(arch)
        head_width, size = SCALES[self.scale].head_width, sides(self.image_size)
        blocks = sum(block_parameters(width, heads, hidden, head_width=head_width) for heads, hidden in layers)
        patch = patch_side(size)
        rows, columns = _grid(size, patch)
        blocks += len(layers) * relative_parameters((rows, columns), head_width) if self.relative else 0
        tokens = rows * columns + 1
        ends = width * (self.in_channels * patch**2 + 1) + width * (tokens + 1) + 2 * width
        return {"params": (blocks + ends + (width + 1) * self.num_classes) / 1e6}

    def _layers(self, arch: str) -> tuple[int, list[tuple[int, int]]]:
        """The width, and (heads, features of the MLP) of each layer."""
        p = self.to_params(arch)
        width = p["width"]
        return width, [(p[f"heads_{i}"], int(width * p[f"ratio_{i}"])) for i in range(1, p["depth"] + 1)]


def patch_side(size: tuple[int, int]) -> int:
    """The largest of 2, 4, 8 and 16 with at least 7 patches to the smaller side; 2 if there is none.

    Args:
        size: height and width of the images.

    Example:
        >>> [patch_side((side, side)) for side in (8, 28, 32, 64, 224)]
        [2, 4, 4, 8, 16]
    """
    patch = SMALLEST_PATCH
    while 2 * patch <= LARGEST_PATCH and min(size) >= 2 * patch * PATCHES:
        patch *= 2
    return patch


def _grid(size: tuple[int, int], patch: int) -> tuple[int, int]:
    """Rows and columns of patches."""
    return -(-size[0] // patch), -(-size[1] // patch)


def _distributions(scale: Scale) -> dict[str, BaseDistribution]:
    low, high, step = scale.width
    found: dict[str, BaseDistribution] = {
        "width": IntDistribution(low, high, step=step),
        "depth": IntDistribution(*scale.depth),
    }
    for i in range(1, scale.depth[1] + 1):
        found[f"heads_{i}"] = IntDistribution(*scale.heads)
        found[f"ratio_{i}"] = FloatDistribution(*scale.ratio[:2], step=scale.ratio[2])
    return found


_DISTRIBUTIONS = {name: _distributions(scale) for name, scale in SCALES.items()}


class ViT(nn.Module):
    """Patches as tokens behind one more, places, blocks, a linear layer on the first token or the mean of the others.
    Names are timm's.

    Args:
        blocks: the layers, which keep the shape n x tokens x width.
        width: features of each token.
        num_classes: outputs.
        in_channels: channels of the images.
        size: height and width of the images; if patches do not fit in evenly, images are padded with zeros.
        patch: side of a patch.
        mean: whether the outputs come from the mean of the patches.
    """

    def __init__(
        self,
        blocks: list[Block],
        width: int,
        num_classes: int,
        in_channels: int,
        size: tuple[int, int],
        patch: int,
        *,
        mean: bool = False,
    ) -> None:
        super().__init__()
        self.size, self.mean = size, mean
        self.padding = (0, -size[1] % patch, 0, -size[0] % patch)
        self.patch_embed = nn.Conv2d(in_channels, width, patch, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + math.prod(_grid(size, patch)), width))
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, num_classes)
        drawn_small(self)
        nn.init.trunc_normal_(self.cls_token, std=0.02)
        nn.init.normal_(self.pos_embed)

    def forward(self, x: Tensor) -> Tensor:
        """n x in_channels x h x w images -> n x num_classes logits.

        Raises:
            ValueError: if the images are of another size than the network was made for.
        """
        if x.shape[-2:] != self.size:
            raise ValueError(f"images of {tuple(x.shape[-2:])} pixels: this network was made for {self.size}")
        x = self.patch_embed(F.pad(x, self.padding) if any(self.padding) else x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], 1) + self.pos_embed
        x = self.norm(self.blocks(x))
        return self.head(x[:, 1:].mean(1) if self.mean else x[:, 0])

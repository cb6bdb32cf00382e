"""TransNAS-Bench-101 (Duan et al., "TransNAS-Bench-101: Improving Transferability and Generalizability of Cross-Task
Neural Architecture Search", CVPR 2021): a space of cells and a space of skeletons, for seven tasks.

An architecture is written `base channels - macro code - block`. The macro code has a digit a layer of two blocks: 1
keeps channels and resolution, 2 doubles the channels, 3 halves the resolution, 4 does both.
"""

import random
import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from typing import Any

import torch
from optuna.distributions import BaseDistribution, CategoricalDistribution
from torch import nn

from untrained.errors import InputError, shown
from untrained.spaces.base import SearchSpace
from untrained.spaces.cell import EDGES, NONE, SKIP, NormalForm, cell_graph, normal_form
from untrained.spaces.facts import Size, check_whole, image_size, sides
from untrained.spaces.forms import AROUND, at_index, digits_in, is_index
from untrained.spaces.mobile import fitting_strides
from untrained.spaces.outline import Outline
from untrained.spaces.picture import Picture
from untrained.spaces.transnas101_heads import HEADS, PIECES, Head, decoder
from untrained.spaces.transnas101_network import CONVOLUTIONS, Encoder, OfImages, OfPieces, OfPixels
from untrained.spaces.transnas101_picture import skeleton
from untrained.spaces.transnas101_sizes import count

TASKS = tuple(HEADS)
KINDS = {
    "classification": "class_object",
    "multi-label": "class_object",
    "regression": "room_layout",
    "segmentation": "segmentsemantic",
}
"""Kind of a data set's task -> the benchmark's task with such a head."""
CHOICES = (NONE, SKIP, *CONVOLUTIONS)
"""Operations of a cell; the position is the digit in its code."""

ABSENT = "-"
DEPTHS, DOUBLINGS, HALVINGS = range(4, 7), range(1, 4), range(1, 5)
"""Layers, and how many of them double the channels and halve the resolution, in the macro space."""
LEAST = 4
"""Images whose smaller side has fewer pixels than this are refused: the layers halve it."""
NETWORKS = {"linear": OfImages, "pieces": OfPieces, "segmentation": OfPixels, "generation": OfPixels}
"""Kind of a head -> how encoder and head make a network."""


@dataclass(frozen=True)
class _TransNAS(SearchSpace):
    """What both spaces share: the task, and what it makes of an encoder."""

    task: str = "class_object"
    num_classes: int | None = None
    in_channels: int = 3
    image_size: Size | None = None

    def __post_init__(self) -> None:
        if self.task not in (*TASKS, *KINDS):
            raise InputError(f"unknown TransNAS-Bench-101 task {self.task!r}: choose from {', '.join(TASKS)}")
        object.__setattr__(self, "task", KINDS.get(self.task, self.task))
        if self.num_classes is None:
            object.__setattr__(self, "num_classes", self._head.outputs)
        given = self._head.side if self.image_size is None else self.image_size
        object.__setattr__(self, "image_size", image_size(self.name, given))
        check_whole(self.name, num_classes=self.num_classes, in_channels=self.in_channels)
        if min(self._size) < LEAST:
            what = "pieces" if self._head.kind == "pieces" else "images"
            raise InputError(
                f"{self.name} option image_size={given}: the layers halve the maps of such {what} to nothing: "
                f"give sides of at least {LEAST} pixels"
            )

    @property
    def _head(self) -> Head:
        return HEADS[self.task]

    @property
    def _outputs(self) -> int:
        return self.num_classes or self._head.outputs

    @property
    def _size(self) -> tuple[int, int]:
        return sides(self.image_size or self._head.side)

    @property
    def _stem(self) -> list[int]:
        """The strides of the stem: those that leave the last maps of three halving layers 4 pixels a side.

        A piece has a quarter of the image's side, and its maps a quarter of 4 pixels.
        """
        return fitting_strides([2] * (3 if self._head.kind == "pieces" else 5), self._size)[:2]

    @abstractmethod
    def _parts(self, arch: str) -> tuple[str, list[str] | None]:
        """The macro code of an architecture, and the operations of its cell, if its blocks are cells."""

    def build(self, arch: str) -> nn.Module:
        """The network, drawn as the benchmark draws it: `Encoder`, and the `decoder` of the task's head."""
        encoder = Encoder(*self._parts(arch), self.in_channels, self._stem)
        head = decoder(self._head, encoder.channels, encoder.halvings, self._outputs)
        return NETWORKS[self._head.kind](encoder, head)

    def read(self, text: str) -> str:
        """An architecture as written here, as NASLib's tuple of digits, or as its index in the benchmark's table."""
        text = text.strip(AROUND)
        if is_index(text):
            return at_index(tuple(self), text, self.name)
        digits = digits_in(text)
        return super().read(text if digits is None else self._from_digits(digits))

    def picture(self, arch: str, inputs: Any = None) -> Picture:
        """The cell, if there is one, and the skeleton with the head of the task."""
        self.to_params(arch)
        macro, ops = self._parts(arch)
        if inputs is None and self._head.kind == "pieces":
            inputs = torch.zeros(2, PIECES, self.in_channels, *self._size, device="meta")
        net = Outline(lambda: self.build(arch), self.options, inputs)
        halvings = self._stem.count(2) + sum(digit in "34" for digit in macro)
        chain = skeleton(net, macro, self._head, halvings, cells=ops is not None)
        return Picture(self.name, arch, (*([cell_graph(ops)] if ops else []), chain), net.params(""))

    @abstractmethod
    def _from_digits(self, digits: Sequence[int]) -> str:
        """The architecture that NASLib writes as these digits."""

    def sizes(self, arch: str) -> dict[str, float]:
        """`params` and `flops` of the network, both in millions, counted without building it.

        For images of the benchmark's size and channels, they are those of the published tables (see
        `transnas101_sizes`). For others, `flops` is there for tasks that ask for a row of numbers, as the metric
        `flops` counts them: the tables have another way of counting for the rest.
        """
        at = count(*self._parts(arch), self._head, self._outputs, self.in_channels, self._size, self._stem)
        published = (self._size, self.in_channels) == ((self._head.side,) * 2, 3)
        return at.millions() if published or self._head.kind == "linear" else {"params": at.params / 1e6}


@dataclass(frozen=True)
class TransNASMicro(_TransNAS):
    """The 4^6 = 4,096 cells of TransNAS-Bench-101 in a fixed skeleton, in the order of the benchmark's table.

    `64-41414-1_02_333`: the digits are the operations on the edges of NAS-Bench-201's cell, node by node (0 none,
    1 skip_connect, 2 nor_conv_1x1, 3 nor_conv_3x3). The skeleton has cells of two kinds: in those that start the
    layers 4, edges out of the input change channels and resolution, so that their `skip_connect` is a convolution.
    Twins are cells that are the same network in both; `canonical` gives the one with the fewest operations.

    Args:
        task: decides the head of the network: one of `TASKS`, or the kind of a data set's task (`KINDS`). Objects,
            scenes, room layout: a row of numbers. Jigsaw: a row of numbers for nine pieces, n x 9 x c x h x w.
            Segmentation: classes of each pixel. Normal, autoencoder: an image of numbers between -1 and 1.
        num_classes: outputs for an image, or for each pixel; None for those of the networks whose parameters are
            published: 100 objects (75 of which the benchmark trained), 63 scenes (47), 1,000 permutations, 9 numbers
            of a room, 17 classes of pixels, 3 channels.
        in_channels: channels of the images.
        image_size: side of the images, or of the pieces, in pixels, or (height, width); None for the benchmark's, 256,
            and 64 for pieces. The stem quarters sides of more than 96 pixels, halves those of more than 48, and keeps
            smaller ones; those of pieces from a quarter of these numbers on.

    Raises:
        InputError: if there is no such task, if an option is not a whole number of at least 1, or a side has fewer
            than 4 pixels.

    Example:
        >>> space = TransNASMicro("segmentation", num_classes=2, in_channels=1, image_size=16)
        >>> space.read("(1, 0, 2, 3, 3, 3)")
        '64-41414-1_02_333'
        >>> space.build("64-41414-1_02_333")(torch.zeros(2, 1, 16, 16)).shape
        torch.Size([2, 2, 16, 16])
    """

    @property
    def name(self) -> str:
        """`transnas101-micro`."""
        return "transnas101-micro"

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """The operation on each of the six edges, `0->1` to `2->3`."""
        return _CELL

    def to_arch(self, params: Mapping[str, Any]) -> str:
        """The string of the cell with an operation on each edge."""
        return _format([CHOICES.index(params[key]) for key in _CELL])

    def _from_digits(self, digits: Sequence[int]) -> str:
        return _format(digits) if len(digits) == len(EDGES) else ",".join(map(str, digits))

    def to_params(self, arch: str) -> dict[str, Any]:
        """Edge -> operation."""
        if not re.fullmatch(r"64-41414-[0-3]_[0-3]{2}_[0-3]{3}", arch, re.ASCII):
            form = "expected the form '64-41414-1_02_333', digits 0 to 3"
            raise InputError(f"malformed architecture {shown(arch)}: {form}")
        return dict(zip(_CELL, _operations(arch), strict=True))

    def _parts(self, arch: str) -> tuple[str, list[str]]:
        self.to_params(arch)
        return arch.split("-")[1], _operations(arch)

    def canonical(self, arch: str) -> str:
        """The twin with the fewest operations."""
        self.to_params(arch)
        return _twins()[_forms(arch)]

    def __iter__(self) -> Iterator[str]:
        """Every cell, in the order of the benchmark's table."""
        return (_format(ops) for ops in product(range(len(CHOICES)), repeat=len(EDGES)))


@dataclass(frozen=True)
class TransNASMacro(_TransNAS):
    """The 3,256 skeletons of TransNAS-Bench-101 from residual blocks, in the order of the benchmark's table.

    `64-4111-basic`: 4 to 6 layers, of which 1 to 3 double the channels and 1 to 4 halve the resolution. Layers 5 and
    6 may be absent (`-`). Other combinations are not `valid`: their strings are refused.

    Args:
        task, num_classes, in_channels, image_size: as of `TransNASMicro`.

    Raises:
        InputError: if there is no such task, if an option is not a whole number of at least 1, or a side has fewer
            than 4 pixels.

    Example:
        >>> space = TransNASMacro()
        >>> space.size, space.read("(4, 1, 1, 1, 0, 0)")
        (3256, '64-4111-basic')
        >>> space.sizes("64-4111-basic")["params"]
        2.3305
    """

    @property
    def name(self) -> str:
        """`transnas101-macro`."""
        return "transnas101-macro"

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """The digit of each of six layers; those of layers 5 and 6 may be absent."""
        return _LAYERS

    def valid(self, params: Mapping[str, Any]) -> bool:
        """Whether depth, doublings and halvings are those of the benchmark, and no layer follows an absent one."""
        gap = params["layer_5"] == ABSENT and params["layer_6"] != ABSENT
        return not gap and self.to_arch(params) in _skeletons()

    def completed(self, params: Mapping[str, Any], rng: random.Random) -> str | None:
        """As of every space; a layer that follows an absent one takes its place."""
        drawn = {key: params[key] if key in params else one.draw(rng) for key, one in self.decisions.items()}
        arch = self.to_arch(drawn)
        return arch if arch in _skeletons() else None

    @property
    def size(self) -> int:
        """3,256."""
        return len(_skeletons())

    def to_arch(self, params: Mapping[str, Any]) -> str:
        """The string of the skeleton, without the layers that are absent."""
        return f"64-{''.join(params[key] for key in _LAYERS).replace(ABSENT, '')}-basic"

    def to_params(self, arch: str) -> dict[str, Any]:
        """Layer -> digit."""
        if arch not in _skeletons():
            raise InputError(
                f"malformed architecture {shown(arch)}: expected the form '64-4111-basic', with 4 to 6 digits 1 to 4, "
                "of which 1 to 3 are even and 1 to 4 are above 2"
            )
        return dict(zip(_LAYERS, arch.split("-")[1].ljust(len(_LAYERS), ABSENT), strict=True))

    def _parts(self, arch: str) -> tuple[str, None]:
        self.to_params(arch)
        return arch.split("-")[1], None

    def canonical(self, arch: str) -> str:
        """`arch` itself: no two skeletons are the same network, but on images so small that maps have one pixel.

        Halving those changes nothing, and 4 is the same as 2, where no head has to undo it. (3 is not the same as 1:
        its shortcut is a convolution.)
        """
        self.to_params(arch)
        if NETWORKS[self._head.kind] is OfPixels:
            return arch
        side, code = max(self._size), ""
        for stride in self._stem:
            side = -(-side // stride)
        for digit in arch.split("-")[1]:
            code += "2" if digit == "4" and side == 1 else digit
            side = -(-side // 2) if digit in "34" else side
        return f"64-{code}-basic"

    def _from_digits(self, digits: Sequence[int]) -> str:
        return f"64-{''.join(str(digit) for digit in digits if digit)}-basic"

    def __iter__(self) -> Iterator[str]:
        """Every skeleton, in the order of the benchmark's table."""
        return iter(_skeletons())

    def sample(self, rng: random.Random) -> str:
        """Uniformly one of the 3,256."""
        return rng.choice(tuple(_skeletons()))


_CELL = {f"{i}->{j}": CategoricalDistribution(CHOICES) for i, j in EDGES}
_LAYERS = {
    f"layer_{i}": CategoricalDistribution(("1", "2", "3", "4") if i <= min(DEPTHS) else (ABSENT, "1", "2", "3", "4"))
    for i in range(1, max(DEPTHS) + 1)
}


def _format(ops: Sequence[int]) -> str:
    a, b, c, d, e, f = ops
    return f"64-41414-{a}_{b}{c}_{d}{e}{f}"


def _operations(arch: str) -> list[str]:
    return [CHOICES[int(digit)] for digit in arch.split("-")[2].replace("_", "")]


def _forms(arch: str) -> tuple[NormalForm, NormalForm]:
    """What the cell computes if it keeps its input's shape, and if it changes it."""
    ops = _operations(arch)
    return normal_form(ops), normal_form(ops, reduction=True)


@cache
def _twins() -> dict[tuple[NormalForm, NormalForm], str]:
    """Forms -> the cell with them that has most `none` edges, the first such in the table."""
    by_nones = sorted(TransNASMicro(), key=lambda arch: -_operations(arch).count(NONE))
    return {_forms(arch): arch for arch in reversed(by_nones)}


@cache
def _skeletons() -> dict[str, None]:
    """The macro space in the order of the table: by depth, doublings, halvings, then by the layers that have them."""
    return {
        f"64-{''.join(str(1 + (i in doubled) + 2 * (i in halved)) for i in range(depth))}-basic": None
        for depth in DEPTHS
        for doublings in DOUBLINGS
        for halvings in HALVINGS
        for doubled in combinations(range(depth), doublings)
        for halved in combinations(range(depth), halvings)
    }

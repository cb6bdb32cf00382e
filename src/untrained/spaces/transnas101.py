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

from optuna.distributions import BaseDistribution, CategoricalDistribution
from torch import nn

from untrained.errors import InputError, shown
from untrained.spaces.base import SearchSpace
from untrained.spaces.cell import EDGES, NONE, NormalForm, normal_form
from untrained.spaces.forms import AROUND, at_index, digits_in, is_index
from untrained.spaces.transnas101_sizes import HEADS, count

TASKS = tuple(HEADS)
CHOICES = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
"""Operations of a cell; the position is the digit in its code."""

ABSENT = "-"
DEPTHS, DOUBLINGS, HALVINGS = range(4, 7), range(1, 4), range(1, 5)
"""Layers, and how many of them double the channels and halve the resolution, in the macro space."""


@dataclass(frozen=True)
class _TransNAS(SearchSpace):
    """What both spaces share: the task, and sizes in place of networks."""

    has_networks = False
    task: str = "class_object"

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise InputError(f"unknown TransNAS-Bench-101 task {self.task!r}: choose from {', '.join(TASKS)}")

    def build(self, arch: str) -> nn.Module:
        """Raises `InputError`: there are only tables of these networks here."""
        self.to_params(arch)
        raise InputError(f"space {self.name!r} cannot build the network of {arch!r}: it knows strings and tables only")

    def read(self, text: str) -> str:
        """An architecture as written here, as NASLib's tuple of digits, or as its index in the benchmark's table."""
        text = text.strip(AROUND)
        if is_index(text):
            return at_index(tuple(self), text, self.name)
        digits = digits_in(text)
        return super().read(text if digits is None else self._from_digits(digits))

    @abstractmethod
    def _from_digits(self, digits: Sequence[int]) -> str:
        """The architecture that NASLib writes as these digits."""

    def sizes(self, arch: str) -> dict[str, float]:
        """`params` and `flops` of the network for `task`, both in millions, as the published tables count them.

        See `transnas101_sizes` for what is counted.
        """
        self.to_params(arch)
        _, macro, block = arch.split("-")
        params, flops = count(macro, None if block == "basic" else block.replace("_", ""), self.task)
        return {"params": params / 1e6, "flops": flops / 1e6}


@dataclass(frozen=True)
class TransNASMicro(_TransNAS):
    """The 4^6 = 4,096 cells of TransNAS-Bench-101 in a fixed skeleton, in the order of the benchmark's table.

    `64-41414-1_02_333`: the digits are the operations on the edges of NAS-Bench-201's cell, node by node (0 none,
    1 skip_connect, 2 nor_conv_1x1, 3 nor_conv_3x3). The skeleton has cells of two kinds: in those that start the
    layers 4, edges out of the input change channels and resolution, so that their `skip_connect` is a convolution.
    Twins are cells that are the same network in both; `canonical` gives the one with the fewest operations.

    Args:
        task: decides the head of the network and the size of its images; one of `TASKS`.

    Raises:
        InputError: if there is no such task.

    Example:
        >>> TransNASMicro().read("(1, 0, 2, 3, 3, 3)")
        '64-41414-1_02_333'
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
        task: decides the head of the network and the size of its images; one of `TASKS`.

    Raises:
        InputError: if there is no such task.

    Example:
        >>> space = TransNASMacro()
        >>> space.size, space.read("(4, 1, 1, 1, 0, 0)")
        (3256, '64-4111-basic')
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
        """Whether depth, doublings and halvings are those of the benchmark."""
        return self.to_arch(params) in _skeletons()

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

    def canonical(self, arch: str) -> str:
        """`arch` itself: no two skeletons are the same network."""
        self.to_params(arch)
        return arch

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

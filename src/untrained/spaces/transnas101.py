"""TransNAS-Bench-101 (Duan et al., "TransNAS-Bench-101: Improving Transferability and Generalizability of Cross-Task
Neural Architecture Search", CVPR 2021): a space of cells and a space of skeletons, for seven tasks.

An architecture is written `base channels - macro code - block`. The macro code has a digit a layer of two blocks: 1
keeps channels and resolution, 2 doubles the channels, 3 halves the resolution, 4 does both.
"""

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from torch import nn

from untrained.errors import InputError
from untrained.spaces.base import SearchSpace
from untrained.spaces.cell import EDGES, NONE, NormalForm, normal_form
from untrained.spaces.transnas101_sizes import HEADS, count

TASKS = tuple(HEADS)
CHOICES = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
"""Operations of a cell; the position is the digit in its code."""

ABSENT = "-"
DEPTHS, DOUBLINGS, HALVINGS = range(4, 7), range(1, 4), range(1, 5)
"""Layers, and how many of them double the channels and halve the resolution, in the macro space."""


@dataclass(frozen=True)
class _TransNAS(SearchSpace):
    task: str = "class_object"

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise InputError(f"unknown TransNAS-Bench-101 task {self.task!r}: choose from {', '.join(TASKS)}")

    def build(self, arch: str) -> nn.Module:
        self.to_params(arch)
        raise InputError(f"space {self.name!r} cannot build the network of {arch!r}: it knows strings and tables only")

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

    task: decides the head of the network and the size of its images; one of `TASKS`.

    `64-41414-1_02_333`: the digits are the operations on the edges of NAS-Bench-201's cell, node by node (0 none,
    1 skip_connect, 2 nor_conv_1x1, 3 nor_conv_3x3). The skeleton has cells of two kinds: in those that start the
    layers 4, edges out of the input change channels and resolution, so that their `skip_connect` is a convolution.
    Twins are cells that are the same network in both; `canonical` gives the one with the fewest operations.
    """

    @property
    def name(self) -> str:
        return "transnas101-micro"

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        return _CELL

    def to_arch(self, params: Mapping[str, Any]) -> str:
        return _format([CHOICES.index(params[key]) for key in _CELL])

    def to_params(self, arch: str) -> dict[str, Any]:
        if not re.fullmatch(r"64-41414-[0-3]_[0-3]{2}_[0-3]{3}", arch, re.ASCII):
            raise InputError(f"malformed architecture {arch!r}: expected the form '64-41414-1_02_333', digits 0 to 3")
        return dict(zip(_CELL, _operations(arch), strict=True))

    def canonical(self, arch: str) -> str:
        self.to_params(arch)
        return _twins()[_forms(arch)]

    def __iter__(self) -> Iterator[str]:
        return (_format(ops) for ops in product(range(len(CHOICES)), repeat=len(EDGES)))


@dataclass(frozen=True)
class TransNASMacro(_TransNAS):
    """The 3,256 skeletons of TransNAS-Bench-101 from residual blocks, in the order of the benchmark's table.

    task: decides the head of the network and the size of its images; one of `TASKS`.

    `64-4111-basic`: 4 to 6 layers, of which 1 to 3 double the channels and 1 to 4 halve the resolution. Layers 5 and
    6 may be absent (`-`). Parameters that break these rules give a string that `to_params` refuses, and a search skips.
    """

    @property
    def name(self) -> str:
        return "transnas101-macro"

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        return _LAYERS

    @property
    def size(self) -> int:
        return len(_skeletons())

    def to_arch(self, params: Mapping[str, Any]) -> str:
        return f"64-{''.join(params[key] for key in _LAYERS).replace(ABSENT, '')}-basic"

    def to_params(self, arch: str) -> dict[str, Any]:
        if arch not in _skeletons():
            raise InputError(
                f"malformed architecture {arch!r}: expected the form '64-4111-basic', with 4 to 6 digits 1 to 4, "
                "of which 1 to 3 are even and 1 to 4 are above 2"
            )
        return dict(zip(_LAYERS, arch.split("-")[1].ljust(len(_LAYERS), ABSENT), strict=True))

    def __iter__(self) -> Iterator[str]:
        return iter(_skeletons())

    def sample(self, rng: random.Random) -> str:
        """Uniformly one of the 3,256."""
        return rng.choice(tuple(_skeletons()))

    def mutate(self, arch: str, rng: random.Random) -> str:
        """`arch` with one layer changed, added at the end or taken away, drawn until it is in the space."""
        while True:
            mutant = super().mutate(arch, rng)
            if mutant in _skeletons() and mutant != arch:
                return mutant


_CELL = {f"{i}->{j}": CategoricalDistribution(CHOICES) for i, j in EDGES}
_LAYERS = {
    f"layer_{i}": CategoricalDistribution(("1", "2", "3", "4") if i <= min(DEPTHS) else (ABSENT, "1", "2", "3", "4"))
    for i in range(1, max(DEPTHS) + 1)
}


def _format(ops: tuple[int, ...] | list[int]) -> str:
    a, b, c, d, e, f = ops
    return f"64-41414-{a}_{b}{c}_{d}{e}{f}"


def _operations(arch: str) -> list[str]:
    return [CHOICES[int(digit)] for digit in arch.split("-")[2].replace("_", "")]


def _forms(arch: str) -> tuple[NormalForm, NormalForm]:
    """What the cell computes where it keeps its input's shape, and where it changes it."""
    ops = _operations(arch)
    return normal_form(ops), normal_form(ops, reduction=True)


@cache
def _twins() -> dict[tuple[NormalForm, NormalForm], str]:
    """Forms -> the cell with them that has most `none` edges, the first such in the table."""
    by_nones = sorted(TransNASMicro(), key=lambda arch: -_operations(arch).count(NONE))
    return {_forms(arch): arch for arch in reversed(by_nones)}


@cache
def _skeletons() -> dict[str, None]:
    """The macro space in the order of the table: by depth, doublings, halvings, then by where they are."""
    return {
        f"64-{''.join(str(1 + (i in doubled) + 2 * (i in halved)) for i in range(depth))}-basic": None
        for depth in DEPTHS
        for doublings in DOUBLINGS
        for halvings in HALVINGS
        for doubled in combinations(range(depth), doublings)
        for halved in combinations(range(depth), halvings)
    }

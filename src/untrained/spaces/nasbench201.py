"""NAS-Bench-201 (Dong & Yang, "NAS-Bench-201: Extending the Scope of Reproducible NAS", ICLR 2020)."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from torch import nn

from untrained.errors import InputError, shown
from untrained.spaces.base import SearchSpace
from untrained.spaces.cell import EDGES, NONE, NormalForm, cell_graph, format_cell, normal_form, parse_cell
from untrained.spaces.forms import AROUND, at_index, digits_in, is_index
from untrained.spaces.nasbench201_network import OPERATIONS, NASBench201Network
from untrained.spaces.outline import Outline
from untrained.spaces.picture import Chain, Picture, Stage

CHOICES = tuple(OPERATIONS)

NASLIB_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
NASLIB_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
"""The order in which NASLib numbers the edges and operations."""


@dataclass(frozen=True)
class NASBench201(SearchSpace):
    """The 5^6 = 15,625 cells of NAS-Bench-201, in the order of the benchmark's own index.

    Many cells are the same network. `canonical` gives the twin with the fewest operations, which has no dead edge.
    The benchmark's paper counts 6,466 distinct cells by comparing expressions of what each node computes; here they
    are 5,425. The expressions keep a trace of zeroed inputs (`x + 0` differs from `x`), which counts equal networks
    twice; and they forget which results are shared, which counts different networks as one: two convolutions of
    the input and one convolution used twice read alike but differ in parameters.

    Convolution on a zeroed input counts as zero, as in the benchmark's tables, although its BatchNorm's bias could
    learn to be a constant.

    Args:
        N: cells of each stage; 5 in the published network.
        C: channels of the first stage (2C and 4C follow); 16 in the published network.
        num_classes: outputs of the network; 10, 100 or 120 in the published one.
        in_channels: channels of the images.

    Raises:
        InputError: if an option is not a whole number of at least 1.

    Example:
        >>> space = NASBench201(N=1, C=8)
        >>> space.size, space.read("12") == list(space)[12]
        (15625, True)
    """

    N: int = 5
    C: int = 16
    num_classes: int = 10
    in_channels: int = 3

    def __post_init__(self) -> None:
        for field, value in self.options.items():
            if not isinstance(value, int) or value < 1:
                raise InputError(f"nasbench201 option {field}={value!r}: give a whole number of at least 1")

    @property
    def name(self) -> str:
        """`nasbench201`."""
        return "nasbench201"

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """The operation on each of the six edges, `0->1` to `2->3`."""
        return _DISTRIBUTIONS

    def to_arch(self, params: Mapping[str, Any]) -> str:
        """The string of the cell with an operation on each edge."""
        return format_cell([params[key] for key in _DISTRIBUTIONS])

    def to_params(self, arch: str) -> dict[str, Any]:
        """Edge -> operation."""
        return dict(zip(_DISTRIBUTIONS, _parsed(arch), strict=True))

    def canonical(self, arch: str) -> str:
        """The twin with the fewest operations, which has no dead edge."""
        _parsed(arch)
        return _twins()[arch]

    def read(self, text: str) -> str:
        """A cell as written here, as NASLib's tuple of operations `(4, 3, 3, 0, 0, 0)`, or as the benchmark's index."""
        text = text.strip(AROUND)
        if is_index(text):
            return at_index(_benchmark_order(), text, self.name)
        digits = digits_in(text)
        if digits is None:
            return super().read(text)
        if len(digits) != len(EDGES) or max(digits) >= len(NASLIB_OPERATIONS):
            raise InputError(
                f"{shown(text)} is not an architecture of space {self.name!r}: give six digits from 0 to 4"
            )
        operation = dict(zip(NASLIB_EDGES, digits, strict=True))
        return format_cell([NASLIB_OPERATIONS[operation[edge]] for edge in EDGES])

    def __iter__(self) -> Iterator[str]:
        """Every cell, in the order of the benchmark's index."""
        return iter(_benchmark_order())

    def build(self, arch: str) -> nn.Module:
        """N x 3 cells of `arch` as written, dead edges and all; see `NASBench201Network`."""
        return NASBench201Network(_parsed(arch), self.N, self.C, self.num_classes, self.in_channels)

    def picture(self, arch: str, inputs: Any = None) -> Picture:
        """The cell, with its dead edges, and the skeleton in which it is repeated."""
        net = Outline(lambda: self.build(arch), self.options, inputs)
        stages = [Stage((net.input(),)), Stage((net.block("conv 3×3", "conv", "stem"),))]
        for stage in range(3):
            first = stage * (self.N + 1)
            if stage:
                stages.append(Stage((net.block("reduction", "reduction", f"cells.{first - 1}"),)))
            cells = tuple(net.block("cell", "cell", f"cells.{i}") for i in range(first, first + self.N))
            stages.append(Stage(cells, f"stage {stage + 1}"))
        pool = net.block("average pool", "pool", "lastact", "global_pooling")
        stages.append(Stage((pool, net.block("linear", "linear", "classifier"))))
        graph = cell_graph(_parsed(arch))
        return Picture(self.name, arch, (graph, Chain("network", tuple(stages))), net.params(""))


_DISTRIBUTIONS = {f"{i}->{j}": CategoricalDistribution(CHOICES) for i, j in EDGES}


@cache
def _benchmark_order() -> tuple[str, ...]:
    """The benchmark numbers its cells by a shuffle of the product of the operations with seed 88."""
    archs = [format_cell(ops) for ops in product(CHOICES, repeat=len(EDGES))]
    random.Random(88).shuffle(archs)
    return tuple(archs)


@cache
def _cells() -> dict[str, tuple[str, ...]]:
    """Every cell and its operations."""
    return {format_cell(ops): ops for ops in product(CHOICES, repeat=len(EDGES))}


def _parsed(arch: str) -> tuple[str, ...]:
    return _cells().get(arch) or parse_cell(arch, CHOICES)  # which says what is wrong with it


@cache
def _twins() -> dict[str, str]:
    """Every cell and, of those with its network, the one with most `none` edges, the first such in the benchmark."""
    forms = {arch: normal_form(_parsed(arch)) for arch in _benchmark_order()}
    best = dict[NormalForm, str]()
    for arch, form in forms.items():
        if form not in best or _parsed(arch).count(NONE) > _parsed(best[form]).count(NONE):
            best[form] = arch
    return {arch: best[form] for arch, form in forms.items()}

"""The cells of DARTS (Liu et al., "DARTS: Differentiable Architecture Search", ICLR 2019)."""

import ast
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, permutations
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from torch import nn

from untrained.errors import InputError, shown
from untrained.spaces.base import SearchSpace
from untrained.spaces.darts_network import LARGE, NODES, OPERATIONS, DARTSNetwork
from untrained.spaces.facts import Size, check_whole, image_size, sides
from untrained.spaces.forms import AROUND
from untrained.spaces.outline import Outline
from untrained.spaces.picture import Chain, Graph, Node, Picture, Stage, kind_of_operation
from untrained.spaces.picture import Edge as Arrow

OPS = tuple(OPERATIONS)
CELLS = ("normal", "reduce")
FORM = "normal=|sep_conv_3x3~0|skip_connect~1|+|...|,reduce=|...|"
_ARCH = re.compile(r"normal=([^,=]+),reduce=([^,=]+)")
_CELL = re.compile(r"\+".join([r"\|(\w+)~(\d)\|(\w+)~(\d)\|"] * NODES), re.ASCII)

Edge = tuple[str, int]
"""Operation, and the node that it is applied to."""
Cell = tuple[tuple[Edge, Edge], ...]
"""The two edges into each of the nodes 2 to 5, by their sources."""


@dataclass(frozen=True)
class DARTS(SearchSpace):
    """The 10^18 pairs of cells of DARTS: four nodes, each with two of seven operations on two nodes before it.

    `normal=|sep_conv_3x3~0|skip_connect~1|+|...|+|...|+|...|,reduce=...`: for each node, its operations and the nodes
    that these are applied to; 0 and 1 are the outputs of the two cells before. `read` takes genotypes as papers write
    them, too, and `genotype` gives them.

    A cell whose nodes are numbered in another order is the same network with its channels in another order:
    `canonical` gives the first of these in the alphabet. The published networks have `C=36, layers=20` for CIFAR-10
    (DARTS' second-order cells: 3,349,342 parameters), and `C=48, layers=14` for ImageNet (4,718,752). Their trainings
    have `auxiliary=0.4`: a head behind the cell at two thirds, whose loss is added to that of the outputs by this
    weight. Nothing but a training uses it, and `sizes` does not count it.

    Args:
        C: channels of the nodes of the first cells; even.
        layers: cells of the network; those at a third and at two thirds are reduction cells.
        num_classes: outputs of the network.
        in_channels: channels of the images.
        image_size: side of the images in pixels, or (height, width); above 64, the stem is the one for ImageNet.
        drop_path: the probability that an operation's result is dropped in training; 0.2 at the end of the published
            trainings.
        auxiliary: the weight of an auxiliary head's loss in trainings, 0.4 in the published ones; 0 for no head.

    Raises:
        InputError: if an option is not a whole number of at least 1, `C` is odd, `drop_path` is not a probability, or
            `auxiliary` is not a number of at least 0.

    Example:
        >>> space = DARTS(C=36, layers=20)
        >>> arch = space.read(
        ...     "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
        ...     "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, "
        ...     "3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), "
        ...     "('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], "
        ...     "reduce_concat=[2, 3, 4, 5])")
        >>> arch.split(",")[0]
        'normal=|sep_conv_3x3~0|sep_conv_3x3~1|+|sep_conv_3x3~0|sep_conv_3x3~1|+|skip_connect~0|sep_conv_3x3~1|+|skip_connect~0|dil_conv_3x3~2|'
        >>> space.sizes(arch)
        {'params': 3.349342}
    """  # noqa: E501

    C: int = 16
    layers: int = 8
    num_classes: int = 10
    in_channels: int = 3
    image_size: Size = 32
    drop_path: float = 0.0
    auxiliary: float = 0.0

    def __post_init__(self) -> None:
        whole = {name: self.options[name] for name in ("C", "layers", "num_classes", "in_channels")}
        check_whole(self.name, **whole)
        object.__setattr__(self, "image_size", image_size(self.name, self.image_size))
        if self.C % 2:
            raise InputError(f"darts option C={self.C}: give an even number")
        if not isinstance(self.drop_path, int | float) or not 0 <= self.drop_path < 1:
            raise InputError(f"darts option drop_path={shown(self.drop_path)}: give a number from 0 to less than 1")
        if not isinstance(self.auxiliary, int | float) or not 0 <= self.auxiliary < math.inf:
            raise InputError(f"darts option auxiliary={shown(self.auxiliary)}: give a number of at least 0")

    @property
    def name(self) -> str:
        """`darts`."""
        return "darts"

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """For each node, `normal_3_inputs` (`0-2`), `normal_3_first` and `normal_3_second` (the operations)."""
        return _DISTRIBUTIONS

    def to_arch(self, params: Mapping[str, Any]) -> str:
        """The string of the cells."""
        cells = {}
        for cell in CELLS:
            nodes = []
            for node in range(2, 2 + NODES):
                first, second = params.get(f"{cell}_{node}_inputs", "0-1").split("-")
                nodes.append(f"|{params[f'{cell}_{node}_first']}~{first}|{params[f'{cell}_{node}_second']}~{second}|")
            cells[cell] = "+".join(nodes)
        return _joined(cells)

    def to_params(self, arch: str) -> dict[str, Any]:
        """Decision -> value."""
        found = dict[str, Any]()
        for name, cell in zip(CELLS, _parsed(arch), strict=True):
            for node, ((first, i), (second, j)) in enumerate(cell, start=2):
                values = {"inputs": f"{i}-{j}", "first": first, "second": second}
                found |= {f"{name}_{node}_{part}": value for part, value in values.items()}
        return {name: found[name] for name in _DISTRIBUTIONS}

    def canonical(self, arch: str) -> str:
        """The first, in the alphabet, of the strings that number the nodes of the cells otherwise."""
        cells = zip(CELLS, _parsed(arch), strict=True)
        return _joined({name: min(map(_written, _renumbered(cell))) for name, cell in cells})

    def read(self, text: str) -> str:
        """Cells as written here, as `Genotype(normal=[...], ...)`, or as NASLib's lists of (node, operation)."""
        text = text.strip(AROUND)
        if text.startswith("["):
            try:
                lists: Any = [[(OPS[op], node) for node, op in cell] for cell in ast.literal_eval(text)]
            except (ValueError, TypeError, SyntaxError, IndexError, MemoryError, RecursionError):
                lists = []
        elif match := re.fullmatch(r"Genotype\(\s*normal=(\[.*?\]),.*\breduce=(\[.*?\]),.*\)", text, re.DOTALL):
            pairs = [re.findall(r"\(\s*['\"](\w+)['\"]\s*,\s*(\d)\s*\)", cell) for cell in match.groups()]
            lists = [[(op, int(node)) for op, node in cell] for cell in pairs]
        else:
            return super().read(text)
        if len(lists) != len(CELLS) or any(len(cell) != 2 * NODES for cell in lists):
            raise InputError(f"malformed architecture {shown(text)}: expected two cells of eight edges, or {FORM}")
        ordered = [tuple(_by_source(*cell[k : k + 2]) for k in range(0, 2 * NODES, 2)) for cell in lists]
        arch = _joined(dict(zip(CELLS, map(_written, ordered), strict=True)))
        _parsed(arch)
        return arch

    def genotype(self, arch: str) -> str:
        """The cells as papers write them, `Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=...)`.

        Args:
            arch: an architecture of this space.
        """
        nodes = [*range(2, 2 + NODES)]
        parts = [
            f"{name}={[edge for node in cell for edge in node]}, {name}_concat={nodes}"
            for name, cell in zip(CELLS, _parsed(arch), strict=True)
        ]
        return f"Genotype({', '.join(parts)})"

    def build(self, arch: str) -> nn.Module:
        """The network; see `DARTSNetwork`."""
        normal, reduce = ([edge for node in cell for edge in node] for cell in _parsed(arch))
        large = min(sides(self.image_size)) > LARGE
        return DARTSNetwork(
            normal,
            reduce,
            self.C,
            self.layers,
            self.num_classes,
            self.in_channels,
            self.drop_path,
            self.auxiliary,
            large=large,
        )

    def picture(self, arch: str, inputs: Any = None) -> Picture:
        """Both cells, and the skeleton in which they are repeated."""
        titles = {"normal": "normal cell", "reduce": "reduction cell"}
        graphs = (_drawn(titles[name], cell) for name, cell in zip(CELLS, _parsed(arch), strict=True))
        net = Outline(lambda: self.build(arch), self.options, inputs)
        stem = ("stem0", "stem1") if min(sides(self.image_size)) > LARGE else ("stem0",)
        title = "three conv 3×3" if len(stem) > 1 else "conv 3×3"
        stages = [Stage((net.input(),)), Stage((net.block(title, "conv", *stem),))]
        ends = [*dict.fromkeys((0, self.layers // 3, 2 * self.layers // 3)), self.layers]
        for start, end in pairwise(ends):
            cells = []
            for i in range(start, end):
                reduction = i in (self.layers // 3, 2 * self.layers // 3)
                kind = ("reduction cell", "reduction") if reduction else ("normal cell", "cell")
                cells.append(net.block(*kind, f"cells.{i}"))
            stages.append(Stage(tuple(cells), f"cells {start + 1} to {end}" if end - start > 1 else f"cell {end}"))
        stages.append(
            Stage((net.block("average pool", "pool", "global_pooling"), net.block("linear", "linear", "classifier")))
        )
        params = round(self.sizes(arch)["params"] * 1e6)  # without those of an auxiliary head
        return Picture(self.name, arch, (*graphs, Chain("network", tuple(stages))), params)

    def sizes(self, arch: str) -> dict[str, float]:
        """`params` in millions, without those of an auxiliary head, counted without building the network."""
        normal, reduce = _parsed(arch)
        large, half = min(sides(self.image_size)) > LARGE, self.C // 2
        c_before = c_in = self.C if large else 3 * self.C
        stem = 9 * self.in_channels * (half if large else c_in) + 2 * c_in
        params = stem + (2 * half + 9 * half * self.C + 9 * self.C**2 + 2 * self.C if large else 0)
        channels = self.C
        for i in range(self.layers):
            reduction = i in (self.layers // 3, 2 * self.layers // 3)
            channels *= 1 + reduction
            params += (c_before + c_in) * channels + 4 * channels
            for node in reduce if reduction else normal:
                params += sum(_weights(op, channels, halving=reduction and source < 2) for op, source in node)
            c_before, c_in = c_in, NODES * channels
        return {"params": (params + (c_in + 1) * self.num_classes) / 1e6}


def _pairs(node: int) -> list[str]:
    return [f"{i}-{j}" for i, j in combinations(range(node), 2)]


_DISTRIBUTIONS: dict[str, BaseDistribution] = {
    f"{cell}_{node}_{part}": CategoricalDistribution(values)
    for cell in CELLS
    for node in range(2, 2 + NODES)
    for part, values in {"inputs": _pairs(node), "first": OPS, "second": OPS}.items()
    if len(values) > 1
}


def _by_source(one: Edge, other: Edge) -> tuple[Edge, Edge]:
    return (one, other) if one[1] <= other[1] else (other, one)


def _written(cell: Sequence[Sequence[Edge]]) -> str:
    return "+".join("".join(f"|{op}~{source}" for op, source in node) + "|" for node in cell)


def _joined(cells: Mapping[str, str]) -> str:
    return ",".join(f"{name}={text}" for name, text in cells.items())


def _parsed(arch: str) -> tuple[Cell, Cell]:
    """Both cells.

    Raises:
        InputError: if the string is malformed, an operation is unknown, or a node's sources are not two before it.
    """
    match = _ARCH.fullmatch(arch)
    cells = [_cell(text) for text in match.groups()] if match else []
    normal, reduce = cells or (None, None)
    if normal is None or reduce is None:
        form = f"expected {FORM}, operations {', '.join(OPS)}, for each node two of the nodes before it"
        raise InputError(f"malformed architecture {shown(arch, 80)}: {form}")
    return normal, reduce


def _cell(text: str) -> Cell | None:
    """A cell from its string; None if it is none."""
    match = _CELL.fullmatch(text)
    if match is None:
        return None
    parts, cell = match.groups(), list[tuple[Edge, Edge]]()
    for node in range(NODES):
        first, i, second, j = parts[4 * node : 4 * node + 4]
        one, other = (first, int(i)), (second, int(j))
        if not (first in OPERATIONS and second in OPERATIONS and one[1] < other[1] < node + 2):
            return None
        cell.append((one, other))
    return tuple(cell)


def _drawn(title: str, cell: Cell) -> Graph:
    names = ["before last", "last", *map(str, range(NODES))]
    inputs, nodes = [Node(name, kind="input") for name in names[:2]], [Node(name) for name in names[2:]]
    edges = [
        Arrow(names[source], names[place], op, kind_of_operation(op))
        for place, node in enumerate(cell, start=2)
        for op, source in node
    ]
    joined = [Arrow(name, "output") for name in names[2:]]
    return Graph(title, (*inputs, *nodes, Node("output", kind="output")), (*edges, *joined))


def _renumbered(cell: Cell) -> Iterator[list[tuple[Edge, Edge]]]:
    """The cell with its nodes in every order in which each stands behind its sources."""
    for order in permutations(range(NODES)):
        number = {0: 0, 1: 1} | {2 + node: 2 + place for place, node in enumerate(order)}
        nodes = [[(op, number[source]) for op, source in cell[node]] for node in order]
        if all(source < place for place, node in enumerate(nodes, start=2) for _, source in node):
            yield [_by_source(*node) for node in nodes]


def _weights(op: str, channels: int, *, halving: bool) -> int:
    """Parameters of an operation."""
    kind, _, kernel = op.rpartition("_")
    if kind in ("sep_conv", "dil_conv"):
        return (1 + (kind == "sep_conv")) * (channels * int(kernel[0]) ** 2 + channels**2 + 2 * channels)
    return channels**2 + 2 * channels if op == "skip_connect" and halving else 0

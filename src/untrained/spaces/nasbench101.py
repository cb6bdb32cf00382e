"""NAS-Bench-101 (Ying et al., "NAS-Bench-101: Towards Reproducible Neural Architecture Search", ICML 2019)."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from torch import nn

from untrained.errors import InputError, shown
from untrained.spaces.conditional import ConditionalSpace
from untrained.spaces.decision import TRIES
from untrained.spaces.facts import check_whole
from untrained.spaces.forms import AROUND, digits_in
from untrained.spaces.nasbench101_network import OPERATIONS, STACKS, NASBench101Network, vertex_channels
from untrained.spaces.outline import Outline
from untrained.spaces.picture import Block, Chain, Edge, Node, Picture, Stage, kind_of_operation
from untrained.spaces.picture import Graph as Drawn

VERTICES, MOST_EDGES = 7, 9
OUT = VERTICES - 1
OPS = tuple(OPERATIONS)
NASLIB_OPS = {2: "maxpool3x3", 3: "conv1x1", 4: "conv3x3"}
"""NASLib's numbers of the operations; 0 is the input, 1 the output."""
FORM = "conv3x3+maxpool3x3|01+02+13+23"

Graph = tuple[tuple[str, ...], frozenset[tuple[int, int]]]
"""The operations of the vertices 1, 2, ..., and the edges (from, to), 0 being the input, the last vertex the output."""


@dataclass(frozen=True)
class NASBench101(ConditionalSpace):
    """The 423,624 cells of NAS-Bench-101: graphs of up to 7 vertices and 9 edges, with one of 3 operations on each.

    `conv3x3+maxpool3x3|01+02+13+23`: the operations of vertices 1, 2, ..., then the edges, from vertex to vertex; 0 is
    the input, the last one the output. Only vertices on a way from input to output are written. `canonical` numbers
    the vertices in the first of all orders, so that equal graphs have one string. (In the benchmark's networks, the
    first vertices have one channel more if channels cannot be shared out evenly; it counts equal graphs as one, too.)

    Args:
        N: cells of each of three stacks; 3 in the published network.
        C: channels of the first stack; 128 in the published network.
        num_classes: outputs of the network; 10 in the published one.
        in_channels: channels of the images.

    Raises:
        InputError: if an option is not a whole number of at least 1, or `C` is below 5.

    Example:
        >>> space = NASBench101()
        >>> space.canonical("maxpool3x3+conv3x3|02+01+13+23")
        'conv3x3+maxpool3x3|01+02+13+23'
        >>> space.sizes("conv3x3|01+12")
        {'params': 10.177674}
    """

    N: int = 3
    C: int = 128
    num_classes: int = 10
    in_channels: int = 3

    def __post_init__(self) -> None:
        check_whole(self.name, **self.options)
        if self.C < VERTICES - 2:
            raise InputError(f"nasbench101 option C={self.C}: five vertices may share the channels: give at least 5")

    @property
    def name(self) -> str:
        """`nasbench101`."""
        return "nasbench101"

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """For each pair of vertices whether an edge connects them, `edge_01` to `edge_56`; `op_1` to `op_5`."""
        return _DISTRIBUTIONS

    @property
    def size(self) -> int:
        """423,624, each graph once."""
        return 423_624

    def valid(self, params: Mapping[str, Any]) -> bool:
        """Whether a way leads from input to output, and at most 9 edges are on such ways."""
        return 0 < len(_graph(params)[1]) <= MOST_EDGES

    def inactive(self, params: Mapping[str, Any]) -> list[str]:
        """The operations of vertices that are on no way from input to output."""
        live = _live(params)
        return [f"op_{v}" for v in range(1, OUT) if v not in live]

    def to_arch(self, params: Mapping[str, Any]) -> str:
        """The string of the vertices that are on a way from input to output."""
        return _written(_graph(self.active(params)))

    def to_params(self, arch: str) -> dict[str, Any]:
        """Decision -> value; operations of the vertices that there are, edges of all."""
        ops, edges = _parsed(arch)
        place = {len(ops) + 1: OUT}
        found = {f"{place.get(u, u)}{place.get(v, v)}" for u, v in edges}
        params: dict[str, Any] = {f"op_{v}": op for v, op in enumerate(ops, start=1)}
        params = {f"edge_{u}{v}": int(f"{u}{v}" in found) for u, v in _PAIRS} | params
        if not self.valid(params) or self.to_arch(params) != _written((ops, edges)):
            what = f"at most {MOST_EDGES} edges, each on a way from input to output"
            raise InputError(f"{shown(arch)} is not an architecture of space 'nasbench101': give {what}")
        return params

    def canonical(self, arch: str) -> str:
        """The string of the same graph with its vertices in the first of all orders."""
        ops, edges = _graph(self.to_params(arch))
        count, strings = len(ops), list[str]()
        for order in permutations(range(count)):
            number = {0: 0, count + 1: count + 1} | {v + 1: place + 1 for place, v in enumerate(order)}
            renumbered = frozenset((number[u], number[v]) for u, v in edges)
            if all(u < v for u, v in renumbered):
                strings.append(_written((tuple(ops[v] for v in order), renumbered)))
        return min(strings)

    def mutate(self, arch: str, rng: random.Random) -> str:
        """Changes an operation, or puts in or takes out an edge; an edge at a new vertex puts this on a way.

        Args:
            arch: an architecture of this space.
            rng: the source of random numbers.

        Returns:
            A canonical architecture with another graph; `arch` itself if none of `TRIES` changes gives one.
        """
        ops, edges = _graph(self.to_params(arch))
        present = self.canonical(arch)
        for _ in range(TRIES):
            places = [0, *sorted(rng.sample(range(1, OUT), len(ops))), OUT]
            params: dict[str, Any] = {name: rng.choice(OPS) for name in _DISTRIBUTIONS if name.startswith("op")}
            params |= {f"op_{places[v]}": op for v, op in enumerate(ops, start=1)}
            params |= {f"edge_{u}{v}": 0 for u, v in _PAIRS} | {f"edge_{places[u]}{places[v]}": 1 for u, v in edges}
            changed = rng.choice([*(f"op_{v}" for v in places[1:-1]), *_PAIRS])
            if isinstance(changed, str):
                params[changed] = rng.choice([op for op in OPS if op != params[changed]])
            else:
                params["edge_{}{}".format(*changed)] ^= 1
                for v in {*changed} - {*places}:
                    params[f"edge_{rng.choice([u for u in places if u < v])}{v}"] = 1
                    params[f"edge_{v}{rng.choice([w for w in places if w > v])}"] = 1
            if self.valid(params) and (mutant := self.canonical(self.to_arch(params))) != present:
                return mutant
        return arch

    def crossover(self, first: str, second: str, rng: random.Random) -> str:
        """Takes each operation and each edge, or that there is none, from one of two cells.

        Args:
            first: an architecture of this space.
            second: another one.
            rng: the source of random numbers.

        Returns:
            The child, a canonical architecture; `first` itself if none of `TRIES` mixtures is valid.
        """
        blank = {name: 0 if name in _EDGES else OPS[0] for name in _DISTRIBUTIONS}
        parents = [blank | self.to_params(arch) for arch in (first, second)]
        for _ in range(TRIES):
            mixed = {name: rng.choice(parents)[name] for name in blank}
            if self.valid(mixed):
                return self.canonical(self.to_arch(mixed))
        return first

    def read(self, text: str) -> str:
        """A cell as written here, or as NASLib's tuple: the 7 x 7 adjacency matrix row by row, then the operations."""
        text = text.strip(AROUND)
        digits = digits_in(text)
        if digits is None:
            return super().read(text)
        matrix, ops = digits[: VERTICES**2], digits[VERTICES**2 :]
        if len(ops) != VERTICES or ops[0] != 0 or ops[-1] != 1 or not {*ops[1:-1]} <= NASLIB_OPS.keys():
            raise InputError(
                f"{shown(text, 80)} is not an architecture of space {self.name!r}: give 49 numbers of the adjacency "
                "matrix, and 7 of operations: 0 first, then 2, 3 or 4, last 1"
            )
        params: dict[str, Any] = {f"op_{v}": NASLIB_OPS[ops[v]] for v in range(1, OUT)}
        arch = self.to_arch(params | {f"edge_{u}{v}": matrix[u * VERTICES + v] for u, v in _PAIRS})
        self.to_params(arch)
        return arch

    def build(self, arch: str) -> nn.Module:
        """The network; see `NASBench101Network`."""
        ops, edges = _graph(self.to_params(arch))
        return NASBench101Network(ops, set(edges), self.N, self.C, self.num_classes, self.in_channels)

    def picture(self, arch: str, inputs: Any = None) -> Picture:
        """The cell, and the skeleton in which it is repeated."""
        ops, edges = _graph(self.to_params(arch))
        out = len(ops) + 1
        inner = (Node(str(v), op, kind_of_operation(op)) for v, op in enumerate(ops, start=1))
        nodes = (Node("0", "input", "input"), *inner, Node(str(out), "output", "output"))
        cell = Drawn("cell", nodes, tuple(Edge(str(u), str(v)) for u, v in sorted(edges)))
        net = Outline(lambda: self.build(arch), self.options, inputs)
        stages = [Stage((net.input(),)), Stage((net.block("conv 3×3", "conv", "layers.0"),))]
        for stack in range(STACKS):
            first = 1 + stack * (self.N + 1)
            halved = [net.block("max pool 2×2", "pool", f"layers.{first - 1}")] if stack else list[Block]()
            cells = tuple(net.block("cell", "cell", f"layers.{i}") for i in range(first, first + self.N))
            stages += [*(Stage((pool,)) for pool in halved), Stage(cells, f"stack {stack + 1}")]
        stages.append(Stage((net.block("average pool", "pool", "pool"), net.block("linear", "linear", "classifier"))))
        return Picture(self.name, arch, (cell, Chain("network", tuple(stages))), net.params(""))

    def sizes(self, arch: str) -> dict[str, float]:
        """`params` in millions, counted without building the network."""
        ops, edges = _graph(self.to_params(arch))
        c_in, params = self.C, (9 * self.in_channels + 2) * self.C
        for stack in range(3):
            for _ in range(self.N):
                channels = vertex_channels({*edges}, len(ops) + 2, c_in, c_out := self.C * 2**stack)
                params += sum((c_in + 2) * channels[v] for u, v in edges if u == 0)
                for c, op in zip(channels[1:], ops, strict=False):
                    params += 0 if op == "maxpool3x3" else int(op[-1]) ** 2 * c * c + 2 * c
                c_in = c_out
        return {"params": (params + (c_in + 1) * self.num_classes) / 1e6}


_PAIRS = tuple(combinations(range(VERTICES), 2))
_EDGES = tuple(f"edge_{u}{v}" for u, v in _PAIRS)
_DISTRIBUTIONS: dict[str, BaseDistribution] = {
    **{name: IntDistribution(0, 1) for name in _EDGES},
    **{f"op_{v}": CategoricalDistribution(OPS) for v in range(1, OUT)},
}


def _live(params: Mapping[str, Any]) -> set[int]:
    """The vertices that are on a way from input to output; none if there is no way."""
    edges = [(u, v) for u, v in _PAIRS if params.get(f"edge_{u}{v}")]
    reached, reaching = {0}, {OUT}
    for u, v in edges:  # in the order of u: all that lead to u come before
        reached |= {v} if u in reached else set()
    for u, v in reversed(edges):
        reaching |= {u} if v in reaching else set()
    return reached & reaching


def _graph(params: Mapping[str, Any]) -> Graph:
    live = sorted(_live(params))
    number = {v: place for place, v in enumerate(live)}
    edges = ((u, v) for u, v in _PAIRS if params.get(f"edge_{u}{v}") and u in number and v in number)
    ops = tuple(params[f"op_{v}"] for v in live if 0 < v < OUT)
    return ops, frozenset((number[u], number[v]) for u, v in edges)


def _written(graph: Graph) -> str:
    ops, edges = graph
    return f"{'+'.join(ops)}|{'+'.join(f'{u}{v}' for u, v in sorted(edges))}"


def _parsed(arch: str) -> Graph:
    names: Sequence[str] = []
    found = re.fullmatch(r"([^|]*)\|(\d\d(?:\+\d\d)*)", arch, re.ASCII)
    if found:
        names = found[1].split("+") if found[1] else []
    edges = frozenset((int(edge[0]), int(edge[1])) for edge in found[2].split("+")) if found else frozenset()
    inside = all(u < v <= len(names) + 1 for u, v in edges)
    if not found or len(names) > VERTICES - 2 or not {*names} <= {*OPS} or not inside:
        form = f"expected the form {FORM}, up to 5 operations of {', '.join(OPS)}, edges from lower to higher vertices"
        raise InputError(f"malformed architecture {shown(arch, 80)}: {form}")
    return tuple(names), edges

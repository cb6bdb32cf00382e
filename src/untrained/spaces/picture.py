"""What there is to draw of an architecture, as data: graphs of operations, and networks as chains of blocks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal[
    "conv",
    "depthwise",
    "pool",
    "attention",
    "linear",
    "embedding",
    "transform",
    "recurrent",
    "cell",
    "reduction",
    "skip",
    "none",
    "input",
    "output",
    "other",
]
"""What an operation or a block is: what is of one kind has one colour in all pictures."""

OPERATIONS: tuple[tuple[str, Kind], ...] = (
    ("none", "none"),
    ("skip", "skip"),
    ("pool", "pool"),
    ("sep_conv", "depthwise"),
    ("dil_conv", "depthwise"),
    ("conv", "conv"),
)
"""What the name of an operation has in it -> what it is; the first counts."""


@dataclass(frozen=True)
class Node:
    """A node of a graph.

    Attributes:
        name: by which edges know it; unique in its graph.
        label: what is written on it; the name if it is empty.
        kind: `other` for a plain node, at which results meet; else an operation.
    """

    name: str
    label: str = ""
    kind: Kind = "other"


@dataclass(frozen=True)
class Edge:
    """A directed edge.

    Attributes:
        source, target: names of nodes.
        label: the operation on it; empty for an edge that only hands results on.
        kind: of the operation.
        dead: whether the edge has no effect on the output.
    """

    source: str
    target: str
    label: str = ""
    kind: Kind = "other"
    dead: bool = False


@dataclass(frozen=True)
class Graph:
    """A directed graph without cycles, such as a cell.

    Attributes:
        title: what it is.
        nodes: each behind those that it depends on.
        edges: what leads from node to node.
    """

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True)
class Block:
    """A part of a network.

    Attributes:
        title: what it is.
        kind: decides its colour.
        details: facts in a few words each.
        shape: of its output, without the number of samples: channels x height x width, positions x features, or
            features; None if it is not known.
        params: how many parameters it has; None if that is not known.
    """

    title: str
    kind: Kind = "other"
    details: tuple[str, ...] = ()
    shape: tuple[int, ...] | None = None
    params: int | None = None


@dataclass(frozen=True)
class Stage:
    """Blocks that belong together.

    Attributes:
        blocks: in the order in which data pass them.
        title: what it is; empty for blocks that stand alone.
    """

    blocks: tuple[Block, ...]
    title: str = ""


@dataclass(frozen=True)
class Chain:
    """A network, block by block.

    Attributes:
        title: what it is.
        stages: from the input to the output.
        skips: pairs of blocks, by their number in the chain: the second takes the output of the first, too. Later
            pairs lie inside of earlier ones, as in a U-Net.
    """

    title: str
    stages: tuple[Stage, ...]
    skips: tuple[tuple[int, int], ...] = ()

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks."""
        return tuple(block for stage in self.stages for block in stage.blocks)


@dataclass(frozen=True)
class Picture:
    """What there is to draw of an architecture.

    Attributes:
        title: the name of the space.
        architecture: which one it is.
        parts: graphs and chains, in the order in which they are shown.
        params: parameters of the whole network; None if that is not known.

    Example:
        >>> from untrained import ResNets
        >>> picture = ResNets(image_size=224).picture("block=basic,width=64,depth1=2,depth2=2,depth3=2,depth4=2")
        >>> [stage.title for stage in picture.parts[0].stages if stage.title]
        ['stage 1', 'stage 2', 'stage 3', 'stage 4']
    """

    title: str
    architecture: str
    parts: tuple[Graph | Chain, ...]
    params: int | None = None

    def described(self) -> str:
        """The picture in words, for those who do not see it."""
        lines = [f"{self.title}: {self.architecture}"]
        for part in self.parts:
            if isinstance(part, Graph):
                names = {node.name: node.label or node.name for node in part.nodes}
                edges = (
                    f"{names[edge.source]} to {names[edge.target]}" + (f" by {edge.label}" if edge.label else "")
                    for edge in part.edges
                )
                lines.append(f"{part.title}: {'; '.join(edges)}")
            else:
                blocks = (
                    ", ".join((block.title, *block.details)) + (f" ({times} times)" if times > 1 else "")
                    for stage in part.stages
                    for block, times in folded(stage.blocks)
                )
                lines.append(f"{part.title}: {'; '.join(blocks)}")
        return "\n".join(lines)


def folded(blocks: Sequence[Block]) -> Iterator[tuple[Block, int]]:
    """Each block with the number of times that it stands there in a row.

    Args:
        blocks: any.

    Example:
        >>> list(folded([Block("a"), Block("a"), Block("b")]))
        [(Block(title='a', ...), 2), (Block(title='b', ...), 1)]
    """
    k = 0
    while k < len(blocks):
        times = 1
        while k + times < len(blocks) and blocks[k + times] == blocks[k]:
            times += 1
        yield blocks[k], times
        k += times


def kind_of_operation(name: str) -> Kind:
    """What an operation of a cell is, by the name that benchmarks give it.

    Example:
        >>> kind_of_operation("nor_conv_3x3"), kind_of_operation("sep_conv_5x5"), kind_of_operation("maxpool3x3")
        ('conv', 'depthwise', 'pool')
    """
    for part, kind in OPERATIONS:
        if part in name:
            return kind
    return "other"


def live_edges(edges: Sequence[Edge], start: Sequence[str], end: str) -> tuple[Edge, ...]:
    """The edges, of which those that carry nothing from the inputs to the output are marked as dead.

    Args:
        edges: in an order in which what leads to a node comes before what leaves it.
        start: the nodes that are inputs.
        end: the node that is the output.

    Example:
        >>> a, b = live_edges([Edge("0", "1", "conv", "conv"), Edge("1", "2", "none", "none")], ["0"], "2")
        >>> a.dead, b.dead
        (True, True)
    """
    reached, reaching = {*start}, {end}
    for edge in edges:
        if edge.source in reached and edge.kind != "none":
            reached.add(edge.target)
    for edge in reversed(edges):
        if edge.target in reaching and edge.kind != "none":
            reaching.add(edge.source)
    return tuple(
        replace(e, dead=e.kind == "none" or e.source not in reached or e.target not in reaching) for e in edges
    )

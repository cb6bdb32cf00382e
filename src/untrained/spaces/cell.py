"""The four-node cell of NAS-Bench-201 (Dong & Yang, ICLR 2020), with one operation on each of its six edges.

Nodes 0 (input), 1, 2, 3 (output); node j is the sum over i < j of `op_ij(node i)`. A cell is written in the order of
`EDGES` as `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`.
"""

from collections.abc import Sequence
from itertools import groupby, permutations, product

from untrained.errors import InputError, shown
from untrained.spaces.picture import Edge, Graph, Node, kind_of_operation, live_edges

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""(from, to) of each edge, in the order of the string."""

NONE, SKIP = "none", "skip_connect"

NormalForm = tuple[tuple[tuple[str, tuple[int, ...]], ...], tuple[int, ...]]


def format_cell(ops: Sequence[str]) -> str:
    """The string of the cell whose edges, in the order of `EDGES`, carry `ops` (length 6)."""
    a, b, c, d, e, f = ops
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


def parse_cell(arch: str, choices: Sequence[str]) -> tuple[str, ...]:
    """The six operations of a cell, in the order of `EDGES`.

    Args:
        arch: the string of the cell.
        choices: the operations that there are.

    Raises:
        InputError: if the string is malformed, or an operation is not one of `choices`.
    """
    example = format_cell([choices[-1]] * len(EDGES))
    nodes = arch.split("+")
    ops: list[str] = []
    for j, node in enumerate(nodes, start=1):
        edges = node[1:-1].split("|") if node.startswith("|") and node.endswith("|") and len(node) > 1 else []
        parts = [edge.split("~") for edge in edges]
        if len(nodes) != 3 or len(parts) != j or any(len(p) != 2 or p[1] != str(i) for i, p in enumerate(parts)):
            raise InputError(f"malformed architecture {shown(arch)}: expected the form {example!r}")
        ops += [p[0] for p in parts]
    for op in ops:
        if op not in choices:
            raise InputError(
                f"unknown operation {shown(op, 30)} in architecture {shown(arch)}: choose from {', '.join(choices)}"
            )
    return tuple(ops)


def normal_form(ops: Sequence[str], *, reduction: bool = False) -> NormalForm:
    """What a cell computes, free of how it is written: equal for two cells exactly when they are the same network.

    A node is a sum of *terms*; a term is the input (-1) or one operation applied to a node. `none`, operations on an
    all-zero node and terms that never reach the output are dropped; `skip_connect` hands the terms of its source on.
    Terms keep their identity, so a convolution whose result is used twice is told apart from two convolutions (they
    differ in parameters). What is left is numbered in the least of all orders.

    Args:
        ops: the six operations, in the order of `EDGES`.
        reduction: the cell changes its input's shape, so that a `skip_connect` out of the input is a convolution, too.

    Returns:
        The terms, each as (operation, sorted numbers of the terms that it is applied to), and the terms of the output.
    """
    nodes: list[list[int]] = [[-1], [], [], []]
    terms: list[tuple[str, list[int]]] = []
    for (i, j), op in zip(EDGES, ops, strict=True):
        if op == NONE or not nodes[i]:
            continue
        if op == SKIP and not (reduction and i == 0):
            nodes[j] += nodes[i]
        else:
            nodes[j].append(len(terms))
            terms.append((op, nodes[i]))
    live: set[int] = set()
    queue = list(nodes[3])
    while queue:
        t = queue.pop()
        if t >= 0 and t not in live:
            live.add(t)
            queue += terms[t][1]

    def expression(t: int) -> str:
        return "x" if t < 0 else f"{terms[t][0]}({'+'.join(sorted(expression(s) for s in terms[t][1]))})"

    def numbered(order: Sequence[int]) -> NormalForm:
        number = {-1: -1} | {t: k for k, t in enumerate(order)}
        written = tuple((terms[t][0], tuple(sorted(number[s] for s in terms[t][1]))) for t in order)
        return written, tuple(sorted(number[s] for s in nodes[3]))

    # Sorting by expression leaves only terms of equal expression to be permuted: nearly always none.
    ties = [list(group) for _, group in groupby(sorted(live, key=expression), key=expression)]
    return min(numbered([t for group in order for t in group]) for order in product(*map(permutations, ties)))


def cell_graph(ops: Sequence[str], title: str = "cell") -> Graph:
    """The picture of a cell: its nodes, and the operations between them.

    Args:
        ops: the six operations, in the order of `EDGES`.
        title: what it is called.

    Example:
        >>> [edge.label for edge in cell_graph(["none", "none", "none", "skip_connect", "none", "none"]).edges
        ...  if not edge.dead]
        ['skip_connect']
    """
    nodes = (Node("0", "input", "input"), Node("1"), Node("2"), Node("3", "output", "output"))
    edges = [Edge(str(i), str(j), op, kind_of_operation(op)) for (i, j), op in zip(EDGES, ops, strict=True)]
    return Graph(title, nodes, live_edges(edges, ["0"], "3"))

"""Where the nodes of a directed graph are drawn: in columns from left to right (Sugiyama, Tagawa & Toda, IEEE
Transactions on Systems, Man, and Cybernetics, 1981), at heights that keep edges short and straight (Gansner,
Koutsofios, North & Vo, IEEE Transactions on Software Engineering, 1993).
"""

from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from scipy.optimize import linprog

SWEEPS = 12
STRAIGHT = {0: 1.0, 1: 2.0, 2: 8.0}
"""How much a step off the straight line costs, by how many of its ends are bends of an edge (their section 4.2)."""

Vertex = Hashable
Path = tuple[Vertex, ...]


def columns_of(edges: Sequence[tuple[Vertex, Vertex]], vertices: Sequence[Vertex]) -> dict[Vertex, int]:
    """The column of each vertex: one more than those of all that lead to it.

    Vertices with one way in and one out stand in the middle of the columns between their neighbours.

    Args:
        edges: (from, to).
        vertices: all, each behind those that lead to it.

    Example:
        >>> columns_of([("a", "b"), ("b", "c"), ("a", "x"), ("x", "c"), ("c", "d")], "abxcd")
        {'a': 0, 'b': 1, 'x': 1, 'c': 2, 'd': 3}
    """
    column = dict[Vertex, int]()
    for vertex in vertices:
        column[vertex] = max((column[u] + 1 for u, v in edges if v == vertex), default=0)
    for vertex in vertices:
        into, out = [u for u, v in edges if v == vertex], [v for u, v in edges if u == vertex]
        if len(into) == len(out) == 1:
            column[vertex] = (column[into[0]] + column[out[0]]) // 2
    return column


def routed(edges: Sequence[tuple[Vertex, Vertex]], column: Mapping[Vertex, int]) -> list[Path]:
    """Each edge as a path with a bend in each column that it passes; a bend is a tuple (edge, column)."""
    return [(u, *((k, c) for c in range(column[u] + 1, column[v])), v) for k, (u, v) in enumerate(edges)]


def ordered(paths: Sequence[Path], column: Mapping[Vertex, int]) -> list[list[Vertex]]:
    """The vertices and bends of each column from top to bottom, so that few edges cross.

    They are sorted by the mean place of their neighbours, column by column, to and fro; of all orders met on the way,
    the one with fewest crossings counts, then the one with the shortest steps.

    Args:
        paths: what `routed` gave.
        column: of each vertex.
    """
    where = dict(column) | {bend: bend[1] for path in paths for bend in path[1:-1]}  # type: ignore[index]
    start: list[list[Vertex]] = [[] for _ in range(max(where.values()) + 1)]
    for vertex, place in where.items():
        start[place].append(vertex)
    steps = list(dict.fromkeys(step for path in paths for step in pairwise(path)))
    best, found = _cost(start, steps), start
    for first in (start, [some[::-1] for some in start]):
        order = [list(some) for some in first]
        for sweep in range(SWEEPS):
            forth = sweep % 2 == 0
            for k in range(1, len(order)) if forth else range(len(order) - 2, -1, -1):
                beside = order[k - 1 if forth else k + 1]
                # Places are fractions of the column's height: columns differ in how many they hold.
                place = {vertex: (i + 0.5) / len(beside) for i, vertex in enumerate(beside)}
                here = {vertex: (i + 0.5) / len(order[k]) for i, vertex in enumerate(order[k])}
                means = dict[Vertex, float]()
                for vertex in order[k]:
                    near = [place[u if forth else v] for u, v in steps if (v if forth else u) == vertex]
                    means[vertex] = float(np.mean(near)) if near else here[vertex]
                order[k] = sorted(order[k], key=lambda vertex: (round(means[vertex], 9), here[vertex]))
            if (cost := _cost(order, steps)) < best:
                best, found = cost, [list(some) for some in order]
    return found


def _cost(order: Sequence[Sequence[Vertex]], steps: Sequence[tuple[Vertex, Vertex]]) -> tuple[int, float]:
    """Crossings, and the length of the steps."""
    place = {vertex: (k, i, (i + 0.5) / len(some)) for k, some in enumerate(order) for i, vertex in enumerate(some)}
    ends = [(place[u], place[v]) for u, v in steps]
    crossings = sum(
        a[0] == c[0] and (a[1] - c[1]) * (b[1] - d[1]) < 0 for k, (a, b) in enumerate(ends) for c, d in ends[k + 1 :]
    )
    return crossings, sum(abs(a[2] - b[2]) for a, b in ends)


def heights(
    paths: Sequence[Path], order: Sequence[Sequence[Vertex]], room: Mapping[Vertex, float], gap: float
) -> dict[Vertex, float]:
    """How far down the middle of each vertex and bend is: a linear programme.

    Args:
        paths: what `routed` gave.
        order: what `ordered` gave.
        room: how high each vertex is; bends have no height.
        gap: between two in a column.

    Example:
        >>> found = heights([("a", "b"), ("a", "c")], [["a"], ["b", "c"]], {"a": 10, "b": 10, "c": 10}, gap=6)
        >>> found["c"] - found["b"]
        16.0
    """
    vertices = [vertex for some in order for vertex in some]
    number = {vertex: k for k, vertex in enumerate(vertices)}
    steps = list(dict.fromkeys(step for path in paths for step in pairwise(path)))
    n, m = len(vertices), len(steps)
    weights = [STRAIGHT[sum(end not in room for end in step)] for step in steps]
    rows, bounds = list[np.ndarray](), list[float]()

    def at_most(bound: float, **signs: float) -> None:
        row = np.zeros(n + m)
        for key, sign in signs.items():
            row[int(key[1:])] += sign
        rows.append(row)
        bounds.append(bound)

    for k, (u, v) in enumerate(steps):  # the step's length, |height(u) - height(v)|, is variable n + k
        one, other, length = f"v{number[u]}", f"v{number[v]}", f"v{n + k}"
        at_most(0.0, **{one: 1.0, other: -1.0, length: -1.0})
        at_most(0.0, **{one: -1.0, other: 1.0, length: -1.0})
    for some in order:
        for upper, lower in pairwise(some):
            apart = (room.get(upper, 0.0) + room.get(lower, 0.0)) / 2 + gap
            at_most(-apart, **{f"v{number[upper]}": 1.0, f"v{number[lower]}": -1.0})
    solved = linprog([0.0] * n + weights, np.array(rows), bounds, bounds=(0, None), method="highs")
    return {vertex: round(float(solved.x[k]), 6) for vertex, k in number.items()}

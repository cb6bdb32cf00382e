"""Graphs such as cells: nodes in columns from left to right, and an operation as a label on its edge."""

from dataclasses import replace

from untrained.report.drawing.colours import COLOURS, tint
from untrained.report.drawing.layers import Vertex, columns_of, heights, ordered, routed
from untrained.report.drawing.scene import INK, TEXT, Box, Label, Line, Scene, curve, fitted, text_width
from untrained.spaces.picture import Edge, Graph, Kind, Node

HEIGHT, PADDING, WIDEST = 26.0, 10.0, 150.0
SMALLEST = 28.0
"""The diameter of a plain node."""
ROW_GAP, COLUMN_GAP = 14.0, 22.0
DEAD = 0.3
"""Opacity of what has no effect."""


def graph_scene(graph: Graph) -> Scene:
    """Lays out a graph.

    Args:
        graph: without cycles.
    """
    nodes = {node.name: node for node in graph.nodes}
    labelled = {k: edge for k, edge in enumerate(graph.edges) if edge.label}
    edges = list[tuple[Vertex, Vertex]]()
    vertices = list[Vertex]()
    for node in graph.nodes:
        vertices += [k for k, edge in labelled.items() if edge.target == node.name]
        vertices.append(node.name)
    for k, edge in enumerate(graph.edges):
        edges += [(edge.source, k), (k, edge.target)] if edge.label else [(edge.source, edge.target)]
    owners = [edge for edge in graph.edges for _ in range(2 if edge.label else 1)]
    column = columns_of(edges, vertices)
    paths = routed(edges, column)
    order = ordered(paths, column)
    size = {vertex: _size(labelled[vertex] if isinstance(vertex, int) else nodes[str(vertex)]) for vertex in vertices}
    y = heights(paths, order, {vertex: height for vertex, (_, height) in size.items()}, ROW_GAP)
    wide = [max((size[vertex][0] for vertex in some if vertex in size), default=0.0) for some in order]
    left = [sum(wide[:k]) + COLUMN_GAP * k for k in range(len(wide))]
    low = min(y[v] - (size[v][1] / 2 if v in size else 0) for v in y)
    scene = Scene()
    for path, edge in zip(paths, owners, strict=True):
        first, last = column[path[0]], column[path[-1]]
        start, end = y[path[0]] - low, y[path[-1]] - low
        # Straight to the side of its column first: what stands above or below may be wider.
        points = [(left[first] + (wide[first] + size[path[0]][0]) / 2, start), (left[first] + wide[first], start)]
        for bend in path[1:-1]:
            k = bend[1]  # type: ignore[index]
            points += [(left[k], y[bend] - low), (left[k] + wide[k], y[bend] - low)]
        points += [(left[last], end), (left[last] + (wide[last] - size[path[-1]][0]) / 2, end)]
        scene.add(_line(edge, points, arrow=not isinstance(path[-1], int)))
    for vertex in vertices:
        k = column[vertex]
        middle = left[k] + wide[k] / 2
        if isinstance(vertex, int):
            edge = labelled[vertex]
            _plate(scene, middle, y[vertex] - low, size[vertex], edge.label, edge.kind, dead=edge.dead)
        else:
            node = nodes[str(vertex)]
            _plate(scene, middle, y[vertex] - low, size[vertex], node.label or node.name, node.kind, round_=True)
    scene.width = left[-1] + wide[-1]
    scene.height = max(y[v] + (size[v][1] / 2 if v in size else 0) for v in y) - low
    return scene


def _size(part: Node | Edge) -> tuple[float, float]:
    label = part.label or (part.name if isinstance(part, Node) else "")
    width = min(text_width(label, TEXT) + 2 * PADDING, WIDEST)
    if isinstance(part, Node) and part.kind == "other":
        return max(SMALLEST, width), SMALLEST
    return width, HEIGHT


def _line(edge: Edge, points: list[tuple[float, float]], *, arrow: bool) -> Line:
    line = replace(curve(points), arrow=arrow)
    return replace(line, opacity=0.45, dashed=True) if edge.dead else line


def _plate(
    scene: Scene,
    x: float,
    y: float,
    size: tuple[float, float],
    label: str,
    kind: Kind,
    *,
    dead: bool = False,
    round_: bool = False,
) -> None:
    width, height = size
    colour = COLOURS[kind]
    filling, line = tint(colour)
    if dead:
        colour, filling, line = INK, 0.0, DEAD
    radius = height / 2 if round_ else 6.0
    scene.add(Box(x - width / 2, y - height / 2, width, height, colour, filling, line, radius, dashed=dead))
    opacity = 0.5 if dead else 1.0
    scene.add(Label(x, y, fitted(label, width - PADDING, TEXT), TEXT, "regular", opacity))

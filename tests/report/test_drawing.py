"""Pictures of architectures: everything is there, legible, and at a place of its own."""

import random
import re
import sys
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure
from PIL import Image

import untrained
from untrained import SPACES, Drawing, InputError
from untrained.report.drawing.canvas import POINTS, plain_svg
from untrained.report.drawing.layers import columns_of, heights, ordered, routed
from untrained.report.drawing.scene import Box, Label, Line
from untrained.spaces import get_space
from untrained.spaces.picture import Block, Chain, Edge, Graph, Node, Picture, Stage, folded

RESNET = "block=basic,width=8,depth1=1,depth2=3,depth3=1,depth4=0"
NASTY = "<script>alert(1)</script> & \"quoted\" 'it' $x^2$ ]]> 卷积"
CELLS = ("nasbench201", "nasbench101", "darts", "transnas101-micro")


def pictures() -> list[Picture]:
    """One or two of each space, and what else may come."""
    rng, found = random.Random(3), list[Picture]()
    for name, kind in SPACES.items():
        made = get_space(name, N=1) if "N" in kind().options else kind()
        drawn = sorted((made.sample(rng) for _ in range(4)), key=len)
        found += [made.picture(arch) for arch in (drawn[0], drawn[-1])[-2 if name in CELLS else -1 :]]
    cells = Stage(tuple(Block("cell", "cell", (f"number {k}",)) for k in range(40)), "forty")
    found.append(Picture("many", "a" * 300, (Chain("network", (cells,)),)))
    found.append(Picture("one", "a", (Chain("network", (Stage((Block("alone"),)),)),)))
    return found


DRAWINGS = [Drawing(picture) for picture in pictures()]
NAMES = [f"{drawing.picture.title}-{k}" for k, drawing in enumerate(DRAWINGS)]


def texts(svg: str) -> list[str]:
    """The text elements of an SVG."""
    root = ElementTree.fromstring(svg)
    return [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("drawing", DRAWINGS, ids=NAMES)
def test_every_label_is_in_the_svg(drawing: Drawing) -> None:
    picture, svg = drawing.picture, drawing.svg
    found = texts(svg)
    wanted = [picture.title]
    for part in picture.parts:
        if isinstance(part, Graph):
            wanted += [node.label or node.name for node in part.nodes] + [e.label for e in part.edges if e.label]
        else:
            wanted += [stage.title for stage in part.stages if stage.title]
            wanted += [text for stage in part.stages for b, _ in folded(stage.blocks) for text in (b.title, *b.details)]
    for text in {*wanted}:
        assert found.count(text) >= wanted.count(text), text
    assert picture.architecture in "".join(found)
    root = ElementTree.fromstring(svg)
    assert (root.get("role"), root[0].text) == ("img", f"{picture.title}: {picture.architecture}")
    assert root[1].text == picture.described()
    assert len(svg) < 60_000


@pytest.mark.parametrize("drawing", DRAWINGS, ids=NAMES)
def test_nothing_lies_on_anything_else(drawing: Drawing) -> None:
    scene = drawing.scene
    boxes = [item for item in scene.items if isinstance(item, Box)]
    for one, other in combinations(boxes, 2):
        apart = (
            one.x + one.width <= other.x
            or other.x + other.width <= one.x
            or one.y + one.height <= other.y
            or other.y + other.height <= one.y
        )
        assert apart or inside(one, other) or inside(other, one), (one, other)
    for label in (item for item in scene.items if isinstance(item, Label)):
        left = label.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[label.anchor] * label.width
        assert left >= 0
        assert left + label.width <= scene.width
        around = [
            box for box in boxes if box.x <= label.x <= box.x + box.width and box.y <= label.y <= box.y + box.height
        ]
        assert all(box.x < left and left + label.width < box.x + box.width for box in around), label
    plates = [box for box in boxes if not any(inside(other, box) for other in boxes)]
    for line in (item for item in scene.items if isinstance(item, Line) and item.arrow):
        for x, y in points_on(line):
            assert 0 <= x <= scene.width
            assert 0 <= y <= scene.height
            assert not any(
                box.x + 1 < x < box.x + box.width - 1 and box.y + 1 < y < box.y + box.height - 1 for box in plates
            ), line


def inside(one: Box, other: Box) -> bool:
    """Whether the first lies in the second."""
    return (
        other.x < one.x
        and other.y < one.y
        and one.x + one.width < other.x + other.width
        and one.y + one.height < other.y + other.height
    )


def points_on(line: Line) -> list[tuple[float, float]]:
    """Points along a line."""
    found, at = list[tuple[float, float]](), line.start
    for part in line.parts:
        a, b, c, d = (at, at, part[0], part[0]) if len(part) == 1 else (at, *part)
        for t in (k / 20 for k in range(21)):
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
            x, y = (sum(w * p[i] for w, p in zip(weights, (a, b, c, d), strict=True)) for i in (0, 1))
            found.append((x, y))
        at = part[-1]
    return found


def test_names_are_no_markup() -> None:
    nodes = (Node("0", NASTY, "input"), Node("1", kind="output"))
    graph = Graph(NASTY, nodes, (Edge("0", "1", NASTY, "conv"),))
    chain = Chain(NASTY, (Stage((Block("b", details=("x < y & z", NASTY[:12])),), "<b>"),))
    svg = Drawing(Picture(NASTY, NASTY, (graph, chain))).svg
    root = ElementTree.fromstring(svg)
    assert root[0].text == f"{NASTY}: {NASTY}"
    assert {element.tag.rpartition("}")[2] for element in root.iter()} == {"svg", "title", "desc", "path", "text"}
    assert {"x < y & z", "<b>", NASTY[:12]} <= {*texts(svg)}


def test_blocks_in_a_row_are_drawn_once() -> None:
    drawing = untrained.draw("nasbench201", "12", N=7)
    assert texts(drawing.svg).count("× 7") == 3
    assert texts(drawing.svg).count("cell") == 4  # three stages, and the heading of the graph


def test_dead_edges_are_faint() -> None:
    scene = untrained.draw("nasbench201", "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|").scene
    dashed = [item for item in scene.items if isinstance(item, Box | Line) and item.dashed]
    assert len([item for item in dashed if isinstance(item, Box)]) == 5
    assert len([item for item in dashed if isinstance(item, Line)]) == 10  # to the operation, and on from it


def test_themes(tmp_path: Path) -> None:
    svgs = {theme: untrained.draw("resnet", RESNET, theme=theme).svg for theme in ("auto", "light", "dark")}
    assert "currentColor" in svgs["auto"]
    assert "currentColor" not in svgs["light"] + svgs["dark"]
    assert svgs["light"] != svgs["dark"]
    assert "<style" not in svgs["auto"]  # it would reach all of the page
    untrained.draw("resnet", RESNET).save(tmp_path / "auto.svg")
    assert "prefers-color-scheme:dark" in (tmp_path / "auto.svg").read_text()
    ElementTree.parse(tmp_path / "auto.svg")
    with pytest.raises(InputError, match="'pink': choose from auto, light, dark"):
        untrained.draw("resnet", RESNET, theme="pink")


def test_two_pictures_on_a_page_have_ids_of_their_own() -> None:
    ids = list[str]()
    for width in (8, 12):
        root = ElementTree.fromstring(untrained.draw("resnet", RESNET.replace("width=8", f"width={width}")).svg)
        ids += [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len({*ids}) == len(ids) == 4


def test_files(tmp_path: Path) -> None:
    drawing = untrained.draw("resnet", RESNET)
    for ending, start in ((".svg", b"<svg"), (".png", b"\x89PNG"), (".PDF", b"%PDF")):
        path = tmp_path / f"a{ending}"
        drawing.save(path)
        content = path.read_bytes()
        assert content.startswith(start)
        drawing.save(path)
        assert path.read_bytes() == content
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (2 * drawing.scene.width, 2 * drawing.scene.height)
        assert image.convert("RGBA").getpixel((0, 0)) == (255, 255, 255, 255)
    Drawing(drawing.picture, "dark").save(tmp_path / "dark.png")
    with Image.open(tmp_path / "dark.png") as image:
        assert image.getchannel("A").getpixel((0, 0)) == 0
    assert drawing._repr_svg_() == drawing.svg
    with pytest.raises(InputError, match=r"a\.gif'.*\.svg, \.png, \.pdf"):
        drawing.save(tmp_path / "a.gif")
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        drawing.save(tmp_path / "folder.svg")


def test_data_say_what_goes_in() -> None:
    blocks = [block for part in untrained.draw("resnet", RESNET, data="digits").picture.parts for block in part.blocks]  # type: ignore[union-attr]
    assert blocks[0].shape == (1, 8, 8)
    assert blocks[-1].shape == (10,)


def test_matplotlib_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"pip install 'untrained\[draw\]'"):
        untrained.draw("resnet", RESNET)


def test_a_planar_graph_is_drawn_without_crossings() -> None:
    # Given in an order in which b and c would cross over: a-c, a-b, b-d, c-e.
    vertices, edges = ["a", "x", "b", "c", "d", "e"], [("a", "c"), ("x", "b"), ("c", "d"), ("b", "e")]
    column = columns_of(edges, vertices)
    assert column == {"a": 0, "x": 0, "b": 1, "c": 1, "d": 2, "e": 2}
    paths = routed(edges, column)
    order = ordered(paths, column)
    place = {vertex: some.index(vertex) for some in order for vertex in some}
    assert (place["a"] < place["x"]) == (place["c"] < place["b"]) == (place["d"] < place["e"])


def test_an_edge_has_a_bend_in_each_column_that_it_passes() -> None:
    edges = [("a", "b"), ("b", "c"), ("a", "c")]
    column = columns_of(edges, "abc")
    paths = routed(edges, column)
    assert paths == [("a", "b"), ("b", "c"), ("a", (2, 1), "c")]
    y = heights(paths, ordered(paths, column), {"a": 20, "b": 20, "c": 20}, gap=10)
    assert abs(y["b"] - y[(2, 1)]) == 20  # half of the vertex, and the gap
    assert y["a"] == y["c"] == y[(2, 1)]  # the longer edge is the straight one: a step off it costs more


def test_a_marker_is_drawn_where_it_stands() -> None:
    """Matplotlib defines a marker once and uses it at each point; ticks without length are none."""
    figure = Figure(figsize=(100 / POINTS, 100 / POINTS), dpi=POINTS)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 1), ylim=(0, 1))
    axes.tick_params(length=0)
    axes.plot([0.25, 0.5], [0.75, 0.1], "s", color="#ff0000", markersize=10)
    svg = plain_svg(figure, "Dots", "Two squares", "dots")
    assert re.findall(r'transform="translate\(([\d. ]+)\)"', svg) == ["25 25", "50 90"]
    assert svg.count("fill: #ff0000") == 2

"""Drawing a scene with matplotlib, into SVG, PNG or PDF."""

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path as Outline

from untrained.report.drawing.scene import INK, Box, Font, Label, Line, Point, Scene

INKS = {"light": "#1f2328", "dark": "#e6edf3"}
"""The ink on light and on dark pages."""
PAPER = "#ffffff"
MARK = "#010203"
"""Stands for the ink until an SVG is written, in which it is the colour of the text around it."""
SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
SANS = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
POINTS = 72
SHARPNESS = 2
"""Pixels of a PNG for each pixel of the scene."""
HEAD_LENGTH, HEAD_WIDTH = 7.0, 6.0


@lru_cache(maxsize=100)
def properties(size: float, font: Font) -> FontProperties:
    """A font of matplotlib's own, so that it is there on every machine."""
    family = "DejaVu Sans Mono" if font == "mono" else "DejaVu Sans"
    return FontProperties(family=family, size=size, weight="bold" if font == "bold" else "normal")


def rendered(scene: Scene, format: str, theme: str) -> bytes:
    """Draws a scene as a PNG or PDF.

    Args:
        scene: what to draw.
        format: `png` or `pdf`.
        theme: `light` or `dark` for a page of this kind, without a background; `auto` for dark ink on white paper.
    """
    figure = _figure(scene, INKS[theme if theme in INKS else "light"])
    out = io.BytesIO()
    paper = PAPER if theme not in INKS else "none"
    fixed: dict[str, Any] = {"metadata": {"CreationDate": None}} if format == "pdf" else {}
    figure.savefig(out, format=format, dpi=POINTS * SHARPNESS, facecolor=paper, **fixed)
    return out.getvalue()


def svg_of(scene: Scene, title: str, description: str, theme: str, name: str) -> str:
    """Draws a scene as an SVG, whose text is text.

    Args:
        scene: what to draw.
        title: the name of the picture.
        description: the picture in words.
        theme: `light` or `dark` for the ink of such a page; `auto` for that of the page's text.
        name: what ids in the SVG begin with.
    """
    return plain_svg(_figure(scene, MARK), title, description, name).replace(MARK, INKS.get(theme, "currentColor"))


def plain_svg(figure: Figure, title: str, description: str, name: str) -> str:
    """A figure as a small SVG: its paths and texts, without matplotlib's groups and definitions.

    Args:
        figure: with `POINTS` dots an inch; nothing in it may be clipped or a gradient.
        title: the name of the picture.
        description: the picture in words.
        name: what ids in the SVG begin with.
    """
    out = io.StringIO()
    # Letters that matplotlib's font lacks are no matter: the viewer has fonts of its own.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}), warnings.catch_warnings(action="ignore"):
        figure.savefig(out, format="svg", dpi=POINTS, facecolor="none", metadata={"Date": None})
    root = ElementTree.fromstring(out.getvalue())
    markers = {path.get("id", ""): path for path in root.iterfind(f".//{{{SVG}}}defs/{{{SVG}}}path")}
    content = [part for part in root if part.tag not in (f"{{{SVG}}}metadata", f"{{{SVG}}}defs")]
    width, height = (f"{inches * POINTS:g}" for inches in figure.get_size_inches())
    made = ElementTree.Element(
        "svg",
        {
            "xmlns": SVG,
            "viewBox": f"0 0 {width} {height}",
            "width": width,
            "height": height,
            "role": "img",
            "aria-labelledby": f"{name}-title {name}-description",
            "style": "max-width: 100%; height: auto",
        },
    )
    ElementTree.SubElement(made, "title", {"id": f"{name}-title"}).text = title
    ElementTree.SubElement(made, "desc", {"id": f"{name}-description"}).text = description
    for part in content:
        made.extend(_plain(part, markers))
    return ElementTree.tostring(made, encoding="unicode")


def in_a_file(svg: str) -> str:
    """An SVG as a file of its own, whose ink is that which its viewer prefers if the theme leaves it open."""
    if "currentColor" not in svg:
        return svg
    head, end, rest = svg.partition(">")
    name = re.findall(r'aria-labelledby="(\w+)-title', head)[0]
    style = f"#{name}{{color:{INKS['light']}}}@media(prefers-color-scheme:dark){{#{name}{{color:{INKS['dark']}}}}}"
    return f'{head} id="{name}"{end}<style>{style}</style>{rest}\n'


def _plain(element: ElementTree.Element, markers: Mapping[str, ElementTree.Element]) -> Iterator[ElementTree.Element]:
    """What matplotlib has drawn, without its groups, their ids, and the numbers' last digits."""
    tag = element.tag.removeprefix(f"{{{SVG}}}")
    if tag == "g":
        for child in element:
            yield from _plain(child, markers)
        return
    if tag == "use":  # a marker where it stands; ticks of no length are markers, too
        for marker in _plain(markers[element.attrib[f"{{{XLINK}}}href"][1:]], {}):
            if re.search("[1-9]", marker.get("d", "")):
                at = (f"{float(element.get(axis, '0')):.1f}".removesuffix(".0") for axis in "xy")
                marker.set("transform", f"translate({' '.join(at)})")
                marker.set("style", "; ".join(filter(None, (marker.get("style"), element.get("style")))))
                yield marker
        return
    if tag not in ("path", "text"):
        return
    plain = ElementTree.Element(tag, {key: value for key, value in element.attrib.items() if key not in ("id",)})
    plain.text = element.text
    if (drawn := plain.get("d")) is not None:
        short = re.sub(r"-?\d+\.\d+", lambda m: f"{float(m[0]):.1f}".removesuffix(".0"), drawn.replace("\n", ""))
        if not re.search("[CQ]", short):
            short = short.replace("L ", "")  # what follows a move is a line anyway
        plain.set("d", short)
    if (style := plain.get("style")) is not None:
        style = style.replace("'DejaVu Sans Mono'", MONO).replace("'DejaVu Sans'", SANS)
        plain.set("style", style)
    yield plain


def _figure(scene: Scene, ink: str) -> Figure:
    figure = Figure(figsize=(scene.width / POINTS, scene.height / POINTS), dpi=POINTS)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, scene.width)
    axes.set_ylim(scene.height, 0)
    for place, item in enumerate(scene.items):
        match item:
            case Box():
                axes.add_patch(_box(item, ink, place))
            case Line():
                for patch in _line(item, ink, place):
                    axes.add_patch(patch)
            case Label():
                axes.text(
                    item.x,
                    item.y,
                    item.text,
                    color=ink,
                    alpha=item.opacity,
                    ha={"start": "left", "middle": "center", "end": "right"}[item.anchor],
                    va="center_baseline",
                    fontproperties=properties(item.size, item.font),
                    parse_math=False,
                    zorder=place,
                )
    return figure


def _box(box: Box, ink: str, place: int) -> FancyBboxPatch:
    colour = ink if box.colour == INK else box.colour
    radius = min(box.radius, box.width / 2, box.height / 2)
    return FancyBboxPatch(
        (box.x, box.y),
        box.width,
        box.height,
        boxstyle=f"round,pad=0,rounding_size={radius}",
        facecolor=(colour, box.filling),
        edgecolor=(colour, box.line),
        linewidth=1.2 if box.line else 0,
        linestyle=(0, (3, 2.5)) if box.dashed else "-",
        zorder=place,
        clip_on=False,
    )


def _line(line: Line, ink: str, place: int) -> Iterator[PathPatch | Polygon]:
    colour = ink if line.colour == INK else line.colour
    points, codes = [line.start], [Outline.MOVETO]
    for part in line.parts:
        points += part
        codes += [Outline.LINETO if len(part) == 1 else Outline.CURVE4] * len(part)
    if line.arrow:
        tip = points[-1]
        before = next(point for point in reversed(points[:-1]) if point != tip)
        back, corners = _head(before, tip)
        points[-1] = back
        yield Polygon(corners, closed=True, facecolor=(colour, line.opacity), linewidth=0, zorder=place, clip_on=False)
    yield PathPatch(
        Outline(points, codes),
        facecolor="none",
        edgecolor=(colour, line.opacity),
        linewidth=line.width,
        linestyle=(0, (3, 2.5)) if line.dashed else "-",
        capstyle="butt",
        zorder=place,
        clip_on=False,
    )


def _head(before: Point, tip: Point) -> tuple[Point, list[Point]]:
    """The middle of the back of an arrowhead, and its corners."""
    dx, dy = tip[0] - before[0], tip[1] - before[1]
    length = (dx**2 + dy**2) ** 0.5
    dx, dy = dx / length, dy / length
    back = (tip[0] - HEAD_LENGTH * dx, tip[1] - HEAD_LENGTH * dy)
    half = HEAD_WIDTH / 2
    return back, [tip, (back[0] - half * dy, back[1] + half * dx), (back[0] + half * dy, back[1] - half * dx)]

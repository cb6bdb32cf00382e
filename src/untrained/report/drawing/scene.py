"""A drawing before it is drawn: boxes, lines and labels at their places.

Lengths are pixels, x to the right and y down. What has no colour of its own is ink, dark on light pages and light on
dark ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from typing import Literal

INK = "ink"
"""The colour of text, which depends on the page."""
GREY = "#8a919a"
"""The colour of lines, on light and on dark pages."""
TITLE, HEAD, TEXT, SMALL = 17.0, 12.0, 10.5, 10.0
"""Sizes of type."""
FAINT = 0.68
"""Opacity of what is said beside."""

Point = tuple[float, float]
Font = Literal["regular", "bold", "mono"]


@dataclass(frozen=True)
class Box:
    """A rounded rectangle.

    Attributes:
        x, y, width, height: its place, from the upper left corner.
        colour: of line and filling.
        filling, line: their opacity.
        radius: of the corners.
        dashed: whether the line is.
    """

    x: float
    y: float
    width: float
    height: float
    colour: str = INK
    filling: float = 0.0
    line: float = 1.0
    radius: float = 6.0
    dashed: bool = False


@dataclass(frozen=True)
class Label:
    """A line of text.

    Attributes:
        x, y: where it is anchored, and the middle of its height.
        text: what it says.
        size: of the type.
        font: of the type.
        opacity: of the ink.
        anchor: which part of it is at `x`.
    """

    x: float
    y: float
    text: str
    size: float = TEXT
    font: Font = "regular"
    opacity: float = 1.0
    anchor: Literal["start", "middle", "end"] = "middle"

    @property
    def width(self) -> float:
        """Its width."""
        return text_width(self.text, self.size, self.font)


@dataclass(frozen=True)
class Line:
    """A line of straight and curved parts.

    Attributes:
        start: where it begins.
        parts: the points of each part behind its beginning: one of a straight part, three of a cubic Bezier curve.
        colour: of the line.
        opacity: of the line.
        width: of the line.
        arrow: whether it ends in an arrowhead.
        dashed: whether it is.
    """

    start: Point
    parts: tuple[tuple[Point, ...], ...]
    colour: str = GREY
    opacity: float = 1.0
    width: float = 1.4
    arrow: bool = True
    dashed: bool = False


Item = Box | Label | Line


@dataclass
class Scene:
    """What is to be drawn.

    Attributes:
        items: from the lowest to the uppermost.
        width, height: of all of them.
    """

    items: list[Item] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0

    def add(self, *items: Item) -> None:
        """Lays items on those that there are."""
        self.items += items

    def take(self, other: "Scene", x: float, y: float) -> None:
        """Lays another scene on this one, its upper left corner at a place."""
        self.items += (moved(item, x, y) for item in other.items)
        self.width, self.height = max(self.width, x + other.width), max(self.height, y + other.height)


def moved(item: Item, x: float, y: float) -> Item:
    """The item at another place."""
    if not isinstance(item, Line):
        return replace(item, x=item.x + x, y=item.y + y)
    parts = tuple(tuple((px + x, py + y) for px, py in part) for part in item.parts)
    return replace(item, start=(item.start[0] + x, item.start[1] + y), parts=parts)


@lru_cache(maxsize=10_000)
def text_width(text: str, size: float, font: Font = "regular") -> float:
    """The width of a line of text.

    It is that of DejaVu Sans, which is wider than the fonts that browsers take instead.

    Args:
        text: a line.
        size: of the type.
        font: of the type.
    """
    import warnings

    from matplotlib.textpath import TextToPath

    from untrained.report.drawing.canvas import properties

    with warnings.catch_warnings(action="ignore"):  # letters that the font lacks: a viewer has another one
        return TextToPath().get_text_width_height_descent(text, properties(size, font), ismath=False)[0]


def fitted(text: str, width: float, size: float, font: Font = "regular") -> str:
    """A text that is no wider than it may be, cut at its end if it must be."""
    if text_width(text, size, font) <= width + 0.5:
        return text
    kept = len(text)
    while kept and text_width(f"{text[:kept].rstrip()}…", size, font) > width:
        kept -= 1
    return f"{text[:kept].rstrip()}…"


def polyline(points: Sequence[Point], radius: float = 8.0) -> Line:
    """A line of horizontal and vertical parts with round corners.

    Args:
        points: its beginning, its corners and its end.
        radius: of the corners, less where there is no room.
    """
    parts = list[tuple[Point, ...]]()
    for (x0, y0), (x1, y1), (x2, y2) in zip(points, points[1:], points[2:], strict=False):
        before, after = abs(x1 - x0) + abs(y1 - y0), abs(x2 - x1) + abs(y2 - y1)
        r = min(radius, before / 2, after / 2)
        if not r:
            continue
        enter = (x1 + (x0 - x1) * r / before, y1 + (y0 - y1) * r / before)
        leave = (x1 + (x2 - x1) * r / after, y1 + (y2 - y1) * r / after)
        parts += [(enter,), ((x1, y1), (x1, y1), leave)]
    return Line(points[0], (*parts, (points[-1],)))


def curve(points: Sequence[Point]) -> Line:
    """A line through points that passes each of them horizontally."""
    parts = list[tuple[Point, ...]]()
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (x0 + x1) / 2
        parts.append(((x1, y1),) if y0 == y1 else ((middle, y0), (middle, y1), (x1, y1)))
    return Line(points[0], tuple(parts))

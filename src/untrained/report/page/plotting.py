"""How the figures of all pages are made: marks, axes, points. Colours of text and lines are the page's to set."""

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from plotly.graph_objects import Figure, Heatmap, Scatter

from untrained.report.folding import folded_architecture
from untrained.report.page.data import Row

INK = {"theme": "ink"}
"""Marks a trace whose colour is that of the text."""
GREY = "#8a8f98"
"""Of what is no query, on light and on dark."""
WIDE, HIGH = 44, 8
"""Letters in a line, and lines, of an architecture that a figure tells."""


class Mark(NamedTuple):
    """How a query is drawn: never by its colour alone."""

    name: str
    colour: str
    symbol: str
    glyph: str


EXPLORE = Mark("explore", "#2f7fc1", "circle", "●")
EXPLOIT = Mark("exploit", "#d5681d", "diamond", "◆")
PLAIN = Mark("query", "#1f9e89", "square", "■")
PRUNED = Mark("stopped early", "#9b6fc4", "triangle-down", "▼")
FAILED = Mark("failed", "#d6455d", "x", "✖")
MARKS = (EXPLORE, EXPLOIT, PLAIN, PRUNED, FAILED)

HUES = ("#2f7fc1", "#d5681d", "#1f9e89", "#b5529b", "#8c6a4a", "#9a8a14", "#d1344b", "#6f7b8c")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "triangle-down", "star", "hexagon")


def mark_of(row: Row) -> Mark:
    """How a query is drawn."""
    if row.query.state == "pruned":
        return PRUNED
    if row.query.state != "complete" or row.query.value is None:
        return FAILED
    return next((mark for mark in (EXPLORE, EXPLOIT) if mark.name == row.query.phase), PLAIN)


def ticks(n: float) -> int | None:
    """A tick at each whole number as long as there are few: queries and steps are counted."""
    return 1 if n <= 15 else None


def empty(x: str, y: str, height: int = 380) -> Figure:
    """A figure without traces.

    Args:
        x: The title of its axis, plain text as all that is given here.
        y: The other's.
        height: In pixels.
    """
    figure = Figure(layout={"template": {}})
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 12, "t": 36, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        hoverlabel={"align": "left"},
        font={"size": 12},
    )
    for text, axis in ((x, figure.update_xaxes), (y, figure.update_yaxes)):
        axis(title={"text": escape(text), "standoff": 8, "font": {"size": 12}}, automargin=True, zeroline=False)
    return figure


def heat(z: Any, x: Sequence[str], y: Sequence[str], ends: tuple[float, float], title: str, hover: str) -> Figure:
    """A map of numbers, by name: `x` and `y` are labels already (see `label`)."""
    figure = empty(title, "", height=max(220, 110 + 26 * len(y)))
    figure.add_trace(
        Heatmap(
            z=z,
            x=list(x),
            y=list(y),
            zmin=ends[0],
            zmax=ends[1],
            xgap=1,
            ygap=1,
            meta={"theme": "diverging" if ends[0] < 0 else "rising"},
            hovertemplate=f"{hover}<extra></extra>",
            hoverongaps=False,
            colorbar={"thickness": 10, "outlinewidth": 0, "len": 0.9},
        )
    )
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", showgrid=False)
    return figure


def add_queries(
    figure: Figure,
    rows: Sequence[Row],
    xs: Sequence[float],
    ys: Sequence[float] | None = None,
    missing: float | None = None,
    numbered: bool = False,
) -> None:
    """Draws queries, each kind with a mark of its own, and a star around the pick.

    Args:
        figure: Where.
        rows: The queries.
        xs: As many numbers.
        ys: As many numbers; the values if None.
        missing: Where those stand that have no value; None leaves them out.
        numbered: Whether their places are written beside them.
    """
    heights = [row.query.value if ys is None else ys[k] for k, row in enumerate(rows)]
    for mark in MARKS:
        own = [k for k, row in enumerate(rows) if mark_of(row) == mark]
        own = [k for k in own if heights[k] is not None or missing is not None]
        if own:
            at = [missing if (y := heights[k]) is None else y for k in own]
            trace = queries(mark, [rows[k] for k in own], [xs[k] for k in own], at)
            if numbered:
                words = [str(rows[k].place) for k in own]
                trace.update(mode="markers+text", text=words, textposition="top center", textfont={"size": 11})
            figure.add_trace(trace)
    best = [k for k, row in enumerate(rows) if row.is_best]
    if best:
        star: dict[str, Any] = {"symbol": "star-open", "size": 20, "color": GREY, "line": {"width": 1.5}}
        at = {"x": [xs[k] for k in best], "y": [heights[k] for k in best]}
        figure.add_trace(Scatter(**at, mode="markers", name="the pick", marker=star, hoverinfo="skip", meta=INK))


def queries(mark: Mark, rows: Sequence[Row], xs: Iterable[float], ys: Sequence[float | None] | None = None) -> Scatter:
    """Queries of one kind as points that tell of themselves; the page adds their architectures (see `names_of`)."""
    return Scatter(
        x=list(xs),
        y=[row.query.value for row in rows] if ys is None else list(ys),
        mode="markers",
        name=mark.name,
        marker={"color": mark.colour, "symbol": mark.symbol, "size": 9},
        customdata=[[row.place, value_said(row)] for row in rows],
        hovertemplate="query %{customdata[0]}: <b>%{customdata[1]}</b><br>%{customdata[2]}<extra></extra>",
    )


def names_of(rows: Iterable[Row]) -> dict[str, str]:
    """Place of a query -> its architecture as Plotly's HTML, which a page has once for all its figures."""
    return {str(row.place): lines_of(row.query.architecture) for row in rows}


def value_said(row: Row) -> str:
    """The value of a query, or why it has none, as Plotly's HTML."""
    if row.query.value is None:
        return escape(f"failed: {row.query.reason or 'no reason known'}"[:120])
    return f"{row.query.value:.4g}"


def lines_of(arch: str) -> str:
    """An architecture in short lines of Plotly's HTML."""
    return "<br>".join(escape(line) for line in folded_architecture(arch, WIDE)[:HIGH])


def label(name: str, most: int = 28) -> str:
    """A name as Plotly's HTML, short enough for an axis.

    Example:
        >>> label("a<b"), label("x" * 40, 10)
        ('a&lt;b', 'xxxxxxxxx…')
    """
    return escape(name if len(name) <= most else f"{name[: most - 1]}…")


def as_json(figures: Mapping[str, Figure]) -> dict[str, Any]:
    """The figures as Plotly's script takes them: data and layout. Six digits are more than a screen shows."""
    return {
        name: json.loads(str(figure.to_json()), parse_float=lambda text: float(f"{float(text):.6g}"))
        for name, figure in figures.items()
    }

"""The figures of a page on a search, as Plotly's. Colours of text, lines and scales are the page's to set."""

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
from plotly.graph_objects import Bar, Figure, Heatmap, Scatter

from untrained.report.folding import folded_architecture
from untrained.report.page.data import Contents, Row
from untrained.report.page.told import Agreement, Array
from untrained.report.text import CALLED
from untrained.samplers.tradeoffs import nondominated

MOST_POINTS = 3000
"""Architectures of a pool that are drawn: more make a cloud no clearer, and the file large."""
INK = {"theme": "ink"}
"""Marks a trace whose colour is that of the text."""


class Mark(NamedTuple):
    """How a query is drawn: never by its colour alone."""

    name: str
    colour: str
    symbol: str
    glyph: str


EXPLORE = Mark("explore", "#2f7fc1", "circle", "●")
EXPLOIT = Mark("exploit", "#e2762b", "diamond", "◆")
PLAIN = Mark("query", "#2a9d8f", "square", "■")
PRUNED = Mark("stopped early", "#9b6fc4", "triangle-down", "▼")
FAILED = Mark("failed", "#d6455d", "x", "✖")
MARKS = (EXPLORE, EXPLOIT, PLAIN, PRUNED, FAILED)


def mark_of(row: Row) -> Mark:
    """How a query is drawn."""
    if row.query.state == "pruned":
        return PRUNED
    if row.query.state != "complete" or row.query.value is None:
        return FAILED
    return next((mark for mark in (EXPLORE, EXPLOIT) if mark.name == row.query.phase), PLAIN)


def progress(shown: Contents) -> Figure:
    """Values and the best so far against queries; failed ones stand below all values, or above if less is better."""
    figure = _figure("query", shown.objective)
    known = [row for row in shown.rows if row.best is not None]
    line = {"color": "#888", "width": 2, "shape": "hv"}
    if known:
        xs, ys = [row.place for row in known], [row.best for row in known]
        figure.add_trace(Scatter(x=xs, y=ys, mode="lines", line=line, name="best so far", hoverinfo="skip", meta=INK))
    values = [row.query.value for row in shown.rows if row.query.value is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    pad = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
    floor = low - pad if shown.sign > 0 else high + pad
    _points(figure, shown.rows, [row.place for row in shown.rows], shown, missing=floor)
    figure.update_xaxes(dtick=_ticks(len(shown.rows)), range=[0.5, len(shown.rows) + 0.5])
    return figure


def curves(shown: Contents) -> Figure | None:
    """What the queries reported on the way; None if none did."""
    drawn = [row for row in shown.rows if len(row.curve) > 1]
    if not drawn:
        return None
    figure = _figure("step", shown.objective)
    for row in sorted(drawn, key=lambda row: row.is_best):
        mark = mark_of(row)
        xs, ys = zip(*row.curve, strict=True)
        figure.add_trace(
            Scatter(
                x=xs,
                y=ys,
                mode="lines+markers",
                name=f"query {row.place}" + " (the pick)" * row.is_best,
                line={"color": mark.colour, "width": 3 if row.is_best else 1.2},
                marker={"symbol": mark.symbol, "size": 8 if row.is_best else 5},
                opacity=1.0 if row.is_best else 0.55,
                customdata=[[row.place, _lines(row.query.architecture)]] * len(xs),
                hovertemplate="query %{customdata[0]}, step %{x}: <b>%{y:.4g}</b><br>%{customdata[1]}<extra></extra>",
                showlegend=False,
            )
        )
    figure.update_xaxes(dtick=_ticks(max(row.curve[-1][0] - row.curve[0][0] for row in drawn)))
    return figure


def against(shown: Contents, name: str) -> Figure:
    """Values against a cost, with the front of the two."""
    unit = shown.units.get(name, "")
    figure = _figure(escape(CALLED.get(name, name)) + (f" ({unit})" if unit else ""), shown.objective)
    rows = [row for row in shown.rows if name in row.figures]
    done = [row for row in rows if row.query.state == "complete" and row.query.value is not None]
    if done:
        points = np.array(
            [[-shown.axes[name] * row.figures[name], -shown.sign * (row.query.value or 0.0)] for row in done]
        )
        front = sorted(
            ((row.figures[name], row.query.value) for row, on in zip(done, nondominated(points), strict=True) if on),
            reverse=shown.axes[name] > 0,
        )
        xs, ys = zip(*front, strict=True)
        figure.add_trace(
            Scatter(
                x=xs,
                y=ys,
                mode="lines+markers",
                name="front",
                line={"color": "#888", "width": 1.5, "dash": "dot", "shape": "hv"},
                marker={"symbol": "circle-open", "size": 17, "color": "#888", "line": {"width": 1.5}},
                hoverinfo="skip",
                meta=INK,
            )
        )
    _points(figure, rows, [row.figures[name] for row in rows], shown)
    return figure


def agreement(found: Sequence[Agreement]) -> Figure:
    """Rank correlations of the metrics with the objective."""
    said = [one for one in reversed(found) if one.spearman is not None]
    figure = _figure("rank correlation", "", height=120 + 24 * len(said))
    figure.add_trace(
        Bar(
            x=[one.spearman for one in said],
            y=[f"{_label(one.metric)} (n = {one.n})" for one in said],
            orientation="h",
            marker={"color": ["#2f7fc1" if (one.spearman or 0) >= 0 else "#c8553d" for one in said]},
            text=[f"{one.spearman:+.2f}" for one in said],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra></extra>",
            showlegend=False,
        )
    )
    figure.update_xaxes(range=[-1.3, 1.3], tickvals=[-1, -0.5, 0, 0.5, 1])
    figure.update_yaxes(type="category", showgrid=False)
    return figure


def metric_points(shown: Contents, found: Sequence[Agreement]) -> Figure:
    """Values against the rank of a metric's score over the pool: a group of traces for each metric, the first shown."""
    figure = _figure("rank of the score in the pool", shown.objective)
    rows = {row.place: row for row in shown.rows}
    for number, one in enumerate(found):
        for mark in (EXPLORE, EXPLOIT, PLAIN):
            points = [(rows[place], x) for place, x, _ in one.points if mark_of(rows[place]) == mark]
            trace = _scatter(mark, [row for row, _ in points], [x for _, x in points])
            trace.update(visible=number == 0, meta={"group": number}, showlegend=bool(points))
            figure.add_trace(trace)
    figure.update_xaxes(range=[-0.04, 1.04])
    return figure


def trust(shown: Contents) -> Figure | None:
    """How far the sampler trusted each metric when it chose each query; None if it has no weights."""
    rows = [row for row in shown.rows if row.query.metric_weights]
    if not rows:
        return None
    names = list(dict.fromkeys(name for row in rows for name in row.query.metric_weights))
    last = rows[-1].query.metric_weights
    names.sort(key=lambda name: abs(last.get(name, 0.0)))
    weights = [[row.query.metric_weights.get(name) for row in rows] for name in names]
    told = [w for line in weights for w in line if w is not None]
    top = max(map(abs, told)) or 1.0
    ends = (min(told), max(told)) if 0 <= min(told) < max(told) else (-top, top)
    hover = "query %{x}, %{y}: %{z:+.3f}"
    return _heat(weights, [str(row.place) for row in rows], list(map(_label, names)), ends, "query", hover)


def together(names: Sequence[str], matrix: Array) -> Figure:
    """Rank correlations of metrics."""
    labels = list(map(_label, names))
    rounded = [[round(float(x), 3) for x in line] for line in matrix[::-1]]
    figure = _heat(rounded, labels, labels[::-1], (-1.0, 1.0), "", "%{x}, %{y}: %{z:+.2f}")
    figure.update_xaxes(tickangle=-50 if len(labels) > 4 else 0)
    return figure


def pool(shown: Contents, flat: Array, shares: Sequence[float]) -> Figure:
    """The pool in two dimensions, with the queries numbered in order."""
    assert shown.scores is not None
    axes = [f"component {k} ({share:.0%} of the variance)" for k, share in enumerate(shares, start=1)]
    figure = _figure(*axes, height=460)
    step = -(-len(flat) // MOST_POINTS)
    some = flat[::step]
    figure.add_trace(
        Scatter(
            x=[round(float(x), 4) for x in some[:, 0]],
            y=[round(float(y), 4) for y in some[:, 1]],
            mode="markers",
            name="pool",
            marker={"color": "#8a8f98", "size": 5, "opacity": 0.4},
            hoverinfo="skip",
        )
    )
    index = shown.scores.index
    rows = [row for row in shown.rows if row.query.architecture in index]
    at = flat[[index[row.query.architecture] for row in rows]] if rows else flat[:0]
    path = {"color": "#888", "width": 1}
    figure.add_trace(
        Scatter(
            x=list(at[:, 0]),
            y=list(at[:, 1]),
            mode="lines",
            name="in order",
            line=path,
            opacity=0.5,
            hoverinfo="skip",
            meta=INK,
        )
    )
    _points(figure, rows, [float(x) for x in at[:, 0]], shown, ys=[float(y) for y in at[:, 1]], numbered=True)
    figure.update_xaxes(showticklabels=False)
    figure.update_yaxes(showticklabels=False)
    return figure


def seconds(shown: Contents) -> Figure | None:
    """What each query took; None if that is not known."""
    rows = [row for row in shown.rows if row.query.seconds is not None]
    if not rows:
        return None
    figure = _figure("query", "seconds", height=260)
    for mark in MARKS:
        own = [row for row in rows if mark_of(row) == mark]
        if own:
            xs, ys = [row.place for row in own], [round(row.query.seconds or 0.0, 3) for row in own]
            hover = "query %{x}: %{y:.3g} s<extra></extra>"
            figure.add_trace(Bar(x=xs, y=ys, name=mark.name, marker={"color": mark.colour}, hovertemplate=hover))
    figure.update_layout(barmode="overlay", bargap=0.25)
    figure.update_xaxes(dtick=_ticks(len(shown.rows)))
    return figure


def _ticks(n: int) -> int | None:
    """A tick at each whole number as long as there are few: queries and steps are counted."""
    return 1 if n <= 15 else None


def _figure(x: str, y: str, height: int = 380) -> Figure:
    """An empty figure; `x` is HTML already, `y` is not."""
    figure = Figure(layout={"template": {}})
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 12, "t": 36, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        hoverlabel={"align": "left"},
        font={"size": 13},
    )
    figure.update_xaxes(title={"text": x, "standoff": 8}, automargin=True, zeroline=False)
    figure.update_yaxes(title={"text": escape(y), "standoff": 8}, automargin=True, zeroline=False)
    return figure


def _heat(z: Any, x: Sequence[str], y: Sequence[str], ends: tuple[float, float], title: str, hover: str) -> Figure:
    figure = _figure(title, "", height=max(220, 110 + 26 * len(y)))
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


def _points(
    figure: Figure,
    rows: Sequence[Row],
    xs: Sequence[float],
    shown: Contents,
    ys: Sequence[float] | None = None,
    missing: float | None = None,
    numbered: bool = False,
) -> None:
    """Draws queries, each kind with a mark of its own; without a value they stand at `missing`, or not at all."""
    heights = [row.query.value if ys is None else ys[k] for k, row in enumerate(rows)]
    for mark in MARKS:
        own = [k for k, row in enumerate(rows) if mark_of(row) == mark]
        own = [k for k in own if heights[k] is not None or missing is not None]
        if own:
            at = [missing if (y := heights[k]) is None else y for k in own]
            trace = _scatter(mark, [rows[k] for k in own], [xs[k] for k in own], at)
            if numbered:
                words = [str(rows[k].place) for k in own]
                trace.update(mode="markers+text", text=words, textposition="top center", textfont={"size": 11})
            figure.add_trace(trace)
    best = [k for k, row in enumerate(rows) if row.is_best]
    if best:
        ring = {"symbol": "star-open", "size": 20, "color": "#888", "line": {"width": 1.5}}
        at = [heights[k] for k in best]
        figure.add_trace(
            Scatter(
                x=[xs[k] for k in best],
                y=at,
                mode="markers",
                name="the pick",
                marker=ring,
                hoverinfo="skip",
                meta=INK,
            )
        )


def _scatter(mark: Mark, rows: Sequence[Row], xs: Iterable[float], ys: Sequence[float | None] | None = None) -> Scatter:
    return Scatter(
        x=list(xs),
        y=[row.query.value for row in rows] if ys is None else list(ys),
        mode="markers",
        name=mark.name,
        marker={"color": mark.colour, "symbol": mark.symbol, "size": 9},
        customdata=[[row.place, _said(row), _lines(row.query.architecture)] for row in rows],
        hovertemplate="query %{customdata[0]}: <b>%{customdata[1]}</b><br>%{customdata[2]}<extra></extra>",
    )


def _said(row: Row) -> str:
    if row.query.value is None:
        return escape(f"failed: {row.query.reason or 'no reason known'}"[:120])
    return f"{row.query.value:.4g}"


def _lines(arch: str) -> str:
    """An architecture in short lines of Plotly's HTML."""
    return "<br>".join(escape(line) for line in folded_architecture(arch, 44)[:8])


def _label(name: str) -> str:
    """A name of a metric, short enough for an axis."""
    return escape(name if len(name) <= 28 else f"{name[:27]}…")


def as_json(figures: Mapping[str, Figure]) -> dict[str, Any]:
    """The figures as Plotly's script takes them: data and layout."""
    return {name: json.loads(str(figure.to_json())) for name, figure in figures.items()}

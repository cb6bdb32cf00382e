"""The figures of a page on a search, as Plotly's."""

from collections.abc import Sequence

import numpy as np
from plotly.graph_objects import Bar, Figure, Scatter

from untrained.report.page.data import Contents, Row
from untrained.report.page.decisions import Decision
from untrained.report.page.plotting import (
    EXPLOIT,
    EXPLORE,
    GREY,
    INK,
    MARKS,
    PLAIN,
    add_queries,
    empty,
    heat,
    label,
    mark_of,
    queries,
    ticks,
)
from untrained.report.page.told import Agreement, Array
from untrained.report.text import CALLED
from untrained.samplers.tradeoffs import nondominated

MOST_POINTS = 2000
"""Architectures of a pool that are drawn: more make a cloud no clearer, and the file large."""
MOST_DECISIONS = 15
"""Decisions whose share is drawn: those that explain most."""
LEAST_SECONDS = 0.05
"""Queries that all take less were looked up: their times are noise."""
MOST_NUMBERED = 60
"""Queries in the plane of the pool that have their number written beside them."""


def progress(shown: Contents) -> Figure:
    """Values and the best so far against queries; failed ones stand below all values, or above if less is better."""
    figure = empty("query", shown.objective)
    known = [row for row in shown.rows if row.best is not None]
    line = {"color": GREY, "width": 2, "shape": "hv"}
    if known:
        xs, ys = [row.place for row in known], [row.best for row in known]
        figure.add_trace(Scatter(x=xs, y=ys, mode="lines", line=line, name="best so far", hoverinfo="skip", meta=INK))
    values = [row.query.value for row in shown.rows if row.query.value is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    pad = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
    floor = low - pad if shown.sign > 0 else high + pad
    add_queries(figure, shown.rows, [row.place for row in shown.rows], missing=floor)
    figure.update_xaxes(dtick=ticks(len(shown.rows)), range=[0.4, len(shown.rows) + 0.6])
    return figure


def curves(shown: Contents) -> Figure | None:
    """What the queries reported on the way, the kinds of queries a trace each; None if none did."""
    drawn = [row for row in shown.rows if len(row.curve) > 1]
    if not drawn:
        return None
    figure = empty("step", shown.objective)
    for mark in MARKS:
        own = [row for row in drawn if mark_of(row) == mark and not row.is_best]
        if own:
            figure.add_trace(_reported(own, mark.name, mark.colour, 1.2, 5, mark.symbol))
    for row in (row for row in drawn if row.is_best):
        mark = mark_of(row)
        figure.add_trace(_reported([row], "the pick", mark.colour, 3, 8, mark.symbol))
    figure.update_xaxes(dtick=ticks(max(row.curve[-1][0] - row.curve[0][0] for row in drawn)))
    return figure


def _reported(rows: Sequence[Row], name: str, colour: str, width: float, size: int, symbol: str) -> Scatter:
    """Curves as one line with gaps."""
    points = [(step, value, row) for row in rows for step, value in (*row.curve, (None, None))][:-1]
    return Scatter(
        x=[step for step, _, _ in points],
        y=[None if value is None else float(f"{value:.6g}") for _, value, _ in points],
        mode="lines+markers" if len(rows) <= MOST_NUMBERED else "lines",  # thousands of marks take seconds to draw
        name=name,
        line={"color": colour, "width": width},
        marker={"symbol": symbol, "size": size},
        opacity=1.0 if width > 2 else 0.6,
        customdata=[[row.place, ""] for _, _, row in points],
        hovertemplate="query %{customdata[0]}, step %{x}: <b>%{y:.4g}</b><br>%{customdata[2]}<extra></extra>",
    )


def against(shown: Contents, name: str) -> Figure:
    """Values against a cost, with the front of the two."""
    unit = shown.units.get(name, "")
    figure = empty(CALLED.get(name, name) + (f" ({unit})" if unit else ""), shown.objective)
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
                line={"color": GREY, "width": 1.5, "dash": "dot", "shape": "hv"},
                marker={"symbol": "circle-open", "size": 17, "color": GREY, "line": {"width": 1.5}},
                hoverinfo="skip",
                meta=INK,
            )
        )
    add_queries(figure, rows, [row.figures[name] for row in rows])
    return figure


def agreement(found: Sequence[Agreement]) -> Figure:
    """Rank correlations of the metrics with the objective."""
    said = [one for one in reversed(found) if one.spearman is not None]
    names = [f"{label(one.metric)} (n = {one.n})" for one in said]
    figure = _bars(names, [one.spearman or 0.0 for one in said], "rank correlation", "{:+.2f}")
    figure.update_xaxes(range=[-1.3, 1.3], tickvals=[-1, -0.5, 0, 0.5, 1])
    return figure


def importance(found: Sequence[Decision]) -> Figure:
    """How far each decision decides the value."""
    said = [one for one in reversed(found) if one.share is not None]
    names = [label(one.name) for one in said]
    figure = _bars(names, [one.share or 0.0 for one in said], "share of the variance", "{:.0%}")
    figure.update_xaxes(range=[0, 1.25 * max(max(one.share or 0.0 for one in said), 0.04)], tickformat=".0%")
    return figure


def _bars(names: Sequence[str], values: Sequence[float], title: str, form: str) -> Figure:
    figure = empty(title, "", height=96 + 26 * len(names))
    figure.add_trace(
        Bar(
            x=values,
            y=names,
            orientation="h",
            marker={"color": ["#2f7fc1" if value >= 0 else "#c8553d" for value in values]},
            text=[form.format(value) for value in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra></extra>",
            showlegend=False,
        )
    )
    figure.update_yaxes(type="category", showgrid=False)
    figure.update_layout(margin={"t": 8})
    return figure


def metric_points(shown: Contents, found: Sequence[Agreement]) -> Figure:
    """Values against the rank of a metric's score over the pool: a group of traces for each metric, the first shown."""
    figure = empty("rank of the score in the pool", shown.objective)
    rows = {row.place: row for row in shown.rows}
    for number, one in enumerate(found):
        for mark in (EXPLORE, EXPLOIT, PLAIN):
            points = [(rows[place], x) for place, x, _ in one.points if mark_of(rows[place]) == mark]
            trace = queries(mark, [row for row, _ in points], [x for _, x in points])
            trace.update(visible=number == 0, meta={"group": number}, showlegend=bool(points))
            figure.add_trace(trace)
    figure.update_xaxes(range=[-0.04, 1.04])
    return figure


def decision_points(shown: Contents, found: Sequence[Decision]) -> Figure:
    """Values by the option of a decision: a group of traces for each decision, the first shown."""
    figure = empty("", shown.objective)
    for number, one in enumerate(found):
        rows = {row.place: row for row in shown.rows}
        names = [label(name, 20) for name in one.options]
        for mark in (EXPLORE, EXPLOIT, PLAIN):
            points = [(rows[place], names[k]) for place, k in one.points if mark_of(rows[place]) == mark]
            trace = queries(mark, [row for row, _ in points], [])
            trace.update(x=[x for _, x in points], visible=number == 0, meta={"group": number})
            trace.update(showlegend=bool(points))
            figure.add_trace(trace)
        line = {"symbol": "line-ew-open", "size": 34, "color": GREY, "line": {"width": 2}}
        mean = Scatter(
            x=names, y=list(one.means), mode="markers", name="mean", marker=line, meta={"group": number} | INK
        )
        mean.update(visible=number == 0, customdata=list(one.counts))
        mean.update(hovertemplate="%{x}: mean <b>%{y:.4g}</b> of %{customdata} queries<extra></extra>")
        figure.add_trace(mean)
    figure.update_xaxes(type="category", showgrid=False)
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
    rounded = [[None if w is None else round(w, 4) for w in line] for line in weights]
    hover = "query %{x}, %{y}: %{z:+.3f}"
    return heat(rounded, [str(row.place) for row in rows], list(map(label, names)), ends, "query", hover)


def together(names: Sequence[str], matrix: Array) -> Figure:
    """Rank correlations of metrics."""
    labels = list(map(label, names))
    rounded = [[round(float(x), 3) for x in line] for line in matrix[::-1]]
    figure = heat(rounded, labels, labels[::-1], (-1.0, 1.0), "", "%{x}, %{y}: %{z:+.2f}")
    figure.update_xaxes(tickangle=-50 if len(labels) > 4 else 0)
    return figure


def pool(shown: Contents, flat: Array, shares: Sequence[float]) -> Figure:
    """The pool in two dimensions, with the queries numbered in order."""
    assert shown.scores is not None
    axes = [f"component {k} ({share:.0%} of the variance)" for k, share in enumerate(shares, start=1)]
    figure = empty(*axes, height=460)
    step = -(-len(flat) // MOST_POINTS)
    joined = np.zeros(len(flat), dtype=bool)
    joined[list(shown.joined)] = True
    for name, own in (("pool", ~joined), ("joined later", joined)):
        some = flat[own][:: step if name == "pool" else 1]
        if len(some):
            figure.add_trace(
                Scatter(
                    x=[round(float(x), 4) for x in some[:, 0]],
                    y=[round(float(y), 4) for y in some[:, 1]],
                    mode="markers",
                    name=name,
                    marker={"color": GREY, "size": 5, "opacity": 0.4}
                    if name == "pool"
                    else {"color": "#1f9e89", "size": 6, "opacity": 0.75, "symbol": "triangle-up"},
                    hoverinfo="skip",
                )
            )
    index = shown.scores.index
    rows = [row for row in shown.rows if row.query.architecture in index]
    at = flat[[index[row.query.architecture] for row in rows]] if rows else flat[:0]
    xs, ys = ([float(v) for v in column] for column in at.T)
    path = {"color": GREY, "width": 1}
    way = Scatter(x=xs, y=ys, mode="lines", name="in order", line=path, opacity=0.5, hoverinfo="skip", meta=INK)
    if len(rows) <= MOST_NUMBERED:
        figure.add_trace(way)
    add_queries(figure, rows, xs, ys=ys, numbered=len(rows) <= MOST_NUMBERED)
    figure.update_xaxes(showticklabels=False)
    figure.update_yaxes(showticklabels=False)
    return figure


def seconds(shown: Contents) -> Figure | None:
    """What each query took; None if that is not known, or nothing worth a look."""
    rows = [row for row in shown.rows if row.query.seconds is not None]
    if max((row.query.seconds or 0.0 for row in rows), default=0.0) < LEAST_SECONDS:
        return None
    figure = empty("query", "seconds", height=260)
    for mark in MARKS:
        own = [row for row in rows if mark_of(row) == mark]
        if own:
            xs, ys = [row.place for row in own], [round(row.query.seconds or 0.0, 3) for row in own]
            hover = "query %{x}: %{y:.3g} s<extra></extra>"
            figure.add_trace(Bar(x=xs, y=ys, name=mark.name, marker={"color": mark.colour}, hovertemplate=hover))
    figure.update_traces(width=0.75)  # else a kind of few queries has wide bars
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(dtick=ticks(len(shown.rows)))
    return figure

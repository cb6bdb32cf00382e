"""The figures of a page on several searches, as Plotly's."""

from collections.abc import Sequence

import numpy as np
from plotly.graph_objects import Bar, Figure, Scatter

from untrained.report.page.comparison import Compared, Search
from untrained.report.page.data import Row
from untrained.report.page.plotting import (
    DASHES,
    GREY,
    HUES,
    SYMBOLS,
    empty,
    heat,
    label,
    names_of,
    ticks,
    value_said,
)
from untrained.report.page.told import agreements
from untrained.report.text import CALLED


def colours(shown: Compared) -> list[str]:
    """The colour of each search."""
    return [HUES[k % len(HUES)] for k in range(len(shown.searches))]


def names(shown: Compared) -> dict[str, str]:
    """Place of a search and of a query -> its architecture (see `plotting.names_of`)."""
    return {
        f"{k}-{place}": text
        for k, one in enumerate(shown.searches)
        for place, text in names_of(one.contents.rows).items()
    }


def progress(shown: Compared) -> Figure:
    """The best value so far of each search against its queries, and the queries themselves."""
    figure = empty("query", shown.searches[0].contents.objective, height=440)
    for k, one in enumerate(shown.searches):
        known = [row for row in one.contents.rows if row.best is not None]
        figure.add_trace(_line(k, one, [row.place for row in known], [row.best for row in known]))
        done = one.contents.valued
        trace = _points(k, one, done, [row.place for row in done])
        figure.add_trace(trace.update(opacity=0.35, showlegend=False))
    longest = max(len(one.contents.rows) for one in shown.searches)
    figure.update_xaxes(dtick=ticks(longest), range=[0.4, longest + 0.6])
    return figure


def spent(shown: Compared) -> Figure | None:
    """The best value so far of each search against what its queries took until then; None if that is not known."""
    figure, known = empty("seconds of all queries so far", shown.searches[0].contents.objective), False
    for k, one in enumerate(shown.searches):
        took = np.cumsum([0.0 if row.query.reused else row.query.seconds or 0.0 for row in one.contents.rows])
        points = [(float(t), row.best) for t, row in zip(took, one.contents.rows, strict=True) if row.best is not None]
        known |= bool(len(took)) and float(took[-1]) >= 1.0
        figure.add_trace(_line(k, one, [t for t, _ in points], [best for _, best in points]))
    return figure if known else None


def against(shown: Compared, name: str) -> Figure:
    """The values of all searches against a cost; the picks are larger."""
    unit = shown.searches[0].contents.units.get(name, "")
    figure = empty(CALLED.get(name, name) + (f" ({unit})" if unit else ""), shown.searches[0].contents.objective)
    for k, one in enumerate(shown.searches):
        done = [row for row in one.contents.valued if name in row.figures]
        trace = _points(k, one, done, [row.figures[name] for row in done])
        trace.update(marker_size=[15 if row.is_best else 8 for row in done])
        trace.update(marker_opacity=[1 if row.is_best else 0.65 for row in done])
        figure.add_trace(trace)
    return figure


def agreement(shown: Compared) -> Figure | None:
    """The rank correlation of each metric with the objective in each search; None if no search tells any."""
    found = list[dict[str, float]]()
    for one in shown.searches:
        own = one.contents
        values = {row.place: (row.query.architecture, float(row.query.value or 0.0)) for row in own.valued}
        scored = own.scores is not None and len(own.scores) and own.scores.metrics
        told = agreements(own.scores, values, own.sign) if scored and own.scores is not None else []
        found.append({there.metric: round(there.spearman, 3) for there in told if there.spearman is not None})
    names = list(dict.fromkeys(name for own in found for name in own))
    if not names:
        return None
    rows = [[own.get(name) for own in found] for name in reversed(names)]
    labels = [label(one.label, 40) for one in shown.searches]
    hover = "%{y}, %{x}: %{z:+.2f}"
    figure = heat(rows, labels, [label(name) for name in reversed(names)], (-1.0, 1.0), "", hover)
    figure.update_traces(texttemplate="%{z:+.2f}")
    return figure


def seconds(shown: Compared) -> Figure:
    """What each search took: its queries, and all else."""
    labels = [label(one.label, 40) for one in reversed(shown.searches)]
    held = [_evaluated(one) for one in reversed(shown.searches)]
    rest = [max((one.run.summary.get("seconds") or 0.0) - own, 0.0) for one, own in zip(
        reversed(shown.searches), held, strict=True)]  # fmt: skip
    figure = empty("seconds", "", height=130 + 34 * len(labels))
    for name, values, colour in (("queries", held, HUES[0]), ("scoring the pool, choosing and the rest", rest, GREY)):
        hover = f"%{{y}}: %{{x:.4g}} s, {name}<extra></extra>"
        bar = Bar(x=[round(v, 3) for v in values], y=labels, name=name, orientation="h", hovertemplate=hover)
        figure.add_trace(bar.update(marker={"color": colour}))
    figure.update_layout(barmode="stack", bargap=0.35, legend={"traceorder": "normal"})
    figure.update_yaxes(type="category", showgrid=False)
    return figure


def _evaluated(one: Search) -> float:
    return sum(row.query.seconds or 0.0 for row in one.contents.rows if not row.query.reused)


def _line(k: int, one: Search, xs: Sequence[float], ys: Sequence[float | None]) -> Scatter:
    line = {"color": HUES[k % len(HUES)], "width": 2.5, "shape": "hv", "dash": DASHES[k % len(DASHES)]}
    hover = "best so far: <b>%{y:.4g}</b><extra></extra>"
    return Scatter(x=xs, y=ys, mode="lines", name=label(one.label, 40), line=line, hovertemplate=hover)


def _points(k: int, one: Search, rows: Sequence[Row], xs: Sequence[float]) -> Scatter:
    return Scatter(
        x=xs,
        y=[row.query.value for row in rows],
        mode="markers",
        name=label(one.label, 40),
        marker={"color": HUES[k % len(HUES)], "symbol": SYMBOLS[k % len(SYMBOLS)], "size": 8},
        customdata=[[row.place, value_said(row)] for row in rows],
        meta={"of": k},
        hovertemplate=f"{label(one.label, 40)}, query %{{customdata[0]}}: <b>%{{customdata[1]}}</b><br>"
        "%{customdata[2]}<extra></extra>",
    )

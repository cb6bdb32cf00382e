"""The figures of a page on a bench, as Plotly's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from plotly.graph_objects import Figure, Scatter

from untrained.benching import BenchResult, Curve, Ran, Row, curves
from untrained.benching.curves import in_percent
from untrained.report.bench_figure import Pen, pens
from untrained.report.page.plotting import GREY, INK, SYMBOLS, empty, label
from untrained.samplers import SAMPLERS

KINDS = {"rank": "objective rank", "regret": "regret", "test": "test figure"}
"""Column of a bench -> what it is called."""

Curves = Mapping[str, Mapping[str, Sequence[Curve]]]
"""Column -> key of a benchmark -> curves."""


def curves_of(result: BenchResult) -> dict[str, dict[str, tuple[Curve, ...]]]:
    """The curves of all that can be drawn."""
    return {column: curves(result, column) for column in KINDS}


def pen_of(name: str, used: Sequence[str]) -> Pen:
    """How a sampler is drawn, also in tables."""
    return pens(used)[name]


def progress(ran: Ran, known: Curves, rows: Sequence[Row]) -> tuple[Figure, list[str]]:
    """What the best architecture so far is worth against queries: a group of traces for each figure that is known.

    Args:
        ran: A benchmark.
        known: See `curves_of`.
        rows: Those of the benchmark: what papers print is drawn at the end.

    Returns:
        The figure, and what its groups are called.
    """
    key = ran.benchmark.key
    columns = [column for column in KINDS if known[column][key]]
    figure = empty("query", "", height=440)
    groups = []
    for number, column in enumerate(columns):
        error = column == "test" and in_percent(ran)
        traces = []
        for curve in sorted(known[column][key], key=lambda one: one.sampler not in ("robot", "mixture"), reverse=True):
            mean = 100.0 - curve.mean if error else curve.mean
            traces += _curve(curve, mean, [one.sampler for one in known[column][key]])
        reported = "test" if ran.benchmark.reported == "test" else "rank"
        if column == reported:
            traces += _published(rows, ran.budget, error)
        lowest = min((min(trace.y) for trace in traces if len(trace.y)), default=0.0)
        name = "test error, %" if error else (ran.benchmark.test or "test") if column == "test" else KINDS[column]
        log = column == "rank" or (error and lowest > 0)
        groups.append({"title": label(name), "type": "log" if log else "linear"})
        for trace in traces:
            trace.update(visible=number == 0, meta={**(trace.meta or {}), "group": number})
            figure.add_trace(trace)
    figure.update_layout(meta={"groups": groups})
    figure.update_xaxes(range=[1, ran.budget * 1.02])
    if groups:
        figure.update_yaxes(title={"text": groups[0]["title"]}, type=groups[0]["type"])
    return figure, [str(group["title"]) for group in groups]


def _curve(curve: Curve, mean: Any, names: Sequence[str]) -> list[Scatter]:
    """The band of the standard error, and the line of the mean."""
    pen = pens(names)[curve.sampler]
    xs = [int(q) for q in curve.queries]
    low, high = ([float(f"{v:.5g}") for v in mean + way * curve.error] for way in (-1, 1))
    floor = min(float(v) for v in mean) * 0.5 if min(low) <= 0 < min(mean) else None
    low = [v if floor is None else max(v, floor) for v in low]
    band = Scatter(x=[*xs, *xs[::-1]], y=[*high, *low[::-1]], fill="toself", fillcolor=_faint(pen.colour), mode="lines")
    band.update(line={"width": 0}, hoverinfo="skip", showlegend=False, legendgroup=curve.sampler)
    dash = "solid" if not pen.dashes else ",".join(f"{part * 1.6:g}px" for part in pen.dashes)
    line = Scatter(
        x=xs,
        y=[float(f"{v:.5g}") for v in mean],
        mode="lines",
        name=label(curve.sampler),
        legendgroup=curve.sampler,
        line={"color": pen.colour, "width": pen.width, "dash": dash},
        customdata=[float(f"{v:.3g}") for v in curve.error],
        hovertemplate=f"{label(curve.sampler)}, query %{{x}}: <b>%{{y:.4g}}</b> ± %{{customdata:.2g}}<extra></extra>",
    )
    return [band, line]


def _published(rows: Sequence[Row], budget: int, error: bool) -> list[Scatter]:
    """The figures that papers print, at the right."""
    found = [(row.sampler, row.published) for row in rows if row.published is not None]
    if not found:
        return []
    words = [
        f"{label(SAMPLERS[name].method or name if name in SAMPLERS else name)}: {one.mean:g}"
        + (f" ± {one.std:g}" if one.std is not None else "")
        for name, one in found
    ]
    return [
        Scatter(
            x=[budget * 1.01] * len(found),
            y=[100.0 - one.mean if error else one.mean for _, one in found],
            mode="markers",
            name="published",
            marker={"symbol": "diamond-open", "size": 8, "color": GREY, "line": {"width": 1.5}},
            customdata=words,
            hovertemplate="published, %{customdata}<extra></extra>",
            cliponaxis=False,
            meta=INK,
        )
    ]


def seeds(ran: Ran, result: BenchResult) -> Figure:
    """The objective rank of the pick of each seed, a line a sampler, the best by the median on top."""
    columns = {n: result.table[n].to_pylist() for n in ("benchmark", "task", "objective", "sampler", "seed", "rank")}
    last = dict[str, dict[int, int]]()
    for *of, sampler, seed, rank in zip(*columns.values(), strict=True):
        if "/".join(of) == ran.benchmark.key and rank is not None:
            last.setdefault(sampler, {})[seed] = rank
    used = list(last)
    ordered = sorted(last, key=lambda name: (-float(np.median(list(last[name].values()))), name))
    figure = empty("objective rank of the pick", "", height=110 + 26 * len(ordered))
    for k, name in enumerate(ordered):
        ranks = last[name]
        trace = Scatter(
            x=list(ranks.values()),
            y=[label(name)] * len(ranks),
            mode="markers",
            name=label(name),
            marker={"color": pens(used)[name].colour, "symbol": SYMBOLS[k % len(SYMBOLS)], "size": 8, "opacity": 0.7},
            customdata=list(ranks),
            hovertemplate="%{y}, seed %{customdata}: rank <b>%{x:,}</b><extra></extra>",
            showlegend=False,
        )
        figure.add_trace(trace)
    medians = [float(np.median(list(last[name].values()))) for name in ordered]
    bar = {"symbol": "line-ns-open", "size": 16, "color": GREY, "line": {"width": 2}}
    figure.add_trace(
        Scatter(
            x=medians,
            y=list(map(label, ordered)),
            mode="markers",
            name="median",
            marker=bar,
            hovertemplate="%{y}: median <b>%{x:,}</b><extra></extra>",
            meta=INK,
        )
    )
    figure.update_xaxes(type="log", dtick=1)
    figure.update_yaxes(type="category")
    return figure


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.12)"

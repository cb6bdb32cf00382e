"""A search as text for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from untrained.measuring import FIGURES, is_figure, unit_of
from untrained.report.folding import Architecture
from untrained.searching.runs import measure_of

CALLED = {"params": "parameters", "flops": "FLOPs"}
"""Figures that people call otherwise."""


def render(summary: Mapping[str, Any]) -> RenderableType:
    """Renders a search: its queries, the learned weights and the pick.

    Args:
        summary: See `Result.summary`.

    Returns:
        What `rich` prints.
    """
    parts: list[RenderableType] = [_queries(summary)]
    if summary.get("front"):
        parts += [Text(), _front(summary)]
    weights = learned_weights(summary)
    if weights:
        parts += [Text(), _weights(weights)]
    parts += [Text(), _best(summary)]
    return Group(*parts)


def learned_weights(summary: Mapping[str, Any]) -> Mapping[str, float]:
    """Finds the metric weights that a search learned.

    Args:
        summary: See `Result.summary`.

    Returns:
        Metric -> weight: those of the last exploiting query, else of the best query; empty if it has none.
    """
    queries = [q for q in summary["queries"] if q["weights"]]
    exploited = [q for q in queries if q["phase"] == "exploit"]
    if exploited:
        return exploited[-1]["weights"]
    best = summary["best"] and summary["best"]["architecture"]
    return next((q["weights"] for q in queries if q["architecture"] == best), {})


def print_table(console: Console, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table.

    Args:
        console: Prints it.
        title: Its title.
        header: A name for each column.
        rows: Lists of as many cells.
    """
    table = plain_table(title)
    for place, name in enumerate(header):
        table.add_column(name, overflow="fold", no_wrap=place == 0)
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def print_entries(console: Console, title: str, entries: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Prints names with some lines on each; a narrow terminal wraps these lines beside the name.

    Args:
        console: Prints them.
        title: The title.
        entries: (name, lines).
    """
    table = plain_table(title)
    table.show_header = False
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, lines in entries:
        table.add_row(Text(name), Text("\n".join(lines)))
    console.print(table)


def _queries(summary: Mapping[str, Any]) -> Table:
    done, budget = len(summary["queries"]), summary["budget"]
    joined = f" that grew by {summary['grown']}" if summary.get("grown") else ""
    pool = ", ".join([f"a pool of {summary['pool']}{joined}", *summary.get("where", ())])
    table = plain_table(f"{done} of {budget} queries from {pool} ({summary['sampler']})")
    table.add_column("#", justify="right")
    table.add_column("phase")
    table.add_column("value", justify="right")
    figures = [axis["name"] for axis in summary.get("objectives", ())[1:]]
    for name in figures:
        table.add_column(name, justify="right")
    table.add_column("seconds", justify="right")
    tuned = list(dict.fromkeys(name for query in summary["queries"] for name in query.get("hyperparameters", ())))
    for name in tuned:
        table.add_column(name, justify="right")
    table.add_column("architecture", overflow="fold")
    best = {one["architecture"] for one in (summary.get("front") or [summary["best"]]) if one}
    for number, query in enumerate(summary["queries"], start=1):
        style = "bold" if query["architecture"] in best else ""
        value = "failed" if query["value"] is None else f"{query['value']:.2f}"
        seconds = "reused" if query.get("reused") else "" if query["seconds"] is None else f"{query['seconds']:.1f}"
        known = [f"{query['figures'][name]:.4g}" if name in query.get("figures", ()) else "" for name in figures]
        further = [said(query.get("hyperparameters", {}).get(name, "")) for name in tuned]
        cells = [str(number), query["phase"] or "", value, *known, seconds, *further]
        table.add_row(*cells, Architecture(query["architecture"], query.get("reason", "")), style=style)
    return table


def _front(summary: Mapping[str, Any]) -> Table:
    """The front, best value first, and of which of its networks the weights are kept."""
    first, *others = summary["objectives"]
    own, kept = summary["best"] or {}, any("weights" in one for one in summary["front"])
    table = plain_table(f"Front of {len(summary['front'])}: {', '.join(map(_aim, summary['objectives']))}")
    table.add_column(first["name"], justify="right")
    for axis in others:
        unit = unit_of(axis["name"]) if axis["name"] in own and is_figure(axis["name"]) else ""  # not of a column
        table.add_column(f"{axis['name']} {unit}".strip(), justify="right")
    if kept:
        table.add_column("weights")
    table.add_column("architecture", overflow="fold")
    for one in summary["front"]:
        figures = (f"{one['figures'][axis['name']]:.4g}" for axis in others)
        weights = ["kept" if "weights" in one else ""] if kept else []
        table.add_row(f"{one['value']:.2f}", *figures, *weights, Architecture(one["architecture"]))
    return table


def _aim(axis: Mapping[str, str]) -> str:
    return f"{'least' if axis['direction'] == 'minimize' else 'most'} {axis['name']}"


def _weights(weights: Mapping[str, float]) -> Table:
    table = plain_table("Learned weights")
    table.add_column("metric")
    table.add_column("weight", justify="right")
    table.add_column("")
    for name, weight in weights.items():
        bar = "█" * max(round(abs(weight) * 20), 1)
        table.add_row(name, f"{weight:+.3f}", Text(bar, style="green" if weight > 0 else "red"))
    return table


def _best(summary: Mapping[str, Any]) -> RenderableType:
    best = summary["best"]
    if best is None:
        return Text("No query has a value yet.")
    rows = [("architecture", best["architecture"])]
    rows += [(name, said(value)) for name, value in best.get("hyperparameters", {}).items()]
    rows.append((measure_of(summary), f"{best['value']:.2f}"))
    rows += [(k, "missing" if v is None else f"{v:.2f}") for k, v in best["reported"].items()]
    if "rank" in best:
        rows.append(("rank in the pool", f"{best['rank']} of {summary['pool']}"))
    figures = sorted(filter(is_figure, best), key=lambda key: FIGURES.index(key.partition("(")[0]))
    rows += [(CALLED.get(key, key), f"{best[key]:.3f} {unit_of(key)}") for key in figures]
    rows += [(name, f"{value:g}") for name, value in best.get("columns", {}).items()]
    table = Table(title="Best architecture", title_justify="left", title_style="bold", box=None, show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, Architecture(value) if name == "architecture" else Text(value))
    if len(summary["queries"]) < summary["budget"]:
        return Group(table, Text("The search is unfinished: run it again to go on.", style="yellow"))
    return table


def said(value: Any) -> str:
    """A hyper-parameter as people read it."""
    return f"{value:.4g}" if isinstance(value, float) else "none" if value is None else str(value)


def plain_table(title: str) -> Table:
    """Makes an empty table without lines, its title at the left."""
    return Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)


def number(value: Any) -> str:
    """A value with two decimals, or four significant digits if it is small; "" for none."""
    if not isinstance(value, int | float):
        return ""
    return f"{value:.2f}" if abs(value) >= 1 or value == 0 else f"{value:.4g}"


def plain_text(text: Any) -> str:
    """Text whose control characters, which a stranger's file may hold, cannot move the cursor."""
    return "".join(char if char.isprintable() else "?" for char in str(text))


def plain(text: Any) -> Text:
    """The same for a cell of a table."""
    return Text(plain_text(text))

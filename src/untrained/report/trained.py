"""Trainings in full as text for the terminal."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from untrained.report.folding import Architecture
from untrained.report.text import plain_table, said

CHANCE = 2.0
"""Of so many standard deviations, luck is no more than chance."""
SMALL = 2.0
"""Figures below are shown with more decimals."""


def render(document: Mapping[str, Any]) -> RenderableType:
    """Renders trainings: each architecture with mean and spread, which network is taken, and the luck of the search.

    Args:
        document: See `Refit.to_json`.

    Returns:
        What `rich` prints.
    """
    return Group(_architectures(document), *(Text(line) for line in (*_taken(document), *_luck(document))))


def sentences(document: Mapping[str, Any]) -> list[str]:
    """Which network is taken, and how lucky the search was, in sentences.

    Args:
        document: See `Refit.to_json`.
    """
    return [line for line in (*_taken(document), *_luck(document)) if line]


def _architectures(document: Mapping[str, Any]) -> Table:
    architectures = document["architectures"]
    epochs = document["recipe"].get("epochs", "?")
    seeds = max(len(one["runs"]) for one in architectures)
    counts = f"{epochs} epoch{'s' * (epochs != 1)} on {document['on']}, {seeds} seed{'s' * (seeds != 1)} each"
    table = plain_table(f"Trained again: {counts}")
    names = [(kind, name) for kind in ("valid", "test") for name in _names(architectures, kind)]
    for title in ("#", "in the search", *(f"{kind}_{name}" for kind, name in names)):
        table.add_column(title, justify="right")
    table.add_column("architecture", overflow="fold")
    for one in architectures:
        failed = [run for run in one["runs"] if run["reason"]]
        note = f"{len(failed)} failed: {failed[0]['reason']}" if failed else ""
        cells = [spread(one[kind].get(name)) for kind, name in names]
        style = "bold" if one["architecture"] == document["network"]["architecture"] else ""
        further = ", ".join(f"{name} {said(value)}" for name, value in one.get("hyperparameters", {}).items())
        text = Architecture(one["architecture"], "\n".join(filter(None, (further, note))))
        table.add_row(str(one["place"]), figure(one["value"]), *cells, text, style=style)
    return table


def _names(architectures: Sequence[Mapping[str, Any]], kind: str) -> list[str]:
    return list(dict.fromkeys(name for one in architectures for name in one[kind]))


def spread(found: Mapping[str, Any] | None) -> str:
    """Mean and standard deviation, as `93.10 ± 0.52`."""
    if found is None:
        return ""
    return figure(found["mean"]) if found["std"] is None else f"{figure(found['mean'])} ± {figure(found['std'], found)}"


def figure(value: float, beside: Mapping[str, Any] | None = None) -> str:
    """A figure with two decimals, or four if it is (beside) a small one, such as an R2 or an IoU."""
    size = abs(value if beside is None else beside["mean"])
    return f"{value:.2f}" if size >= SMALL else f"{value:.4f}"


def _taken(document: Mapping[str, Any]) -> list[str]:
    network = document["network"]
    place = next(one["place"] for one in document["architectures"] if one["architecture"] == network["architecture"])
    which = "the search's pick" if place == 1 else f"number {place} of the search"
    lines = ["", f"Taken: {which}, seed {network['seed']}, by {network['chosen_by']}."]
    first = next((one for one in document["architectures"] if one["place"] == 1), None)
    taken = next(one for one in document["architectures"] if one["place"] == place)
    if first is not None and place != 1 and (gap := _gap(document, taken, first)):
        lines.append(gap)
    return lines


def _gap(document: Mapping[str, Any], taken: Mapping[str, Any], first: Mapping[str, Any]) -> str:
    """By how much the mean of one architecture is better than that of the search's pick."""
    a, b = (one["valid"].get(document["metric"]) for one in (taken, first))
    if a is None or b is None:
        return ""
    text = f"Its mean is better than that of the search's pick by {figure(abs(a['mean'] - b['mean']), a)}"
    if a["std"] is None or b["std"] is None:
        return f"{text}."
    error = math.hypot(*(one["std"] / math.sqrt(one["n"]) for one in (a, b)))
    return f"{text} (standard error {figure(error, a)})."


def _luck(document: Mapping[str, Any]) -> list[str]:
    luck = document["luck"]
    if luck is None:
        return []
    if luck["amount"] is None:
        return [
            "These figures do not compare with those of the search, whose networks were trained in another way.",
            f"How lucky its pick was, the best of {luck['queries']}, shows in fresh trainings as in the search: "
            "untrained train without options tells.",
        ]
    word = "lucky" if luck["amount"] >= 0 else "unlucky"
    fresh = luck["fresh"]
    amount = f"{word} by {figure(abs(luck['amount']), fresh)} of {document['metric']}"
    if fresh["std"] and abs(luck["amount"]) <= CHANCE * fresh["std"]:
        amount += ", no more than fresh trainings differ among themselves"
    return [
        f"The search's pick, the best of {luck['queries']}, was {amount}: {figure(luck['value'])} in the search, "
        f"{spread(fresh)} in {fresh['n']} fresh training{'s' * (fresh['n'] != 1)} by the same recipe."
    ]

"""What a value can be set against: parameters, FLOPs, and what else is known of the queries of a search."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from untrained.measuring import is_figure, unit_of
from untrained.samplers.query import Query
from untrained.scores import ScoreTable
from untrained.searching.figures import Figures
from untrained.searching.interface import Interface, example_of
from untrained.spaces import SearchSpace

COUNTED = ("params", "flops")
"""Costs that are counted if the search has not told them."""
MOST_COUNTED = 100
"""The FLOPs of more queries are not counted: each takes a network and a pass through it."""


def axes_of(summary: Mapping[str, Any], queries: Sequence[Query], scores: ScoreTable | None) -> dict[str, int]:
    """The costs that a value can be set against: name -> 1 if more is better, -1 if less is.

    Args:
        summary: Tells the objectives.
        queries: Have what was measured.
        scores: Has sizes, if the search scored them.
    """
    found = {axis["name"]: 1 if axis["direction"] == "maximize" else -1 for axis in summary.get("objectives", ())[1:]}
    names = [
        *COUNTED,
        *(name for query in queries for name in query.figures),
        *(() if scores is None else scores.metrics),
    ]
    return found | {name: -1 for name in dict.fromkeys(names) if is_figure(name) and name not in found}


def costs_of(
    query: Query, scores: ScoreTable | None, counted: Figures | None, axes: Mapping[str, int], many: bool
) -> dict[str, float]:
    """The costs of a query, as far as they are known; parameters, and FLOPs unless there are many, are counted."""
    arch = query.architecture
    found = {name: query.figures[name] for name in axes if name in query.figures}
    row = None if scores is None else scores.index.get(arch)
    if scores is not None and row is not None:
        for name in axes.keys() & {*scores.metrics} - found.keys():
            found[name] = float(scores.values[row, scores.metrics.index(name)])
    if counted is not None and counted.space is not None:
        known = counted.space.sizes(arch)
        can = {"params", *known, *(("flops",) if counted.example is not None and not many else ())}
        found |= {name: counted.value(arch, name) for name in COUNTED if name in can and name not in found}
    return {name: value for name, value in found.items() if math.isfinite(value)}


def counter(summary: Mapping[str, Any], space: SearchSpace | None) -> Figures | None:
    """Counts what networks of a space have; FLOPs if it is known what goes in."""
    if space is None:
        return None
    interface = Interface.from_json(summary.get("network", {}))
    if interface.inputs is None:
        return Figures(space)
    return Figures(space, interface.preparation.module()(example_of(interface.inputs, n=1)))


def units_of(summary: Mapping[str, Any], axes: Mapping[str, int], scores: ScoreTable | None) -> dict[str, str]:
    """Units of the costs that were measured; those of a table's columns are not known."""
    own = {
        *(summary.get("best") or {}),
        *(scores.provenance.get("metrics", ()) if scores is not None else ()),
        *COUNTED,
    }
    return {name: unit_of(name) for name in axes if is_figure(name) and name in own}

"""Several objectives of one search: `accuracy, latency`. One is learnt, the others are known before a training."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import optuna

from untrained.errors import InputError, listed, shown
from untrained.measuring import FIGURES, is_figure
from untrained.metrics import split_names
from untrained.objectives import Direction, Objective
from untrained.objectives.given import AdaptedObjective
from untrained.objectives.measures import MEASURES
from untrained.samplers import sampler_info
from untrained.samplers.base import PoolSampler
from untrained.samplers.query import Query, best_of, queries
from untrained.samplers.tradeoffs import MARGIN, MOST, hypervolume, nondominated
from untrained.searching.figures import Figures

WAYS: Mapping[str, Direction] = {
    "max": "maximize", "min": "minimize", "maximize": "maximize", "minimize": "minimize"
}  # fmt: skip
VALUE = "value"
"""Stands for what any search is for."""


@dataclass(frozen=True)
class Axis:
    """One of several objectives.

    Args:
        name: What it is called.
        direction: Which way it is better.

    Example:
        >>> Axis("latency", "minimize").lower(3.0), Axis("accuracy", "maximize").lower(90.0)
        (3.0, -90.0)
    """

    name: str
    direction: Direction

    def lower(self, value: float) -> float:
        """The value, turned so that lower is better."""
        return value if self.direction == "minimize" else -value

    def __str__(self) -> str:
        return f"{self.name} {self.direction}"


def read_objectives(given: Any) -> dict[str, Direction | None]:
    """Reads objectives.

    Args:
        given: Text, names at commas, each with `min` or `max` if its direction is not known; or a list of such texts;
            or a mapping from a name to its direction; None for none but the one of the search.

    Returns:
        Name -> direction, None if it is not said.

    Raises:
        InputError: It cannot be read, or a name stands twice.

    Example:
        >>> read_objectives("accuracy, throughput max")
        {'accuracy': None, 'throughput': 'maximize'}
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        entries = [f"{name} {way or ''}" for name, way in given.items()]
    elif isinstance(given, str):
        entries = split_names(given)
    elif isinstance(given, Sequence) and all(isinstance(entry, str) for entry in given):
        entries = list(given)
    else:
        raise InputError(f"objectives {shown(given, 60)}: give text such as 'accuracy, latency'")
    found = dict[str, Direction | None]()
    for entry in entries:
        match = re.fullmatch(r"(\S.*?)(?:\s+(max|min|maximize|minimize))?", entry.strip(), re.DOTALL)
        if match is None:
            raise InputError(f"objectives {shown(given, 60)}: write NAME, NAME max or NAME min at each comma")
        name, way = match.groups()
        if name in found:
            raise InputError(f"objectives {shown(name, 60)}: it stands twice")
        found[name] = WAYS.get(way or "")
    return found


def chosen_axes(wanted: Mapping[str, Direction | None], objective: Objective, figures: Figures) -> tuple[Axis, ...]:
    """Makes the axes of a front, that of what is learnt first.

    Args:
        wanted: What `read_objectives` gave.
        objective: What is learnt.
        figures: Knows the others.

    Raises:
        InputError: A figure is not known, or its direction, or it cannot be measured on this machine; or what is learnt
            is missing or is all there is.
    """
    if not wanted:
        return ()
    (learnt, others), columns = measured_by(objective), figures.columns
    measures = getattr(getattr(_own(objective), "goal", None), "names", ())
    known = list(dict.fromkeys((learnt, *FIGURES, *columns, *figures.names)))
    found, first = list[Axis](), None
    for name, way in wanted.items():
        if name in (learnt, VALUE) and name not in columns:
            if way not in (None, objective.direction):
                raise InputError(f"objectives {name!r}: the search is to {objective.direction} it, and not to {way}")
            first = Axis(learnt, objective.direction)
        elif name in others:
            instead = f": to learn it instead, --measure {name}" if name in measures else ""
            raise InputError(
                f"objectives {name!r}: it is known after a training only, and one such is learnt, {learnt!r}{instead}"
            )
        elif (
            measures and any(name in kind for kind in MEASURES.values()) and name not in columns and not is_figure(name)
        ):
            raise InputError(
                f"objectives {name!r}: it is measured by a training, and what is learnt is {learnt!r}: for {name} "
                f"instead, --measure {name}"
            )
        elif name not in columns and not is_figure(name):
            near = get_close_matches(name, known, n=1)
            meant = f"did you mean {near[0]!r}? " if near else ""
            raise InputError(f"objectives {shown(name, 60)}: no such figure: {meant}choose from {listed(known)}")
        elif way is None and not is_figure(name):
            raise InputError(
                f"objectives {name!r}: which way is better is not known: write '{name} min' or '{name} max'"
            )
        else:
            found.append(Axis(figures.named(name, "objectives"), way or "minimize"))
    if first is None:
        raise InputError(f"objectives '{listed(wanted)}': what the search learns is missing: {learnt!r}")
    if not found:
        raise InputError(f"objectives {learnt!r}: give a figure beside it that is known before: {listed(known[1:])}")
    if len(found) > MOST:
        raise InputError(f"objectives '{listed(wanted)}': give at most {MOST} figures beside {learnt!r}")
    if len({axis.name for axis in found}) < len(found):
        raise InputError(f"objectives '{listed(wanted)}': one stands twice")
    return (first, *found)


def measured_by(objective: Objective) -> tuple[str, tuple[str, ...]]:
    """What a search calls its objective, and what else is known after an evaluation only.

    Args:
        objective: The objective.
    """
    own, identity = _own(objective), objective.identity
    learnt = str(identity.get("metric") or identity.get("column") or VALUE)
    measures = getattr(getattr(own, "goal", None), "names", ())
    report = getattr(own, "report_column", None)
    others = [*measures, *getattr(own, "fidelities", {}).values(), *([report] if report else [])]
    return learnt, tuple(name for name in others if name != learnt)


def _own(objective: Objective) -> Any:
    return objective.given if isinstance(objective, AdaptedObjective) else objective


def check_sampler_takes(sampler: Any, wanted: Mapping[str, Any]) -> None:
    """Makes sure that a sampler can look for a front.

    Args:
        sampler: A name, or a sampler.
        wanted: The objectives; empty if there is only one.

    Raises:
        InputError: It looks for one objective.
    """
    if not wanted:
        return
    if isinstance(sampler, str):
        takes = sampler_info(sampler).takes_costs
    else:
        most = sampler.most_objectives if isinstance(sampler, PoolSampler) else 1
        takes = most is None or most > 1
    if not takes:
        label = sampler if isinstance(sampler, str) else type(sampler).__name__
        raise InputError(f"sampler {label!r} looks for one objective: with objectives, take mixture or random")


def axes_of(identity: Mapping[str, Any] | None) -> tuple[Axis, ...]:
    """Reads the axes from the identity of a search; empty if it has one objective."""
    return tuple(Axis(name, way) for name, way in (identity or {}).get("objectives") or ())


def front_of(made: Sequence[Query], axes: Sequence[Axis]) -> list[Query]:
    """The queries that no other one dominates.

    Args:
        made: Queries with values, best first.
        axes: The axes of the front; the first is the value's.

    Returns:
        Those on the front, best value first; of equal ones the first.
    """
    known = [query for query in made if all(axis.name in query.figures for axis in axes[1:])]
    if not (axes and known):
        return []
    points = _points(known, axes)
    first = dict[tuple[float, ...], Query]()
    for query, point, is_on in zip(known, points, nondominated(points), strict=True):
        if is_on:
            first.setdefault(tuple(point.tolist()), query)
    return list(first.values())


def kept_order(made: Sequence[Query], axes: Sequence[Axis]) -> list[Query]:
    """The order in which networks are worth keeping.

    With one objective it is that of the values. With several, the front comes first: the best value, then whatever adds
    the most hypervolume to those before it, within the worst of all queries.

    Args:
        made: Queries with values, best first.
        axes: The axes of the front; empty with one objective.
    """
    rest = front_of(made, axes)
    if not rest:
        return list(made)
    worst = _points([query for query in made if all(axis.name in query.figures for axis in axes[1:])], axes)
    reference = worst.max(0) + MARGIN * np.maximum(np.ptp(worst, axis=0), 1e-12)
    found = [rest.pop(0)]
    while rest:
        gains = [hypervolume(_points([*found, query], axes), reference) for query in rest]
        found.append(rest.pop(int(np.argmax(gains))))
    on_front = {query.architecture for query in found}
    return [*found, *(query for query in made if query.architecture not in on_front)]


def keys_to_keep(study: optuna.Study, most: int, axes: Sequence[Axis]) -> set[str]:
    """The queries whose weights are kept: the best, and those at work, who may have written theirs just now.

    Args:
        study: The study of a search.
        most: How many of the best.
        axes: As `kept_order` takes them.
    """
    made = queries(study, running=True)  # all at once: one that ends meanwhile is among them
    best = kept_order(best_of(made, study.directions[0]), axes)[:most]
    return {query.key for query in (*best, *(query for query in made if query.running))}


def _points(made: Sequence[Query], axes: Sequence[Axis]) -> Any:
    """n x d, lower is better."""
    return np.array(
        [
            [axes[0].lower(query.value or 0.0), *(axis.lower(query.figures[axis.name]) for axis in axes[1:])]
            for query in made
        ]
    )

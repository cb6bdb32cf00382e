"""What a page on a search shows, as plain data: read from the folder, without anything of how it looks."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from untrained.errors import InputError
from untrained.report.page.costs import MOST_COUNTED, axes_of, costs_of, counter, units_of
from untrained.samplers.query import Query
from untrained.scores import ScoreTable
from untrained.searching.folder import RUN_FILE, load_refit, load_summary, read_json
from untrained.searching.history import History, load_history
from untrained.searching.runs import measure_of
from untrained.searching.saved import load_space
from untrained.spaces import SearchSpace

SCORES_FILE = "scores.parquet"


@dataclass(frozen=True)
class Row:
    """A query.

    Args:
        place: Its place in the search, from 1.
        query: The query.
        best: The best value so far, this one included; None before the first.
        curve: The values that it reported on the way: (step, value).
        figures: Its costs by name: parameters in millions and what else is known.
        decisions: Those of its architecture, and its hyper-parameters; empty if the space is not at hand.
        is_best: Whether it is the pick.
        on_front: Whether the front of the search has it.
    """

    place: int
    query: Query
    best: float | None = None
    curve: tuple[tuple[int, float], ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    decisions: Mapping[str, Any] = field(default_factory=dict)
    is_best: bool = False
    on_front: bool = False


@dataclass(frozen=True)
class Contents:
    """All that a page shows.

    Args:
        folder: The folder of the search.
        summary: See `Result.summary`, and what else `best.json` holds.
        rows: The queries in order.
        history: What the study says beyond the summary.
        scores: The scores of the pool; None without the file.
        trained: `trained.json`, if it is of this search.
        run: `run.json`; empty without the file.
        decisions: Those of the pick.
        axes: The costs that values can be drawn against: name -> 1 if more is better, -1 if less is.
        units: Name of a cost -> its unit.
    """

    folder: Path
    summary: Mapping[str, Any]
    rows: tuple[Row, ...] = ()
    history: History = field(default_factory=History)
    scores: ScoreTable | None = None
    trained: Mapping[str, Any] | None = None
    run: Mapping[str, Any] = field(default_factory=dict)
    decisions: Mapping[str, Any] = field(default_factory=dict)
    axes: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def sign(self) -> int:
        """1 if more is better, -1 if less is."""
        return -1 if self.summary["direction"] == "minimize" else 1

    @property
    def objective(self) -> str:
        """What the value is called."""
        return measure_of(self.summary)

    @property
    def joined(self) -> list[int]:
        """The rows of the scores that joined the pool while the search ran."""
        index = {} if self.scores is None else self.scores.index
        return [index[arch] for arch in self.history.joined if arch in index]

    @property
    def valued(self) -> list[Row]:
        """The queries with a final value."""
        return [row for row in self.rows if row.query.state == "complete" and row.query.value is not None]


def read(folder: str | Path, study: str | None = None, space: Any = None) -> Contents:
    """Reads the folder of a search, which may be a stranger's: nothing that its files name is imported or run.

    Args:
        folder: The folder.
        study: Which of the searches in it; None for the latest.
        space: The space of the search, or the function that is one; not needed if it comes with an installed package.

    Raises:
        InputError: There is no such search, or a file is broken.
    """
    folder = Path(folder)
    summary = load_summary(folder, study)
    history = load_history(folder, str(summary["study"]))
    found = history.queries or tuple(queries_of(summary))
    made = _space(summary, space)
    scores = ScoreTable.load(folder / SCORES_FILE) if (folder / SCORES_FILE).is_file() else None
    axes = axes_of(summary, found, scores)
    counted, many = counter(summary, made), len(found) > MOST_COUNTED
    figures = [costs_of(query, scores, counted, axes, many) for query in found]
    decided = [_decided(query, made) for query in found]
    rows = rows_of(summary, found, history.curves, figures, decided)
    trained = load_refit(folder)
    is_of = trained is not None and trained.get("search") == summary["study"]
    return Contents(
        folder,
        summary,
        rows,
        history,
        scores,
        trained if is_of else None,
        read_json(folder / RUN_FILE) if (folder / RUN_FILE).is_file() else {},
        _decisions(summary, made),
        {name: way for name, way in axes.items() if any(name in row.figures for row in rows)},
        units_of(summary, axes, scores),
    )


def queries_of(summary: Mapping[str, Any]) -> Iterator[Query]:
    """The queries as a summary tells them, for a search whose study is not in its folder.

    Args:
        summary: See `Result.summary`.

    Example:
        >>> told = {"architecture": "a", "value": None, "phase": None, "weights": {}, "seconds": 1.0}
        >>> [query.state for query in queries_of({"queries": [told | {"reason": "no luck"}]})]
        ['failed']
    """
    for number, told in enumerate(summary["queries"]):
        stopped = "reason" in told and told["value"] is not None
        yield Query(
            told["architecture"],
            told["value"],
            state="failed" if told["value"] is None else "pruned" if stopped else "complete",
            number=number,
            phase=told["phase"],
            metric_weights=told["weights"],
            seconds=told["seconds"],
            cost_seconds=told.get("cost_seconds"),
            reason=told.get("reason"),
            reused=told.get("reused", False),
            figures=told.get("figures", {}),
            hyperparameters=told.get("hyperparameters", {}),
        )


def rows_of(
    summary: Mapping[str, Any],
    queries: Sequence[Query],
    curves: Mapping[int, Mapping[int, float]],
    figures: Sequence[Mapping[str, float]],
    decided: Sequence[Mapping[str, Any]],
) -> tuple[Row, ...]:
    """The rows of the queries.

    Args:
        summary: Tells the direction, the pick and the front.
        queries: The queries in order.
        curves: Number of a trial -> step -> value.
        figures: The costs of each query.
        decided: The decisions of each query.
    """
    better = min if summary["direction"] == "minimize" else max
    pick, front = summary.get("best") or {}, {_key(one) for one in summary.get("front", ())}
    best, rows, picked = None, list[Row](), False
    for place, (query, known, own) in enumerate(zip(queries, figures, decided, strict=True), start=1):
        if query.state == "complete" and query.value is not None:
            best = query.value if best is None else better(best, query.value)
        told = {"architecture": query.architecture, "value": query.value, "hyperparameters": query.hyperparameters}
        is_best = not picked and query.state == "complete" and _key(told) == _key(pick)
        picked |= is_best
        curve = tuple(sorted((step, v) for step, v in curves.get(query.number, {}).items() if math.isfinite(v)))
        on_front = query.state == "complete" and _key(told) in front
        rows.append(Row(place, query, best, curve, known, own, is_best, on_front))
    return tuple(rows)


def _space(summary: Mapping[str, Any], space: Any) -> SearchSpace | None:
    """The space, or None if a stranger's code or none would make it."""
    if summary["space"] == "table" and space is None:
        return None
    try:
        return load_space(summary, space)
    except InputError:
        if space is not None:
            raise
        return None


def _decisions(summary: Mapping[str, Any], space: SearchSpace | None) -> dict[str, Any]:
    best, told = summary.get("best"), summary.get("network", {}).get("decisions")
    if told or best is None or space is None:
        return dict(told or {})
    return space.to_params(best["architecture"])


def _decided(query: Query, space: SearchSpace | None) -> dict[str, Any]:
    """What was decided for a query: its architecture, and what was tuned beside it."""
    return (space.to_params(query.architecture) if space is not None else {}) | dict(query.hyperparameters)


def _key(told: Mapping[str, Any]) -> str:
    return repr((told.get("architecture"), told.get("value"), sorted((told.get("hyperparameters") or {}).items())))

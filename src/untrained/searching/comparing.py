"""Searches side by side: what differs in how they were made, and in what they found."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from untrained.errors import InputError
from untrained.searching.runs import Run

SETTINGS = ("space", "space_options", "objective", "sampler", "seed", "metrics", "where", "objectives")
"""What `best.json` knows of the settings of a search without its study."""


def compare(runs: Sequence[Run]) -> dict[str, Any]:
    """Sets searches side by side.

    Values are ranked only if they measure the same: the same figure of the same data, in the same direction. Recipe,
    space and sampler may differ: that is what one compares.

    Args:
        runs: At least two (see `read_runs`).

    Returns:
        A JSON object: `runs` with their `label` and `figures`; `same_objective`, and `told`, what that means in words;
        `best`, the place of the best run, from 0, or None; `differs`, setting -> its value in each run.

    Raises:
        InputError: There is one run, or none.
    """
    if len(runs) < 2:
        raise InputError(f"{len(runs)} search to compare: give at least two")
    wholly = all(run.identity for run in runs)
    settings = [_settings(run, wholly=wholly) for run in runs]
    same = len({json.dumps(_measured(run), sort_keys=True) for run in runs}) == 1
    best = _best(runs) if same else None
    names = _labels(runs)
    return {
        "runs": [
            {"label": name, **run.to_json(), "figures": _figures(run)} for name, run in zip(names, runs, strict=True)
        ],
        "same_objective": same,
        "told": _told(runs, names, best, same=same),
        "best": best,
        "differs": _differing(settings),
    }


def _labels(runs: Sequence[Run]) -> list[str]:
    """The folders; with the studies where a folder holds several."""
    folders = [str(run.folder) for run in runs]
    studies = [str(run.summary["study"]) for run in runs]
    return [
        f"{folder}: {study}" if folders.count(folder) > 1 else folder
        for folder, study in zip(folders, studies, strict=True)
    ]


def _measured(run: Run) -> dict[str, Any]:
    """What the values of a run measure."""
    objective = dict(run.summary["objective"])
    common = {"direction": run.summary["direction"], "kind": objective.get("kind")}
    if objective.get("kind") == "training":
        return common | {key: objective.get(key) for key in ("content", "metric", "metric_code")}
    if objective.get("kind") == "table":
        return common | {key: objective.get(key) for key in ("content", "column")}
    return common | objective | {key: run.identity.get(key) for key in ("objective_code", "objective_state")}


def _best(runs: Sequence[Run]) -> int | None:
    """The place of the best value, the first of equal ones."""
    sign = -1 if runs[0].summary["direction"] == "minimize" else 1
    values = [(run.summary["best"] or {}).get("value") for run in runs]
    known = [place for place, value in enumerate(values) if value is not None]
    return max(known, key=lambda place: sign * values[place], default=None)  # type: ignore[operator]


def _told(runs: Sequence[Run], names: Sequence[str], best: int | None, *, same: bool) -> str:
    if not same:
        return "They measure different things (figure, data or direction): their values are not ranked."
    if best is None:
        return "The same objective; no run has a value yet."
    value = runs[best].summary["best"]["value"]
    equal = [run for run in runs if (run.summary["best"] or {}).get("value") == value]
    unfinished = [name for run, name in zip(runs, names, strict=True) if not run.finished]
    which = f"Best of the same objective: {names[best]}" if len(equal) == 1 else "The same objective, and equal at best"
    return which + (f"; unfinished: {', '.join(unfinished)}" if unfinished else "") + "."


def _figures(run: Run) -> dict[str, Any]:
    """What a run found and took, by name, in the order in which people ask."""
    told, best = run.to_json(), run.summary["best"] or {}
    made = run.summary["queries"]
    sizes = {name: value for name, value in best.items() if isinstance(value, int | float) and name != "value"}
    counts = {
        "stopped early": sum(query.get("state") == "pruned" for query in made),
        "reused": sum(bool(query.get("reused")) for query in made),
    }
    return {
        "measure": f"{run.measure} ({run.summary['direction']})",
        "value": best.get("value"),
        **best.get("reported", {}),
        **{f"trained in full: {name}": value for name, value in run.trained.items()},
        **sizes,
        **best.get("columns", {}),
        **best.get("hyperparameters", {}),
        "queries": f"{told['queries']} of {told['budget']}{'' if run.finished else ', unfinished'}",
        "failed": told["failed"],
        **{name: count for name, count in counts.items() if count},
        "pool": run.summary["pool"],
        "seconds": told["seconds"],
        "seconds of trainings": round(told["cost_seconds"], 3),
        "architecture": best.get("architecture"),
    }


def _settings(run: Run, *, wholly: bool) -> dict[str, Any]:
    """Setting -> value, those inside others as `objective.epochs`."""
    known = run.identity if wholly else {key: run.summary.get(key) for key in SETTINGS}
    return _flat({**known, "budget": run.summary["budget"], "pool": run.summary["pool"]})


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat = dict[str, Any]()
    for name, value in values.items():
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {before + name: value}
    return flat


def _differing(settings: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for one in settings for name in one)
    rows = {name: [one.get(name) for one in settings] for name in names}
    return {name: row for name, row in rows.items() if len({json.dumps(value, sort_keys=True) for value in row}) > 1}

"""The page on several searches, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from untrained.errors import InputError, listed
from untrained.report.page import data
from untrained.report.page.data import Contents, Row
from untrained.report.page.facts import command, duration, facts
from untrained.report.page.render import rendered
from untrained.report.page.search import picture
from untrained.report.runs import cell, cut
from untrained.report.text import CALLED, said
from untrained.searching.comparing import compare
from untrained.searching.runs import Run, data_of, read_runs


@dataclass(frozen=True)
class Search:
    """One of the searches.

    Args:
        label: What it is called here.
        contents: All that its own page shows.
        run: The search as `compare` takes it.
    """

    label: str
    contents: Contents
    run: Run

    @property
    def pick(self) -> Row | None:
        """The query that is the pick."""
        return next((row for row in self.contents.rows if row.is_best), None)


@dataclass(frozen=True)
class Compared:
    """Several searches of one objective.

    Args:
        searches: In the order in which they were given.
        told: See `compare`.
    """

    searches: tuple[Search, ...]
    told: Mapping[str, Any]

    @property
    def axes(self) -> dict[str, int]:
        """The costs that are known of queries of each search."""
        first, *others = (one.contents.axes for one in self.searches)
        return {name: way for name, way in first.items() if all(name in axes for axes in others)}


def read(folders: Sequence[Path]) -> Compared:
    """Reads the latest search of each of several folders.

    Args:
        folders: At least two folders.

    Raises:
        InputError: One holds no search, or is broken; or they do not all have one objective.
    """
    runs = [read_runs(folder)[-1] for folder in folders]
    told = compare(runs)
    if not told["same_objective"]:
        each = dict.fromkeys(f"{run.measure} of {data_of(run.summary)} ({run.summary['direction']})" for run in runs)
        what = listed(each) if len(each) > 1 else f"{next(iter(each))}, of different data"
        raise InputError(f"these searches do not have one objective: {what}; untrained compare shows their settings")
    names = [run["label"] for run in told["runs"]]
    searches = (
        Search(name, data.read(run.folder, str(run.summary["study"])), run)
        for name, run in zip(_short(names), runs, strict=True)
    )
    return Compared(tuple(searches), told)


def page(shown: Compared) -> str:
    """The page.

    Args:
        shown: What it shows.
    """
    from untrained.report.page import comparison_figures as figures

    searches = shown.searches
    costs = {f"cost-{k}": name for k, name in enumerate(shown.axes)}
    drawn: dict[str, Any] = {
        "progress": figures.progress(shown),
        "spent": figures.spent(shown),
        **{key: figures.against(shown, name) for key, name in costs.items()},
        "agreement": figures.agreement(shown),
        "seconds": figures.seconds(shown),
    }
    names = dict.fromkeys(name for run in shown.told["runs"] for name in run["figures"])
    table = {CALLED.get(n, n): [cell(n, run["figures"].get(n)) for run in shown.told["runs"]] for n in names}
    table["seconds"] = [_seconds(run["figures"].get("seconds")) for run in shown.told["runs"]]
    return rendered(
        "comparison.html",
        drawn,
        figures.names(shown),
        searches=searches,
        told=shown.told["told"],
        best=_best(shown),
        objective=searches[0].contents.objective,
        sign=searches[0].contents.sign,
        data_name=data_of(searches[0].run.summary),
        pictures=[picture(one.contents, None) for one in searches],
        facts=[facts(one.contents) for one in searches],
        commands=[command(one.contents.run) for one in searches],
        differs={name: [cut(value) for value in values] for name, values in shown.told["differs"].items()},
        table=table,
        costs=costs,
        colours=figures.colours(shown),
        called=CALLED,
        said=said,
    )


def _best(shown: Compared) -> set[int]:
    """The places of the best searches."""
    best, values = shown.told["best"], [one.pick and one.pick.query.value for one in shown.searches]
    return {k for k, value in enumerate(values) if best is not None and value == values[best]}


def _seconds(seconds: Any) -> str:
    return duration(seconds) if isinstance(seconds, int | float) else "–"


def _short(names: Sequence[str]) -> list[str]:
    """Names without the folders that all of them are in."""
    parts = [Path(name).parts for name in names]
    common = 0
    while all(len(part) > common + 1 and part[common] == parts[0][common] for part in parts):
        common += 1
    return [str(Path(*part[common:])) for part in parts]

"""A search at one moment, as its study and its folder tell of it: also of one that another process makes."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.storages import BaseStorage
from optuna.study import StudyDirection

from untrained.errors import InputError, listed
from untrained.samplers.query import SKIPPED, Query
from untrained.scoring.journal import networks_in
from untrained.searching.attributes import BEGUN, BUDGET, ENDED, IDENTITY, PLAN, POOL_SIZE
from untrained.searching.claims import is_at_work_in, is_at_work_on
from untrained.searching.folder import BEST_FILE, RUN_FILE, STUDY_FILE, loaded, read_json, studies_in
from untrained.searching.pool import SCORES_FILE
from untrained.searching.runs import data_of, measure_of
from untrained.searching.storage import open_storage, shown_storage
from untrained.searching.studies import grown, latest_search, searches

State = Literal["running", "finished", "stopped", "died"]
EVERY = 1.0
"""Seconds between two looks at a search."""


@dataclass(frozen=True)
class Running:
    """An evaluation that has not ended.

    Args:
        query: What is evaluated.
        seconds: For how long, by the clock of the machine that makes it.
        curve: Step -> the value that it reported there.
    """

    query: Query
    seconds: float
    curve: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """A search at one moment.

    Args:
        name: What it is, in short: its space, its data, its sampler; or its folder.
        state: "running", "finished", "stopped" (in good order, before its end), "died" (its process is gone
            in the middle of a query; before the first query it cannot be told from "stopped").
        study: The name of its study; "" before there is one.
        measure: The name of its values.
        minimized: Whether less is better.
        queries: Those that have ended, in order.
        running: Those that have not.
        budget: How many queries at most; None before that is known.
        counted: Whether so many are aimed at; else it goes on until its time is over.
        jobs: How many queries are made at once.
        pool: How many architectures were drawn.
        grown: How many joined them.
        until: The time after which no query begins, in seconds since 1970; None for no such limit.
        bars: What is being counted beside: name -> (so many done, of so many; None if that is not known).
    """

    name: str = ""
    state: State = "running"
    study: str = ""
    measure: str = "value"
    minimized: bool = False
    queries: tuple[Query, ...] = ()
    running: tuple[Running, ...] = ()
    budget: int | None = None
    counted: bool = True
    jobs: int = 1
    pool: int | None = None
    grown: int = 0
    until: float | None = None
    bars: Mapping[str, tuple[int, int | None]] = field(default_factory=dict)

    @property
    def best(self) -> Query | None:
        """The best query so far; one that was stopped early is no candidate."""
        done = [query for query in self.queries if query.state == "complete" and query.value is not None]
        sign = 1 if self.minimized else -1
        return min(done, key=lambda query: sign * (query.value or 0.0), default=None)

    @property
    def phase(self) -> str:
        """What is being done: "scoring", "explore", "exploit", or the name of what is counted."""
        if self.running:
            return self.running[-1].query.phase or "searching"
        if not self.queries or not self.study:
            return next(iter(self.bars), "starting")
        return self.queries[-1].phase or "searching"

    @property
    def bests(self) -> list[float]:
        """The best value after each query, from the first that has one on."""
        better = min if self.minimized else max
        found = list[float]()
        for query in self.queries:
            own = [query.value] if query.state == "complete" and query.value is not None else []
            if values := found[-1:] + own:
                found.append(better(values))
        return found

    def seconds_left(self, now: float | None = None) -> float | None:
        """How long it will go on, by how long its queries took; None if that is not known.

        Args:
            now: The time, in seconds since 1970.
        """
        if self.state != "running":
            return None
        seconds = [query.seconds or 0.0 for query in self.queries if not query.reused]
        to_go = self.budget - len(self.queries) if self.budget is not None and self.counted else None
        limit = None if self.until is None else max(self.until - (time.time() if now is None else now), 0.0)
        if not seconds or to_go is None:
            return limit
        left = to_go * sum(seconds) / len(seconds) / self.jobs
        return left if limit is None else min(left, limit)

    def to_json(self) -> dict[str, Any]:
        """The snapshot as one JSON object."""
        best = self.best
        running = [
            {"architecture": one.query.architecture, "phase": one.query.phase, "seconds": round(one.seconds, 1)}
            | {"curve": {str(step): value for step, value in one.curve.items()}}
            for one in self.running
        ]
        left = self.seconds_left()
        return {
            "name": self.name,
            "study": self.study,
            "state": self.state,
            "phase": self.phase,
            "measure": self.measure,
            "direction": "minimize" if self.minimized else "maximize",
            "best": best and {"architecture": best.architecture, "value": best.value},
            "queries": [query.to_json() for query in self.queries],
            "running": running,
            "budget": self.budget,
            "pool": self.pool,
            "grown": self.grown,
            "seconds_left": None if left is None else round(left, 1),
            **{name: {"done": done, "total": total} for name, (done, total) in self.bars.items()},
        }


def snapshot_of(study: optuna.Study, state: State = "running") -> Snapshot:
    """Takes a snapshot of the study of a search that has begun.

    Args:
        study: The study.
        state: What is known of its process.
    """
    attrs, found, open_ones = study.user_attrs, list[Query](), list[Running]()
    identity, plan = attrs[IDENTITY], attrs.get(PLAN, {})
    for trial in study._storage.get_all_trials(study._study_id, deepcopy=False):
        query = Query.from_trial(trial)
        if query is None or SKIPPED in trial.user_attrs:
            continue
        if not query.running:
            found.append(query)
            continue
        began = trial.datetime_start
        seconds = 0.0 if began is None else max((datetime.now() - began).total_seconds(), 0.0)
        open_ones.append(Running(query, seconds, dict(trial.intermediate_values)))
    where = data_of(identity)
    return Snapshot(
        f"{identity['space']}{f' on {where}' if where else ''}, {identity['sampler']}, seed {identity['seed']}",
        state,
        study.study_name,
        measure_of(identity),
        study.direction == StudyDirection.MINIMIZE,
        tuple(found),
        tuple(open_ones),
        attrs.get(BUDGET),
        plan.get("counted", True),
        plan.get("jobs", 1),
        attrs.get(POOL_SIZE),
        len(grown(study)),
        plan.get("until"),
    )


def watch(
    folder: str | Path | None = None, study: str | None = None, storage: str | None = None, every: float = EVERY
) -> Iterator[Snapshot]:
    """Looks at a search again and again until it ends; it only reads.

    Args:
        folder: The folder of the search; None for one that only a storage knows.
        study: Which of the searches there; None for the latest, whichever that comes to be.
        storage: The URL of its storage, if that is not in the folder.
        every: Seconds between two looks.

    Yields:
        A snapshot at once, then one after each pause. The last one is not "running".

    Raises:
        InputError: There is no such search.

    Example:
        ```python
        for now in watch("runs/digits"):
            print(now.phase, len(now.queries), now.best and now.best.value)
        ```
    """
    place = None if folder is None else Path(folder)
    if place is not None:
        storage = storage or _named_storage(place)
    while True:
        with ExitStack() as stack:
            if storage is not None:
                opened: Any = open_storage(storage, shown_storage(storage))
            elif place is not None and (place / STUDY_FILE).is_file():
                opened = stack.enter_context(studies_in(place))
            else:
                opened = None
            # A storage stays open while its search is at work: to open one takes longer than to look into it.
            for now in _looks(opened, place, study, every):
                yield now
                if now.state != "running":
                    return
        if every:
            time.sleep(every)


def _looks(storage: Any, folder: Path | None, study: str | None, every: float) -> Iterator[Snapshot]:
    while True:
        chosen = None if storage is None else _chosen(storage, study, folder)
        if storage is None or chosen is None:
            if folder is None:
                raise InputError("the storage holds no search that has begun its first query")
            yield _before(folder)
            return  # there may be a study by now
        now = snapshot_of(loaded(storage, chosen), _state(storage, chosen, folder))
        yield now if now.state != "running" or folder is None else _with_scores(now, folder)
        time.sleep(every)


def _chosen(storage: BaseStorage, study: str | None, folder: Path | None) -> Any:
    found = {one.study_name: one for one in searches(storage)}
    if study is not None and study not in found:
        where = "the storage" if folder is None else repr(str(folder))
        raise InputError(f"no search {study!r} in {where}: it has {listed(found)}")
    return latest_search(storage) if study is None else found[study]


def _state(storage: BaseStorage, study: Any, folder: Path | None) -> State:
    attrs = study.user_attrs
    if attrs.get(ENDED, -1.0) >= attrs.get(BEGUN, 0.0):
        return "finished"
    if is_at_work_on(storage, study._study_id):
        return "running"
    trials = storage.get_all_trials(study._study_id, deepcopy=False)
    made = [query for trial in trials if (query := Query.from_trial(trial))]
    if sum(not query.running for query in made) >= attrs.get(BUDGET, 0) or _is_written(folder, study.study_name):
        return "finished"
    return "died" if any(query.running for query in made) else "stopped"


def _is_written(folder: Path | None, study: str) -> bool:
    """Whether the result of a search, which an earlier version may have made, stands in its folder."""
    path = None if folder is None else folder / BEST_FILE
    return path is not None and path.is_file() and read_json(path).get("study") == study


def _before(folder: Path) -> Snapshot:
    """A search without a study: it prepares its data or its pool, or scores that."""
    scored = networks_in(folder / SCORES_FILE)
    bars = {} if scored is None else {"scoring": (scored, None)}
    if is_at_work_in(folder):
        return Snapshot(str(folder), bars=bars)
    if (folder / BEST_FILE).is_file():
        raise InputError(f"the search in {str(folder)!r} is finished, and its study lies elsewhere: untrained show")
    if scored is None and not (folder / RUN_FILE).is_file() and not (folder / STUDY_FILE).is_file():
        raise InputError(f"no search in {str(folder)!r}: it has neither {STUDY_FILE} nor {RUN_FILE}")
    return Snapshot(str(folder), "stopped", bars=bars)  # what is left of a scoring is the same after a crash


def _with_scores(now: Snapshot, folder: Path) -> Snapshot:
    """With what joins the pool at the moment."""
    scored = networks_in(folder / SCORES_FILE)
    return now if not scored else replace(now, bars={"scoring": (scored, None)})


def _named_storage(folder: Path) -> str | None:
    """Where the study of a folder lies, if it is not there. A folder may be a stranger's: its URL is not followed."""
    path = folder / RUN_FILE
    named = read_json(path).get("storage") if path.is_file() else None
    if named is not None:
        raise InputError(f"the study of {str(folder)!r} lies in {named}: give --storage URL too")
    return None

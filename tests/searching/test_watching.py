"""What can be seen of a search from outside, while it runs and after."""

import os
from pathlib import Path
from typing import Any

import optuna
import pytest

from searching.searches import ARCHS, FAILED, Counted, run
from untrained.errors import InputError
from untrained.runtime.journal import Journal
from untrained.samplers.query import ARCHITECTURE
from untrained.searching.claims import is_at_work_in, only_search_in
from untrained.searching.storage import open_storage
from untrained.searching.studies import searches
from untrained.searching.watching import Snapshot, watch


def seen_in(folder: Path, **options: Any) -> Snapshot:
    return next(watch(folder, **options))


def test_a_search_is_seen_at_work(tmp_path: Path) -> None:
    seen = list[Snapshot]()

    def at(arch: str, k: int) -> Any:
        seen.append(seen_in(tmp_path))
        return FAILED if k == 1 else None

    made = run(Counted(at), out=tmp_path, timeout=3_600).queries
    for k, now in enumerate(seen):
        assert (now.state, len(now.queries), now.budget) == ("running", k, 5)
        assert [one.query.architecture for one in now.running] == [made[k].architecture]
        assert now.until is not None
    assert seen[2].queries[1].reason == "EvaluationFailed: no luck"
    values = [query.value for query in made[:4] if query.value is not None]
    assert seen[4].best is not None
    assert seen[4].best.value == max(values)
    assert seen[4].bests == [values[0], values[0], *(max(values[: k + 1]) for k in (1, 2))]


def test_looks_do_not_change_a_folder_and_end_with_the_search(tmp_path: Path) -> None:
    made = run(out=tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path, *tmp_path.iterdir())}
    (now,) = watch(tmp_path)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path, *tmp_path.iterdir())}
    assert (now.state, now.study, len(now.queries)) == ("finished", made.study.study_name, 5)
    assert now.seconds_left() is None
    (tmp_path / "best.json").unlink()
    assert seen_in(tmp_path).state == "finished"  # whatever else is lost


def test_a_search_that_was_stopped_and_one_that_died(tmp_path: Path) -> None:
    def at(arch: str, k: int) -> Any:
        if k == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Counted(at), out=tmp_path)
    assert seen_in(tmp_path).state == "stopped"
    pid = os.fork()
    if pid == 0:
        run(Counted(lambda arch, k: os._exit(0)), out=tmp_path)  # type: ignore[func-returns-value]
    os.waitpid(pid, 0)
    now = seen_in(tmp_path)
    assert (now.state, len(now.queries), len(now.running)) == ("died", 2, 1)


def test_before_there_is_a_study(tmp_path: Path) -> None:
    with only_search_in(tmp_path):
        assert seen_in(tmp_path).phase == "starting"
        journal = Journal(tmp_path / "scores.parquet.partial")
        for entry in ({"seed": 0}, "a", ["a", {}, {}], ["b", {}, {}]):
            journal.add(entry)
        now = seen_in(tmp_path)
        assert (now.state, now.phase, now.bars) == ("running", "scoring", {"scoring": (2, None)})
    journal.close()
    assert seen_in(tmp_path).state == "stopped"


def test_what_is_no_search_is_told(tmp_path: Path) -> None:
    for folder, says in (
        (tmp_path / "nix", "no such folder; a search that just begins"),
        (tmp_path, "neither study.db nor run.json"),
    ):
        with pytest.raises(InputError, match=says):
            seen_in(folder)
    (tmp_path / "run.json").write_text('{"storage": "postgresql://host/db"}')
    with pytest.raises(InputError, match="lies in postgresql://host/db: give --storage"):
        seen_in(tmp_path)


def test_a_search_that_only_a_storage_knows(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'all.db'}"
    with pytest.raises(InputError, match="no search"):
        next(watch(storage=url))
    for sampler in ("random", "rea"):
        run(storage=url, sampler=sampler)
    assert "rea" in next(watch(storage=url)).name
    first = searches(open_storage(url, url))[0].study_name
    assert "random" in next(watch(storage=url, study=first)).name
    with pytest.raises(InputError, match=r"no search 'other'.* it has "):
        next(watch(storage=url, study="other"))


def test_the_time_that_is_left_is_what_the_queries_took_or_less() -> None:
    made = run().queries
    now = Snapshot(study="s", queries=tuple(made), budget=9, jobs=2)
    mean = sum(query.seconds or 0.0 for query in made) / 5
    assert now.seconds_left() == pytest.approx(4 * mean / 2)
    assert Snapshot(until=100.0, counted=False).seconds_left(now=70.0) == 30.0
    assert Snapshot().seconds_left() is None


def test_a_glance_at_a_folder_hinders_no_search(tmp_path: Path) -> None:
    assert not is_at_work_in(tmp_path)
    with only_search_in(tmp_path):
        assert is_at_work_in(tmp_path)
    assert not is_at_work_in(tmp_path)


def test_trials_without_an_architecture_are_left_out(tmp_path: Path) -> None:
    study = run(out=tmp_path).study
    study.sampler = optuna.samplers.RandomSampler()
    study.ask()
    assert seen_in(tmp_path).running == ()
    study.ask().set_user_attr(ARCHITECTURE, ARCHS[0])
    assert [one.query.architecture for one in seen_in(tmp_path).running] == [ARCHS[0]]

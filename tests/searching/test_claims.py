"""One search at a time on a study that several processes can reach."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import optuna
import pytest

from searching.searches import Counted, history, run
from untrained.errors import InputError
from untrained.searching import claims
from untrained.searching.claims import PREFIX, only_search_of
from untrained.searching.owners import one_of_the_owners

pytestmark = pytest.mark.filterwarnings("ignore:a search on another machine")


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    return optuna.create_study(study_name="one", storage=f"sqlite:///{tmp_path / 's.db'}")


def claim(study: optuna.Study, name: str = "other", **changes: Any) -> None:
    made = {"id": name, "process": claims.this_process(), "pid": os.getpid(), "since": 0.0, "beat": time.time()}
    study._storage.set_study_system_attr(study._study_id, PREFIX + name, made | {"state": "held"} | changes)


def is_free(study: optuna.Study) -> bool:
    try:
        with only_search_of(study, "there"):
            return True
    except InputError:
        return False


def can_be_joined(study: optuna.Study) -> bool:
    try:
        with one_of_the_owners(study, "there", lambda owners: None):
            return True
    except InputError:
        return False


def test_a_claim_holds_until_its_process_is_dead(study: optuna.Study) -> None:
    assert is_free(study)
    here = claims.this_process()
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    claim(study, pid=pid, process=here | {"started": claims.started(pid)})
    assert not is_free(study)
    claim(study, pid=pid, process=here | {"started": "another time"})  # the number of a process that is no more
    assert is_free(study)
    claim(study, pid=pid, process=here | {"started": claims.started(pid)})
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert is_free(study)
    claim(study)  # of this process, which does not hold it any more
    assert is_free(study)


@pytest.mark.parametrize("skew", [-7200.0, -300.0, 300.0, 7200.0])
def test_the_clock_of_another_machine_may_go_wrong(
    study: optuna.Study, skew: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, now, waits = {"machine": ["elsewhere"], "started": "1"}, [1000.0], [0]
    claim(study, process=there)
    assert not is_free(study)
    lives = True

    def sleep(seconds: float) -> None:
        now[0] += seconds
        waits[0] += 1
        if lives and waits[0] % 15 == 0:  # as often as it gives a sign of life
            claim(study, process=there, beat=time.time() + skew + waits[0])

    monkeypatch.setattr(claims.time, "sleep", sleep)
    monkeypatch.setattr(claims.time, "monotonic", lambda: now[0])
    for alone in (True, False):
        claim(study, process=there, beat=time.time() + skew)
        lives = True
        assert not (is_free(study) if alone else can_be_joined(study))
        lives = False
        assert is_free(study) if alone else can_be_joined(study)
        assert claims.claims_of(study._storage, study._study_id) == []


def test_of_two_that_start_at_once_the_older_waits_for_the_newer_to_give_up(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"machine": ["elsewhere"], "started": "1"}
    claim(study, process=there, state="waiting", since=time.time() - 5)
    assert not is_free(study)
    claim(study, process=there, state="waiting", since=time.time() + 5)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        study._storage.set_study_system_attr(study._study_id, f"{PREFIX}other", None)

    monkeypatch.setattr("untrained.searching.claims.time.sleep", sleep)
    assert is_free(study)
    assert len(waits) == 1


def test_a_second_search_on_a_storage_is_told(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 's.db'}"

    def nested(arch: str, call: int) -> None:
        with pytest.raises(InputError, match=r"another search .process \d+. is at work on study '.*-random-seed0-"):
            run(Counted(), storage=storage)
        assert run(Counted(), storage=storage, seed=1).value > 0  # another study

    result = run(Counted(nested), storage=storage)
    assert history(result) == history(run())


def test_a_search_that_is_refused_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="budget 10000 is above"):
        run(Counted(), out=tmp_path / "new", budget=10_000)
    assert not (tmp_path / "new").exists()


def test_a_kill_while_the_claim_is_lifted_leaves_nothing_behind(tmp_path: Path) -> None:
    """No query is left to be made, so nothing else is written, and SQLite's file would stay for good."""
    result, left = run(out=tmp_path), tmp_path / "study.db-journal"
    claim(result.study, process=claims.this_process() | {"started": "another time"})
    left.write_bytes(bytes(512))  # a transaction that has only begun has no header yet
    assert history(run(out=tmp_path)) == history(result)
    assert not left.exists()
    assert claims.claims_of(result.study._storage, result.study._study_id) == []

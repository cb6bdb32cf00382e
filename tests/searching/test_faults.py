"""Storages that fail, processes that die, evaluations that end badly: no query is lost, none is made twice."""

import errno
import os
import re
import sqlite3
import warnings
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from typing import Any

import optuna
import pytest
import torch
from sqlalchemy.exc import OperationalError
from torch import nn

from searching.searches import FAILED, SPACE, Counted, history, run
from untrained import load_network
from untrained.errors import InputError, InputWarning
from untrained.objectives import Evaluation
from untrained.searching.result import Result
from untrained.searching.storage import StorageFailed, may_come_back
from untrained.searching.weights import load_weights


def full() -> Exception:
    """What Optuna raises if a disk is full."""
    error = optuna.exceptions.StorageInternalError("An exception is raised during the commit.")
    error.__cause__ = OperationalError("UPDATE", {}, sqlite3.OperationalError("database or disk is full"))
    return error


class Failing:
    """A storage in memory that breaks at its n-th call, before or after it has done what it was asked."""

    def __init__(self, error: Callable[[], Exception] = full) -> None:
        self.storage = optuna.storages.InMemoryStorage()
        self.error = error
        self.calls, self.fails_at, self.after = 0, -1, False
        self.only = ""  # counts calls of this name alone

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.storage, name)
        if not callable(found):
            return found

        def call(*args: Any, **options: Any) -> Any:
            self.calls += self.only in ("", name)
            if self.only not in ("", name):
                return found(*args, **options)
            fails = self.calls == self.fails_at
            if fails and not self.after:
                raise self.error()
            done = found(*args, **options)
            if fails:
                raise self.error()
            return done

        return call


def states(storage: Any) -> set[str]:
    trials = [t for study in storage.get_all_studies() for t in storage.get_all_trials(study._study_id)]
    return {trial.state.name for trial in trials}


@pytest.mark.parametrize(("sampler", "after"), [("random", True), ("robot", False)])
def test_a_storage_that_fails_at_any_call_costs_no_query(sampler: str, after: bool) -> None:
    def outcome(arch: str, call: int) -> Any:
        return FAILED if "depth=1" in arch else None

    def search(storage: Failing) -> Any:
        result = run(Counted(outcome), storage=storage, sampler=sampler, budget=3)
        storage.fails_at = -1
        return history(result)

    whole = Failing()
    run(Counted(outcome), storage=whole, sampler=sampler, budget=3)
    calls, undisturbed = whole.calls, search(whole)
    assert len({state for _, _, state, *_ in undisturbed}) == 2
    harmless, told = 0, set[str]()
    for n in range(1, calls + 1):
        storage = Failing()
        storage.fails_at, storage.after = n, after
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                is_same = search(storage) == undisturbed
                harmless += is_same and not warned  # warned of what is written beside the result, once it is there
            except InputError as error:
                told.add(str(error))
        assert search(storage) == undisturbed, n
        assert states(storage) <= {"COMPLETE", "FAIL"}
    assert (harmless, calls > 40) == (1, True)  # the claim on the study is given back last
    assert all(re.fullmatch("storage Failing .*database or disk is full.*", text) for text in told)  # one line


def test_a_storage_that_is_locked_for_a_while_costs_nothing(tmp_path: Path) -> None:
    """SQLite itself gives up at once here: another process holds the file while the result is told."""
    path = tmp_path / "study.db"

    def lock(arch: str, call: int) -> None:
        if call == 1:
            other = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            other.execute("begin exclusive")
            Timer(0.6, other.close).start()

    with pytest.warns(InputWarning, match="does not answer .*locked.* it has 60 s to come back"):
        result = run(Counted(lock), storage=f"sqlite:///{path}?timeout=0.01")
    assert history(result) == history(run())


def test_a_result_whose_answer_was_lost_is_told_once() -> None:
    """The connection breaks after the server has done what it was told: told again, it answers that it is done."""

    def gone() -> Exception:
        return OperationalError("UPDATE", {}, ConnectionResetError("server closed the connection unexpectedly"))

    for call in ("set_trial_state_values", "set_trial_user_attr", "get_all_trials"):
        storage = Failing(gone)
        storage.only, storage.fails_at, storage.after = call, 3, True
        with pytest.warns(InputWarning, match="does not answer"):
            result = run(Counted(), storage=storage)
        assert history(result) == history(run()), call


@pytest.mark.parametrize(
    ("statement", "says", "call", "again"),
    [
        ("INSERT", "server closed the connection unexpectedly", "create_new_trial", True),  # and nothing was committed
        (None, 'connection to server at "db", port 5432 failed: Connection refused', "create_new_trial", True),
        (None, "Can't connect to MySQL server on 'db'", "create_new_trial", True),
        (None, "server closed the connection unexpectedly", "create_new_trial", False),  # while it committed
        (None, "server closed the connection unexpectedly", "set_trial_user_attr", True),
    ],
)
def test_what_was_not_carried_out_is_tried_again(statement: str | None, says: str, call: str, again: bool) -> None:
    error = optuna.exceptions.StorageInternalError("An exception is raised during the commit.")
    error.__cause__ = OperationalError(statement, {}, ConnectionError(says))
    assert may_come_back(error, call) is again


def test_a_storage_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("untrained.searching.storage.PATIENCE", 0.0)
    storage = Failing(lambda: OperationalError("SELECT", {}, ConnectionRefusedError("connection refused")))
    storage.only, storage.fails_at = "get_all_trials", 3
    with pytest.raises(StorageFailed, match="connection refused"):
        run(Counted(), storage=storage)


def test_an_objective_that_reports_is_not_blamed_for_the_storage() -> None:
    class Reporting(Counted):
        def __call__(self, arch: str, trial: Any = None) -> Any:
            storage.fails_at = storage.calls + 2
            trial.report(1.0, 1)
            trial.report(2.0, 2)
            return super().__call__(arch, trial)

    storage = Failing(lambda: ConnectionResetError("the server went away"))
    with pytest.raises(StorageFailed, match="the server went away"):
        run(Reporting(), storage=storage)
    assert states(storage) == {"FAIL"}
    assert all("skipped" in t.user_attrs for t in storage.get_all_trials(0))


def test_a_finished_search_is_told_again_without_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(weights_of, out=tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    monkeypatch.setattr("untrained.runtime.files.os.open", no_writes(os.open))
    (tmp_path / "study.db").chmod(0o444)
    again = run(weights_of, out=tmp_path)
    assert again.summary == first.summary
    assert again.weights is not None
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def no_writes(opened: Callable[..., int]) -> Callable[..., int]:
    def open_(path: Any, flags: int, *args: Any, **options: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(errno.EROFS, "Read-only file system", path)
        return opened(path, flags, *args, **options)

    return open_


def weights_of(arch: str) -> Evaluation:
    return Evaluation(SPACE.to_params(arch)["width"], 1.0, SPACE.build(arch).state_dict())


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(5, 3)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.embedding.weight
        self.register_buffer("part", self.embedding.weight.detach()[1:3])


def test_weights_that_share_memory_are_saved_once_and_tied_again(tmp_path: Path) -> None:
    tied = Tied()
    result = run(lambda arch: Evaluation(1.0, 1.0, tied.state_dict()), budget=1, out=tmp_path)
    assert result.weights is not None
    path = tmp_path / "best.safetensors"
    assert path.stat().st_size < 15 * 4 + 6 * 4 + 500  # 5 x 3 numbers once, 2 x 3 of the part, and the header
    weights = load_weights(path)
    assert weights.keys() == tied.state_dict().keys()
    assert all(torch.equal(weights[name], tensor) for name, tensor in tied.state_dict().items())
    assert weights["head.weight"] is weights["embedding.weight"]


def bad(outcome: Any) -> Counted:
    return Counted(lambda arch, call: outcome if call == 2 else None)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Evaluation(float("nan"), 1.0), "objective is nan"),
        (Evaluation("x", 1.0), "value is 'x'"),  # pyright: ignore[reportArgumentType] - as users write it
        (Evaluation(1.0, float("nan")), "cost_seconds is nan"),
        (Evaluation(1.0, "5"), "cost_seconds is '5'"),  # pyright: ignore[reportArgumentType] - as users write it
        (Evaluation(99.0, 1.0, {"w": 3}), "weight 'w'"),  # pyright: ignore[reportArgumentType] - as users write it
        (Evaluation(99.0, 1.0, {"w": torch.zeros(2).to_sparse()}), "weight 'w'"),
        (ValueError("boom\nsecond line"), "ValueError: boom"),
        (ValueError("\ud800" + "x" * 10_000), "ValueError"),
        (SystemExit(3), "SystemExit: 3"),
        (MemoryError(), "MemoryError"),
        (RecursionError("deep"), "deep"),
    ],
)
def test_an_evaluation_that_ends_badly_is_a_failed_query(outcome: Any, reason: str, tmp_path: Path) -> None:
    objective = bad(outcome)
    result = run(objective, out=tmp_path)
    assert len(objective.calls) == len(set(objective.calls)) == 5
    assert [query.state for query in result.queries].count("failed") == 1
    assert reason in str(result.queries[2].reason)
    assert len(str(result.queries[2].reason)) < 320


def test_a_cost_that_is_not_told_is_the_time_it_took() -> None:
    query = run(lambda arch: Evaluation(1.0), budget=1).queries[0]
    assert query.cost_seconds == pytest.approx(query.seconds, abs=0.1)


def test_a_report_that_breaks_keeps_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unlucky(Counted):
        def report(self, arch: str, weights: Any) -> Any:
            if "TEST_SET" not in os.environ:
                raise RuntimeError("the test set is gone")
            return {"test": 2}

    with pytest.warns(UserWarning, match="no test figures: RuntimeError: the test set is gone"):
        result = run(Unlucky(), out=tmp_path)
    assert result.reported == {}
    monkeypatch.setenv("TEST_SET", "there")
    mended = Unlucky()
    assert run(mended, out=tmp_path).reported == {"test": 2.0}
    assert not mended.calls


def test_a_full_disk_loses_no_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise InputError("best.safetensors cannot be written: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("untrained.searching.weights.save_weights", full)
        with pytest.raises(InputError, match="No space left"):
            run(weights_of, out=tmp_path)
    result = run(weights_of, out=tmp_path)
    assert len(result.queries) == 5
    assert result.study.trials[0].state.name == "COMPLETE"
    assert (
        load_network(tmp_path, SPACE).network.state_dict().keys()
        == SPACE.build(result.architecture).state_dict().keys()
    )


def killed(out: Path, at: str) -> int:
    """The exit code of a process that searches and ends itself while it evaluates `at`."""
    pid = os.fork()
    if pid == 0:
        run(Counted(lambda arch, call: os._exit(9) if arch == at else None), out=out)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_an_architecture_that_ends_the_process_is_tried_twice(tmp_path: Path) -> None:
    whole = run()
    poison = whole.queries[2].architecture
    assert [killed(tmp_path, poison) for _ in range(3)] == [9, 9, 0]
    result = run(out=tmp_path)
    assert [q.architecture for q in result.queries] == [q.architecture for q in whole.queries]
    failed = result.queries[2]
    assert failed.state == "failed"
    assert "ended the process 2 times" in str(failed.reason)
    assert {trial.state.name for trial in result.study.trials} == {"COMPLETE", "FAIL"}


def test_an_interrupt_is_no_try(tmp_path: Path) -> None:
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            run(Counted(lambda arch, call: KeyboardInterrupt() if call == 0 else None), out=tmp_path)
    result: Result = run(out=tmp_path)
    assert history(result) == history(run())

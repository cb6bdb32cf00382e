"""A signal stops work at a safe point, wherever it lands, and is never lost."""

import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from toy import MLPs, toy_batch
from untrained.runtime.interrupts import (
    SIGNALS,
    check_interrupt,
    exit_code,
    interrupted,
    interruptible,
    interrupts_held,
    signals_raise,
)
from untrained.scoring.one_network import Job, NetworkScores, Task
from untrained.scoring.pool import compute_scores


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    hangup = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup has it ignored
    before = [signal.getsignal(s) for s in SIGNALS]
    yield
    assert [signal.getsignal(s) for s in SIGNALS] == before
    assert not interrupted()
    signal.signal(signal.SIGHUP, hangup)


def send(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


def send_nothing() -> None:
    """Any step at all."""


def stops(block: AbstractContextManager[None], *body: Callable[[], object]) -> int | None:
    """How many of `body` ran in `block` before `KeyboardInterrupt`; None if it was not raised."""
    done = 0
    try:
        with block:
            for step in body:
                step()
                done += 1
    except KeyboardInterrupt:
        return done
    return None


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_stops_at_the_next_check(number: int, capfd: pytest.CaptureFixture[str]) -> None:
    assert stops(interruptible("step"), check_interrupt, lambda: send(number), send_nothing, check_interrupt) == 3
    assert exit_code() == 128 + number
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "after this step" in lines[0]


def test_a_second_signal_stops_at_once() -> None:
    assert stops(interruptible(), send, send, send_nothing) == 1


def test_a_block_without_checks_ends_interrupted() -> None:
    assert stops(interruptible(), send, send_nothing, send_nothing) == 3
    assert stops(interruptible(), send_nothing) is None


def test_nested_blocks_hand_the_interrupt_outwards(capfd: pytest.CaptureFixture[str]) -> None:
    inner = list[int | None]()
    nested = lambda: inner.append(stops(interruptible("epoch"), send, send_nothing))  # noqa: E731
    assert stops(interruptible("query"), nested, send_nothing, check_interrupt, send_nothing) == 2
    assert inner == [None]
    assert "epoch" in capfd.readouterr().err


def test_another_error_passes_and_the_next_block_begins_anew() -> None:
    with pytest.raises(ZeroDivisionError):
        stops(interruptible(), send, lambda: 1 / 0)
    assert stops(interruptible(), check_interrupt) is None


def test_ignored_signals_stay_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert stops(interruptible(), lambda: send(signal.SIGHUP), check_interrupt) is None
        assert stops(signals_raise(), lambda: send(signal.SIGHUP), send_nothing) is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_thread_sets_no_handler_and_sees_the_flag() -> None:
    seen = list[bool]()

    def in_thread() -> None:
        thread = threading.Thread(target=lambda: seen.append(stops(interruptible(), check_interrupt) == 0))
        thread.start()
        thread.join()

    assert stops(interruptible(), in_thread, send, in_thread) == 3
    assert seen == [False, True]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_is_as_any_other() -> None:
    with interruptible():
        child = os.fork()
        if not child:
            send(signal.SIGTERM)
            os._exit(0)  # it finished something first
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM


def test_held_signals_arrive_at_the_end() -> None:
    assert stops(interrupts_held(), send, send_nothing) == 2
    held = lambda: stops(interrupts_held(), send, send_nothing)  # noqa: E731
    assert stops(interruptible(), held, check_interrupt) == 1


def test_sigterm_raises_if_asked_to() -> None:
    assert stops(signals_raise(), lambda: send(signal.SIGTERM), send_nothing) in (0, 1)
    assert exit_code() == 143


def send_unseen() -> None:
    """Sends a signal in a weakref callback, where Python swallows what a handler raises."""
    thing = threading.Event()
    reference = weakref.ref(thing, lambda _: send())
    del thing
    assert reference() is None


def test_what_is_raised_in_a_callback_is_swallowed_without_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    assert stops(nullcontext(), send_unseen) is None
    assert stops(interruptible(), send_unseen, check_interrupt) == 1


@pytest.mark.parametrize("sends", [send, send_unseen])
def test_scoring_stops_after_the_network_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sends: Callable[[], None]
) -> None:
    archs, path, calls = list(MLPs())[:6], tmp_path / "scores.parquet", list[str]()
    original = Job.score

    def score(job: Job, task: Task) -> NetworkScores:
        calls.append(task.architecture)
        if len(calls) == 3:
            sends()
        return original(job, task)

    monkeypatch.setattr(Job, "score", score)
    with pytest.raises(KeyboardInterrupt):
        compute_scores(MLPs(), archs, ["params"], toy_batch(), path=path)
    assert len(calls) == 3
    table = compute_scores(MLPs(), archs, ["params"], toy_batch(), path=path)
    assert sorted(calls) == sorted(archs)
    assert not table.reasons


SLOW = """
import time
def slow(probe):
    time.sleep(0.3)
    return 1.0
"""


def test_the_command_line_says_that_it_was_interrupted(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    out = tmp_path / "scores.parquet"
    options = "--space nasbench201 --space-options N=1,C=4 --data digits --batch-size 4 --pool 200 --workers 1"
    command = [sys.executable, "-m", "untrained", "score", *options.split(), "--metrics", "slow.py:slow", "--out", out]
    running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    partial, end = Path(f"{out}.partial"), time.monotonic() + 120
    while not (partial.exists() and partial.read_bytes().count(b"\n") > 3):
        assert running.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 143
    assert "Traceback" not in err
    assert "after this network" in err
    assert "interrupted" in err.splitlines()[-1]

"""A search within a time."""

import time
from pathlib import Path
from typing import Any

import pytest

from searching.searches import Counted, history, run
from untrained.errors import InputError


class Clock:
    """A clock that an evaluation moves on by a minute."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def minute(self, _arch: str, _calls: int) -> Any:
        self.now += 60


def test_no_query_begins_after_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    timed = Counted(clock.minute)
    assert len(run(timed, timeout=150.0, out=tmp_path).queries) == len(timed.calls) == 3  # at 0, 60 and 120 s
    rest = Counted(clock.minute)
    result = run(rest, out=tmp_path)
    assert len(rest.calls) == 2
    assert history(result) == history(run())


def test_there_is_a_first_query_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    assert len(run(Counted(clock.minute), timeout=1e-9).queries) == 1


def test_a_time_that_is_none_is_named() -> None:
    with pytest.raises(InputError, match="timeout -1"):
        run(timeout=-1)

"""Work in several processes, and results on disk."""

import os
import time
from pathlib import Path

import pytest
import torch

from untrained.errors import InputError
from untrained.runtime.journal import Journal
from untrained.runtime.processes import unordered


def who(n: int) -> tuple[int, int, int]:
    time.sleep(0.1)
    return n * n, os.getpid(), torch.get_num_threads()


def poison(n: int) -> int:
    if n == 2:
        os.abort()
    return n


def test_all_is_done_in_as_many_processes_as_asked_for() -> None:
    done = list(unordered(who, range(6), 2))
    assert sorted(n for n, _, _ in done) == [0, 1, 4, 9, 16, 25]
    assert len({pid for _, pid, _ in done} - {os.getpid()}) == 2
    assert {threads for _, _, threads in done} == {1}
    assert [pid for _, pid, _ in unordered(who, [3], 8)] == [os.getpid()]
    assert list(unordered(who, [], 2)) == []


def test_an_item_that_kills_its_process_is_named_and_stops_no_other(capfd: pytest.CaptureFixture[str]) -> None:
    told = list[tuple[int, str]]()
    done = unordered(poison, [1, 2, 3, 4], 2, died=lambda n, why: told.append((n, why)) or -n)
    assert sorted(done) == [-2, 1, 3, 4]
    assert told == [(2, "its process died (signal 6)")]
    with pytest.raises(InputError, match=r"^2: its process died \(signal 6\), twice"):
        list(unordered(poison, [], 1, suspects=[2]))


def fail(n: int) -> int:
    raise InputError(f"no {n}")


def test_an_error_of_the_function_comes_back() -> None:
    with pytest.raises(InputError, match=r"no [12]"):
        list(unordered(fail, [1, 2], 2))


def test_a_journal_keeps_what_was_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "folder" / "j"
    journal = Journal(path)
    assert journal.entries == []
    journal.add({"a": 0.1 + 0.2})
    with monkeypatch.context() as race:
        race.setattr(Path, "exists", lambda _: False)  # as another that starts at the same time would have it
        with pytest.raises(InputError, match="another process is writing to"):
            Journal(path)
    journal.add([None])
    journal.close()
    path.write_bytes(path.read_bytes() + b'{"torn": 1')
    again = Journal(path)
    assert again.entries == [{"a": 0.1 + 0.2}, [None]]
    again.add(3)
    again.close()
    assert path.read_text().splitlines()[-1] == "3"
    again.discard()
    again.discard()
    assert not path.exists()
    path.write_text("not json\n")
    with pytest.raises(InputError, match="is not a file of unfinished results"):
        Journal(path)

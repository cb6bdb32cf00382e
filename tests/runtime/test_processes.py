"""Work in several processes."""

import os
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from untrained.errors import InputError, InputWarning
from untrained.runtime import processes
from untrained.runtime.devices import one_gpu
from untrained.runtime.processes import unordered


@dataclass(frozen=True)
class Meet:
    """Squares a number as soon as `n` processes are at it."""

    folder: Path
    n: int

    def __call__(self, number: int) -> tuple[int, int]:
        (self.folder / str(os.getpid())).touch()
        while len(list(self.folder.iterdir())) < self.n:
            time.sleep(0.01)
        return number * number, torch.get_num_threads()


def poison(n: int) -> int:
    if n == 2:
        os.abort()
    return n


def sleep(n: int) -> int:
    time.sleep(1000 * n)
    return n


def test_all_is_done_in_as_many_processes_as_asked_for(tmp_path: Path) -> None:
    assert sorted(unordered(Meet(tmp_path, 2), range(4), 2)) == [(n * n, 1) for n in range(4)]
    assert str(os.getpid()) not in {path.name for path in tmp_path.iterdir()}


def test_one_item_and_one_worker_need_no_process(tmp_path: Path) -> None:
    assert list(unordered(Meet(tmp_path, 1), [3], 8)) == [(9, 1)]
    assert list(unordered(Meet(tmp_path, 1), [3, 4], 1)) == [(9, 1), (16, 1)]
    assert [path.name for path in tmp_path.iterdir()] == [str(os.getpid())]
    assert list(unordered(Meet(tmp_path, 1), [], 2)) == []


def test_an_item_that_kills_its_process_is_named_and_stops_no_other() -> None:
    told = list[tuple[int, str]]()
    done = unordered(poison, [1, 2, 3], 2, died=lambda n, why: told.append((n, why)) or -n)
    assert sorted(done) == [-2, 1, 3]
    assert told == [(2, "its process died (signal 6)")]


def test_an_item_that_takes_too_long_is_given_up() -> None:
    told = list[tuple[int, str]]()
    done = unordered(sleep, [0, 1], 1, died=lambda n, why: told.append((n, why)) or -n, limit_seconds=1)
    assert sorted(done) == [-1, 0]
    assert told == [(1, "it took longer than 1 s")]


def test_an_item_that_kills_its_process_ends_the_work_if_nothing_stands_for_its_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "_pool", lambda *_: [processes.Died(2, "it died")])
    with pytest.raises(InputError, match=r"^2: it died, twice"):
        list(unordered(poison, [], 1, suspects=[2]))


def test_items_that_all_kill_their_processes_end_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_pool", lambda _, items, *rest: (processes.Died(n, "it died") for n in items))
    with pytest.raises(InputError, match="first 8 items failed: it died"):
        list(unordered(poison, range(100), 2, died=lambda n, why: -n))


def test_items_done_here_are_begun_first() -> None:
    order = list[Any]()
    assert list(unordered(str, [1, 2], 1, begin=order.append)) == ["1", "2"]
    assert order == [1, 2]


def fail(n: int) -> int:
    raise InputError(f"no {n}")


def test_an_error_of_the_function_comes_back() -> None:
    with pytest.raises(InputError, match=r"no [12]"):
        list(unordered(fail, [1, 2], 2))


def test_a_function_defined_anywhere_reaches_the_processes_and_prints_and_warns_here(
    capsys: pytest.CaptureFixture[str],
) -> None:
    factor = torch.tensor(3)

    def local(n: int) -> Any:
        print(f"at {n}")
        if n == 1:
            warnings.warn("one is odd", InputWarning, stacklevel=1)
        return (lambda: factor * n), n

    with pytest.warns(InputWarning, match="one is odd"):
        done = list(unordered(local, [1, 2], 2))
    assert sorted((int(function()), n) for function, n in done) == [(3, 1), (6, 2)]
    assert sorted(capsys.readouterr().out.splitlines()) == ["at 1", "at 2"]


@dataclass(frozen=True)
class MeetOnGPUs:
    """Tells which GPU a process sees, as soon as two are seen."""

    folder: Path

    def __call__(self, number: int) -> str:
        own = os.environ["CUDA_VISIBLE_DEVICES"]
        (self.folder / own).touch()
        deadline = time.monotonic() + 60
        while len(list(self.folder.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        return own


def test_of_several_gpus_each_process_sees_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert sorted(unordered(MeetOnGPUs(tmp_path), range(2), 2, environment=one_gpu)) == ["0", "1"]
    assert "CUDA_VISIBLE_DEVICES" not in os.environ

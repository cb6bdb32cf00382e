"""Work in several processes."""

import os
import time
from typing import Any

import pytest
import torch

from untrained.errors import InputError
from untrained.runtime import processes
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


def test_an_item_that_kills_its_process_is_named_and_stops_no_other() -> None:
    told = list[tuple[int, str]]()
    done = unordered(poison, [1, 2, 3], 2, died=lambda n, why: told.append((n, why)) or -n)
    assert sorted(done) == [-2, 1, 3]
    assert told == [(2, "its process died (signal 6)")]


def test_an_item_that_kills_its_process_ends_the_work_if_nothing_stands_for_its_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "_pool", lambda function, items, workers: [processes._Died(2, "it died")])
    with pytest.raises(InputError, match=r"^2: it died, twice"):
        list(unordered(poison, [], 1, suspects=[2]))


def test_items_done_here_are_begun_first() -> None:
    order = list[Any]()
    assert list(unordered(str, [1, 2], 1, begin=order.append)) == ["1", "2"]
    assert order == [1, 2]


def fail(n: int) -> int:
    raise InputError(f"no {n}")


def test_an_error_of_the_function_comes_back() -> None:
    with pytest.raises(InputError, match=r"no [12]"):
        list(unordered(fail, [1, 2], 2))

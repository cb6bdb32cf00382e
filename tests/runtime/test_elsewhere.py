"""Work in the workers of executors: what travels, what is lost, what is told."""

import importlib
import os
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch

from untrained.errors import InputError
from untrained.runtime import deposit
from untrained.runtime.deposit import Deposit, Key, Missing, withdrawn
from untrained.runtime.elsewhere import Elsewhere, Lost, unordered_elsewhere
from untrained.runtime.executors import EXECUTORS, Executors, Kind, executors_of, named
from untrained.runtime.travel import Parcel

by_forking = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
"""The quickest start of a process; Python warns of it, as this one has threads."""


def forking(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=get_context("fork"))


class Immediate(Executor):
    """Does what it is given at once, but for what is to happen instead.

    Args:
        instead: Called with the number of a task; an exception that it returns is how the task ends.
    """

    def __init__(self, instead: Callable[[int], Exception | None] = lambda n: None) -> None:
        self.instead, self.tasks = instead, 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future = Future[Any]()
        if error := self.instead(self.tasks):
            future.set_exception(error)
        else:
            future.set_result(fn(*args, **kwargs))
        self.tasks += 1
        return future


class OtherMachine(Immediate):
    """A machine with files of its own, on which each task has a process that remembers nothing."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.sent = folder, list[int]()

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        deposit._kept.clear()
        key, parcel, in_turn, content = args
        if content is not None:
            self.sent.append(len(content))
        there = Key(key.digest, str(self.folder / Path(key.path).parent.name / "parcel"))
        return super().submit(fn, there, parcel, in_turn, content, **kwargs)


@dataclass(frozen=True)
class Plus:
    """Adds a large tensor's sum to a number."""

    ones: torch.Tensor

    def __call__(self, number: int) -> float:
        assert torch.get_num_threads() == 1
        return number + self.ones.sum().item()


def done(function: Any, items: list[Any], executor: Any, jobs: int = 2) -> list[Any]:
    with executors_of(executor, jobs) as executors:
        assert executors is not None
        return list(unordered_elsewhere(function, items, executors, jobs, lambda item, why: (item, why)))


def test_a_function_travels_once_to_another_machine(tmp_path: Path) -> None:
    machine = OtherMachine(tmp_path)
    assert sorted(done(Plus(torch.ones(1000)), [*range(20)], machine, 1)) == [1000.0 + n for n in range(20)]
    assert len(machine.sent) == 1
    assert machine.sent[0] > 4000


def test_workers_find_the_modules_that_this_process_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "only_here.py").write_text("def double(n):\n    return 2 * n\n")
    monkeypatch.syspath_prepend(tmp_path)
    double: Any = importlib.import_module("only_here").double

    class Elsewhere(Immediate):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
            monkeypatch.undo()
            sys.modules.pop("only_here", None)
            return super().submit(fn, *args, **kwargs)

    before = list(sys.path)
    try:
        assert done(double, [3], Elsewhere()) == [6]
        assert sys.path[-1] == str(tmp_path)
    finally:
        sys.path[:] = [place for place in before if place != str(tmp_path)]


def test_a_function_travels_in_no_task_of_this_machine() -> None:
    sent = list[int]()

    class Here(Immediate):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
            sent.append(sum(len(part) for part in args if isinstance(part, bytes)))
            return super().submit(fn, *args, **kwargs)

    assert sorted(done(Plus(torch.ones(10_000)), [1, 2], Here())) == [10_001.0, 10_002.0]
    assert max(sent) < 1000


def test_what_is_withdrawn_twice_is_the_same_and_its_tensors_are_as_they_were() -> None:
    base = torch.arange(12.0).reshape(3, 4)
    with closing(Deposit(Parcel({"base": base, "part": base[1:, 2], "empty": torch.zeros(0)}))) as made:
        first = withdrawn(made.key)
        assert withdrawn(made.key) is first
    assert torch.equal(first["base"], base)
    assert torch.equal(first["part"], torch.tensor([6.0, 10.0]))
    first["base"][1, 2] = -1  # its own memory, not the file's
    assert first["part"][0] == -1
    assert base[1, 2] == 6
    assert first["base"].data_ptr() % 64 == 0
    deposit._kept.clear()
    with pytest.raises(Missing):
        withdrawn(made.key)
    assert not Path(made.key.path).parent.exists()


def test_a_file_that_was_tampered_with_is_not_read() -> None:
    with closing(Deposit(Parcel([1, 2]))) as made:
        path = Path(made.key.path)
        good = path.read_bytes()
        with closing(Deposit(Parcel([3, 4]))) as other:
            path.write_bytes(Path(other.key.path).read_bytes())
        with pytest.raises(Missing):
            withdrawn(made.key)
        assert withdrawn(made.key, good) == [1, 2]


def test_a_worker_that_is_lost_once_costs_a_second_try() -> None:
    executor = Immediate(lambda n: ConnectionError("the node is gone") if n == 1 else None)
    assert sorted(done(abs, [-1, -2, -3], executor)) == [1, 2, 3]
    assert executor.tasks == 4


def test_an_item_that_loses_its_workers_is_given_up_and_says_why() -> None:
    with executors_of(Immediate(lambda n: ConnectionError("gone") if n % 3 < 2 else None), 1) as executors:
        assert executors is not None
        with closing(Elsewhere[int, int](abs, executors, 1)) as there:
            there.begin(-1)
            assert there.end() == (-1, Lost("its worker was lost 2 times (ConnectionError: gone)"))
            there.begin(-2)
            assert there.end() == (-2, 2)


def test_an_executor_that_loses_all_is_named() -> None:
    with pytest.raises(InputError, match="lost 8 workers in a row: ConnectionError: gone"):
        done(abs, [*range(100)], Immediate(lambda n: ConnectionError("gone")))


def test_a_node_that_takes_all_of_its_workers_along_costs_second_tries_only() -> None:
    executor = Immediate(lambda n: ConnectionError("the node is gone") if n < 20 else None)
    with executors_of(executor, 20) as executors:
        assert executors is not None
        found = unordered_elsewhere(abs, [-k for k in range(50)], executors, 20, died=lambda item, why: -1)
        assert sorted(found) == [*range(50)]


def test_what_the_function_raises_is_raised() -> None:
    with pytest.raises(TypeError, match="bad operand"):
        done(abs, ["x"], Immediate())


def kills(n: int) -> int:
    if n == 2:
        os._exit(7)
    return n * n


@by_forking
@pytest.mark.parametrize("given", [lambda: forking(2), forking(2)], ids=["made", "given"])
def test_a_pool_that_breaks_is_replaced_and_only_who_broke_it_is_given_up(given: Any) -> None:
    found = done(kills, [*range(6)], given)
    assert {item for item in found if isinstance(item, int)} == {0, 1, 9, 16, 25}
    ((item, why),) = [pair for pair in found if isinstance(pair, tuple)]
    assert item == 2
    assert "BrokenProcessPool" in why


def test_an_executor_that_broke_and_cannot_be_made_anew_says_what_to_give() -> None:
    with pytest.raises(InputError, match=r"the Immediate broke: give a function that makes one"):
        done(abs, [1], Immediate(lambda n: BrokenExecutor("all gone")))


def test_a_class_of_executors_is_a_function_that_makes_one() -> None:
    assert sorted(done(abs, [-1, 2], Immediate)) == [1, 2]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "executor 3: give an Executor, a function that makes one, or a name"),
        ("rya", "unknown executor 'rya': did you mean 'ray'"),
        ("here://", "executor 'here://': give an address, as here://host:port"),
        ("here:fast", "'fast' is no option: give name=value"),
        ("absent", r"executor 'absent' needs no_such_package: pip install 'untrained\[absent\]'"),
        ("os:curdir", "executor 'os:curdir' is a str: give a function that makes an Executor"),
    ],
)
def test_what_is_no_executor_is_told_before_anything_is_begun(
    given: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EXECUTORS, "absent", Kind("RayExecutor", "no_such_package", "absent"))
    monkeypatch.setitem(EXECUTORS, "here", Kind("RayExecutor", "json", "here"))
    with pytest.raises(InputError, match=message):
        Executors(given)


def test_a_named_executor_is_made_with_its_address_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXECUTORS, "ray", Kind("RayExecutor", "json", "ray"))
    monkeypatch.setattr("untrained.runtime.clusters.RayExecutor", lambda *given: given)
    made: Any = named("ray://host:10001,num_gpus=0.5,name=x", 3)()
    assert made == ("host:10001", {"num_gpus": 0.5, "name": "x"}, 3)
    assert named("ray:num_cpus=2", 1)() == ("", {"num_cpus": 2}, 1)  # pyright: ignore[reportUnnecessaryComparison]
    assert named("ray", 1)() == ("", {}, 1)


def test_an_executor_that_cannot_be_started_is_named() -> None:
    def refuse() -> Any:
        raise OSError("no cluster")

    with pytest.raises(InputError, match="cannot be started: OSError: no cluster"):
        done(abs, [1], refuse)
    with pytest.raises(InputError, match="made no Executor: 3"):
        done(abs, [1], lambda: 3)

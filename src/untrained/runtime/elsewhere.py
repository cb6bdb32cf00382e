"""Work in the workers of any executor of `concurrent.futures`: processes here, or on other machines.

Workers know nothing and keep nothing: a task names the function (`deposit`) and carries one item, and its result comes
back. A worker that is lost costs a second try of its item, and whoever hands out the items never stops for it.
"""

import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor, wait
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from untrained.errors import InputError, one_line
from untrained.runtime.deposit import Deposit, Key, Missing, withdrawn
from untrained.runtime.executors import Executors
from untrained.runtime.interrupts import check_interrupt
from untrained.runtime.threads import torch_threads
from untrained.runtime.torch_settings import TorchSettings
from untrained.runtime.travel import Parcel, can_travel, packed, unpacked

Item = TypeVar("Item")
Result = TypeVar("Result")

POLL_SECONDS = 0.2
"""How often an interrupt is looked at."""
TRIES = 2
"""An item that lost so many workers is given up."""
MOST_LOST = 8
"""If so many workers in a row are lost, nothing will come of the others; or twice as many as there are, if these are
more: a node that goes takes all of its workers along, and they all come back at once."""
OVERHEAD = 0.1
"""As many items make one task as it takes for the way to and fro to be no more than this part of the work."""


@dataclass(frozen=True)
class Lost:
    """In place of a result: the workers that had the item were lost."""

    why: str


class Elsewhere(Generic[Item, Result]):
    """Calls a function in an executor's workers, for `jobs` items at a time.

    Args:
        function: What is called. It travels once to each machine.
        executors: Where.
        jobs: How many items are in work at a time.
        in_turn: Whether it is called once at a time in each process, as PyTorch's random numbers belong to the process.

    Raises:
        Exception: The function cannot be pickled.
    """

    def __init__(
        self, function: Callable[[Item], Result], executors: Executors, jobs: int, *, in_turn: bool = True
    ) -> None:
        self.jobs = jobs
        self._executors, self._in_turn = executors, in_turn
        self._parcel = Parcel((_SearchPath(), TorchSettings.now(), function))
        self._deposit: Deposit | None = None  # once there is an executor, which may say where
        self._waiting, self._suspects = deque[_Task](), deque[_Task]()
        self._running = dict[Future[bytes], _Task]()
        self._done = SimpleQueue[Future[bytes]]()  # so that an end costs the same with two workers and with a thousand
        self._alone = False
        self._lost = 0  # since a worker last did anything

    def begin(self, item: Item) -> None:
        """Has the function called with an item."""
        self._waiting.append(_Task(item, packed(item)))

    def end(self) -> tuple[Item, Result | Lost]:
        """Waits for an item that was begun: returns it and its result.

        Raises:
            InputError: The executor works on nothing, or its workers cannot make the function.
            KeyboardInterrupt: After Ctrl-C, SIGTERM or SIGHUP.
            Exception: What the function raised.
        """
        while True:
            self._hand_out()
            with suppress(Empty):
                future = self._done.get(timeout=POLL_SECONDS)
                if ended := self._ended(self._running.pop(future), future):
                    return ended
            check_interrupt()

    def close(self) -> None:
        """Gives up what is not ended. Not every executor stops what runs already."""
        for future in self._running:
            future.cancel()
        self._running.clear()
        if self._deposit is not None:
            self._deposit.close()

    def _hand_out(self) -> None:
        while len(self._running) < self.jobs and not (self._alone and self._running):
            self._alone = bool(self._suspects)
            if self._alone and self._running:
                return  # a suspect has no other beside it, so that it is known who is to blame
            if not (queue := self._suspects or self._waiting):
                return
            self._hand(queue.popleft())

    def _hand(self, task: "_Task", *, is_missing: bool = False) -> None:
        """Has the executor take a task, with the bytes of the function if its worker had no file of them."""
        task.executor = self._executors.executor
        if self._deposit is None:
            self._deposit = Deposit(self._parcel, getattr(task.executor, "shared_folder", None))
        content = self._deposit.content if is_missing else None
        try:
            future = task.executor.submit(call, self._deposit.key, task.parcel, self._in_turn, content)
        except BrokenExecutor as error:
            self._count(error)
            self._executors.renew(task.executor)
            self._waiting.appendleft(task)
            return
        except RuntimeError as error:
            raise InputError(f"the executor takes no task: {one_line(error)}") from error
        self._running[future] = task
        future.add_done_callback(self._done.put)
        if self._in_turn and isinstance(task.executor, ThreadPoolExecutor):
            wait([future])  # what this process did meanwhile would take of its random numbers

    def _ended(self, task: "_Task", future: "Future[bytes]") -> tuple[Item, Result | Lost] | None:
        try:
            kind, content = unpacked(future.result())
        except Exception as error:  # each executor has its own for a worker that is lost
            return self._retried(task, error)
        self._lost = 0
        match kind:
            case _Kind.DONE:
                return task.item, content
            case _Kind.MISSING:
                self._hand(task, is_missing=True)
                return None
            case _Kind.UNMADE:
                raise InputError(f"a worker of the executor cannot make what it was sent: {content}")
            case _:
                raise content

    def _retried(self, task: "_Task", error: Exception) -> tuple[Item, Lost] | None:
        """Has an item whose worker is lost tried again, or gives it up.

        Of an executor that gives up all its workers when one is lost, all items are suspects, and tried one by one.
        """
        self._count(error)
        task.losses += 1
        together = isinstance(error, BrokenExecutor)
        if together:
            self._executors.renew(task.executor)
        if task.losses >= TRIES and (not together or self._alone or self.jobs == 1):
            return task.item, Lost(f"its worker was lost {task.losses} times ({one_line(error)})")
        (self._suspects if together else self._waiting).append(task)
        return None

    def _count(self, error: Exception) -> None:
        self._lost += 1
        if self._lost == max(MOST_LOST, 2 * self.jobs):
            raise InputError(f"the executor lost {self._lost} workers in a row: {one_line(error)}") from error


def unordered_elsewhere(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    executors: Executors,
    jobs: int,
    died: Callable[[Item, str], Result],
) -> Iterator[Result]:
    """Yields `function(item)` for every item, in order of completion, from an executor's workers.

    Items are handed out together, as many as keep the way to and fro short beside the work.

    Args:
        function: What to do with an item.
        items: What to do it with.
        executors: Where.
        jobs: How many tasks at a time.
        died: The result of an item whose workers were lost, from the item and a reason.

    Raises:
        InputError: As `Elsewhere.end`.
        KeyboardInterrupt: From `check_interrupt()`.
    """
    todo, size, overhead = deque(items), 1, float("inf")
    begun = dict[tuple[Item, ...], float]()
    with closing(Elsewhere[tuple[Item, ...], tuple[float, list[Result]]](_Each(function), executors, jobs)) as there:
        while todo or begun:
            while todo and len(begun) < jobs:
                part = tuple(todo.popleft() for _ in range(min(size, len(todo))))
                begun[part] = time.monotonic()
                there.begin(part)
            part, result = there.end()
            took = time.monotonic() - begun.pop(part)
            if not isinstance(result, Lost):
                seconds, results = result
                overhead = min(overhead, took - seconds)
                if overhead > OVERHEAD * seconds and len(part) == size:
                    size = max(size, min(2 * size, len(todo) // jobs))
                yield from results
            elif len(part) == 1:
                yield died(part[0], result.why)
            else:
                for item in part:
                    begun[item,] = time.monotonic()
                    there.begin((item,))


@dataclass(frozen=True)
class _Each(Generic[Item, Result]):
    """Calls a function with each of some items, and tells how long it took."""

    function: Callable[[Item], Result]

    def __call__(self, items: tuple[Item, ...]) -> tuple[float, list[Result]]:
        start = time.monotonic()
        results = [self.function(item) for item in items]
        return time.monotonic() - start, results


class _SearchPath:
    """Where this process finds modules: a worker that is sent this looks there, too, before it reads what follows."""

    def __reduce__(self) -> Any:
        return _look_there_too, ([str(Path(place).resolve()) for place in sys.path],)


def _look_there_too(places: list[str]) -> None:
    sys.path.extend(place for place in places if place not in sys.path and Path(place).exists())


class _Kind(Enum):
    """What comes back from a worker."""

    DONE = auto()
    FAILED = auto()
    MISSING = auto()
    UNMADE = auto()


_turn = threading.Lock()


def call(key: Key, parcel: bytes, in_turn: bool, content: bytes | None = None) -> bytes:
    """What a worker does: calls the function of a key with the item in a parcel.

    Args:
        key: Of a function and the settings of torch that it is called with.
        parcel: The item, packed.
        in_turn: Whether it waits until no other thread of this process is at it.
        content: The bytes of the function, if they were missing.

    Returns:
        How it ended, and the result or the exception, packed.
    """
    with _turn if in_turn else nullcontext():
        return packed(_called(key, parcel, content))


def _called(key: Key, parcel: bytes, content: bytes | None) -> tuple[_Kind, Any]:
    try:
        _, settings, function = withdrawn(key, content)
    except Missing:
        return _Kind.MISSING, None
    except Exception as error:  # of whatever the user's code imports
        return _Kind.UNMADE, one_line(error)
    settings.set()
    with torch_threads(1):
        try:
            return _Kind.DONE, function(unpacked(parcel))
        except Exception as error:
            error.add_note(f"In a worker of the executor:\n{traceback.format_exc()}")
            return _Kind.FAILED, error if can_travel(error) else RuntimeError(one_line(error))


@dataclass
class _Task:
    """An item, packed; where it is; and how often a worker was lost that had it."""

    item: Any
    parcel: bytes
    executor: Any = None
    losses: int = 0

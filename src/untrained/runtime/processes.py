"""Work in several processes.

`concurrent.futures` gives up all its processes when one dies, and cannot tell which item killed it. Here each process
has a pipe of its own and one item at a time, so that a death costs one item, by name.
"""

import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar, cast

import torch

from untrained.errors import InputError
from untrained.runtime.interrupts import SIGNALS, check_interrupt, interrupted
from untrained.runtime.memory import keep_freed_memory
from untrained.runtime.threads import torch_threads

Item = TypeVar("Item")
Result = TypeVar("Result")

EARLY = 8
"""If none of the first so many items leaves its process alive, none will."""
POLL_SECONDS = 0.2
"""How often the time that items take is looked at."""
SOON = 5.0
"""Seconds that a process with nothing more to do has to end by itself."""


def unordered(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    *,
    suspects: Sequence[Item] = (),
    died: Callable[[Item, str], Result] | None = None,
    begin: Callable[[Item], None] | None = None,
    limit_seconds: float | None = None,
) -> Iterator[Result]:
    """Yields `function(item)` for every item, in order of completion, from `workers` single-threaded processes.

    With one worker, or one item, `function` runs in this process. Otherwise items and results travel by pickle, the
    function once to each worker. Between two items `check_interrupt()` is called, so inside `interruptible()` a signal
    ends the iteration after the running items, whose results are yielded first. Workers ignore Ctrl-C and SIGHUP,
    which a terminal sends to them too, and leave with their parent however that ends.

    An item whose worker dies (of an abort, `os._exit`, want of memory, or `limit_seconds`) is tried once more after all
    others, with no other process beside it.

    Args:
        function: What to do with an item.
        items: What to do it with.
        workers: The number of processes.
        suspects: Further items that killed a process before. They come last, each alone in a process.
        died: The result of an item that killed its process twice, from the item and a reason such as "its process
            died (signal 6)".
        begin: Called with an item before it is done in this process, which it may kill.
        limit_seconds: How long one item may take. The process of an item that takes longer is killed, so with a limit
            each item has a process, also with one worker. None: as long as it likes.

    Raises:
        InputError: If an item killed its process twice and `died` is None, if each of the first items killed its
            process, or if a worker cannot be started.
        KeyboardInterrupt: From `check_interrupt()`.

    Example:
        >>> sorted(unordered(abs, [-2, 1], workers=1))
        [1, 2]
    """
    alone = list(suspects)
    workers = min(workers, len(items))
    if workers <= 1 and limit_seconds is None:
        with torch_threads(1):
            for item in items:
                check_interrupt()
                if begin is not None:
                    begin(item)
                yield function(item)
    else:
        survived = False
        for result in _pool(function, items, workers, limit_seconds):
            if not isinstance(result, _Died):
                survived = True
                yield result
                continue
            alone.append(result.item)
            if not survived and len(alone) - len(suspects) == EARLY:
                raise InputError(f"each of the first {EARLY} items failed: {result.why}; the last was {result.item}")
    for result in _pool(function, alone, 1, limit_seconds):
        if not isinstance(result, _Died):
            yield result
        elif died is not None:
            yield died(result.item, result.why)
        else:
            raise InputError(f"{str(result.item)[:200]}: {result.why}, twice: leave it out")


@dataclass(frozen=True)
class _Died(Generic[Item]):
    """In place of a result: the process of `item` died."""

    item: Item
    why: str


def _pool(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int, limit: float | None
) -> Iterator[Result | _Died[Item]]:
    """The results of `items` in order of completion; a worker that died is replaced while there is work for it."""
    todo, pool = deque(items), dict[Connection, _Worker[Item, Result]]()
    try:
        while todo or any(worker.running for worker in pool.values()):
            while todo and len(pool) < workers:
                worker = _Worker[Item, Result](function, limit)
                pool[worker.pipe] = worker
            for pipe in cast(list[Connection], wait(list(pool), limit and POLL_SECONDS)):
                worker = pool[pipe]
                result = worker.receive()
                if not worker.alive:
                    del pool[pipe]
                elif todo and not interrupted():
                    worker.give(todo.popleft())  # before the caller has the result, which may take its time with it
                yield from result
            for worker in pool.values():
                worker.check_time()
            if interrupted():
                todo.clear()
        check_interrupt()
    finally:
        for worker in pool.values():
            worker.stop()


class _Worker(Generic[Item, Result]):
    """A process that answers one item at a time.

    Attributes:
        pipe: Readable when it has something to say: it is ready, it has a result, or it is dead.
        running: The item that it works on, in a list, or nothing.
        alive: Whether it can be given more.
    """

    def __init__(self, function: Callable[[Item], Result], limit: float | None) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.running = list[Item]()
        self.alive = True
        self._ready = False
        self._limit, self._began, self._late = limit, 0.0, False
        self._process = context.Process(target=_work, args=(theirs, function))
        resource_tracker.ensure_running()  # not by start(): it would unblock the signals
        # The process inherits that signals are blocked, until it ignores them: Ctrl-C reaches it, too, at any moment.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        theirs.close()

    def give(self, item: Item) -> None:
        self.running = [item]
        self._began = time.monotonic()
        with suppress(BrokenPipeError):  # it died meanwhile, as `receive` will find
            self.pipe.send(item)

    def receive(self) -> list[Result | _Died[Item]]:
        """What it has to say: a result, that it died of an item, or nothing, as it was just started."""
        try:
            succeeded, value = pickle.loads(self.pipe.recv_bytes())
        except (EOFError, OSError):
            self.alive = False
            why = f"it took longer than {self._limit} s" if self._late else f"its process died ({self._end()})"
            if not self._ready:
                raise InputError(
                    f"a worker process could not be started ({self._end()}): use fewer if memory is short; "
                    "a script that works in several processes needs `if __name__ == '__main__':`"
                ) from None
            return [_Died(item, why) for item in self.running]
        if not self._ready:
            self._ready = True
            return []
        self.running = []
        if not succeeded:
            raise value
        return [value]

    def check_time(self) -> None:
        """Kills it if its item takes too long, as `receive` will find."""
        if self._limit is not None and self.running and time.monotonic() - self._began > self._limit:
            self._late = True
            self._process.kill()

    def stop(self) -> None:
        """Ends it, in good order if it is idle."""
        self.pipe.close()
        if not self._ready or self.running:
            self._process.kill()
        self._end()

    def _end(self) -> str:
        """How the process ended; killed if it does not end soon."""
        self._process.join(SOON)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        code = self._process.exitcode or 0
        memory = ", most often for want of memory" * (code == -signal.SIGKILL)
        return f"exit code {code}" if code >= 0 else f"signal {-code}{memory}"


def _work(pipe: Connection, function: Callable[[Any], Any]) -> None:
    """The life of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    keep_freed_memory()
    answer = pickle.dumps((True, None))
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # nothing more to do
        while True:
            pipe.send_bytes(answer)
            answer = _answer(function, pipe.recv())


def _answer(function: Callable[[Any], Any], item: Any) -> bytes:
    try:
        return pickle.dumps((True, function(item)))
    except Exception as error:
        error.add_note(f"In a worker process:\n{traceback.format_exc()}")
        return pickle.dumps((False, error))


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)

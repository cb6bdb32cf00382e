"""Work in several processes.

`concurrent.futures` gives up all its processes when one dies, and cannot tell which item killed it. Here each process
has a pipe of its own and one item at a time, so that a death costs one item, by name.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from typing import TypeVar, cast

from untrained.errors import InputError
from untrained.runtime.interrupts import check_interrupt, interrupted
from untrained.runtime.threads import torch_threads
from untrained.runtime.travel import Parcel
from untrained.runtime.workers import Died, Worker

Item = TypeVar("Item")
Result = TypeVar("Result")

EARLY = 8
"""If none of the first so many items leaves its process alive, none will."""
POLL_SECONDS = 0.2
"""How often the time that items take is looked at."""


def unordered(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    *,
    suspects: Sequence[Item] = (),
    died: Callable[[Item, str], Result] | None = None,
    begin: Callable[[Item], None] | None = None,
    limit_seconds: float | None = None,
    again: bool = True,
    environment: Callable[[int], Mapping[str, str]] | None = None,
) -> Iterator[Result]:
    """Yields `function(item)` for every item, in order of completion, from `workers` single-threaded processes.

    With one worker, or one item, `function` runs in this process. Otherwise items and results travel (`travel`), the
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
        again: Whether an item whose process died is tried once more.
        environment: Variables of the k-th process, from 0; of one that takes the place of another the same.

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
        for result in _pool(function, items, workers, limit_seconds, environment):
            if not isinstance(result, Died):
                survived = True
                yield result
                continue
            if not again and died is not None:
                yield died(result.item, result.why)
                continue
            alone.append(result.item)
            if not survived and len(alone) - len(suspects) == EARLY:
                raise InputError(f"each of the first {EARLY} items failed: {result.why}; the last was {result.item}")
    for result in _pool(function, alone, 1, limit_seconds, environment):
        if not isinstance(result, Died):
            yield result
        elif died is not None:
            yield died(result.item, result.why)
        else:
            raise InputError(f"{str(result.item)[:200]}: {result.why}, twice: leave it out")


def _pool(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    limit: float | None,
    environment: Callable[[int], Mapping[str, str]] | None,
) -> Iterator[Result | Died[Item]]:
    """The results of `items` in order of completion; a worker that died is replaced while there is work for it."""
    todo, pool, numbers = deque(items), dict[Connection, Worker[Item, Result]](), dict[Connection, int]()
    parcel = Parcel(function) if items else None
    try:
        while todo or any(worker.running for worker in pool.values()):
            while parcel and todo and len(pool) < workers:
                number = next(k for k in range(workers) if k not in numbers.values())
                worker = Worker[Item, Result](parcel, limit, environment=environment and environment(number))
                pool[worker.pipe], numbers[worker.pipe] = worker, number
            for pipe in cast(list[Connection], wait(list(pool), limit and POLL_SECONDS)):
                worker = pool[pipe]
                result = worker.receive()
                if not worker.alive:
                    del pool[pipe], numbers[pipe]
                elif todo and worker.ready and not worker.running and not interrupted():
                    worker.give(todo.popleft())  # before the caller has the result, which may take its time with it
                yield from result
            for worker in pool.values():
                worker.check()
            if interrupted():
                todo.clear()
        check_interrupt()
    finally:
        for worker in pool.values():
            worker.stop()

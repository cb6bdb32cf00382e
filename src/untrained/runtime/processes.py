"""Work in several processes."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any, TypeVar

import torch

from untrained.errors import InputError
from untrained.runtime.memory import keep_freed_memory
from untrained.runtime.threads import torch_threads

Item = TypeVar("Item")
Result = TypeVar("Result")


def unordered(function: Callable[[Item], Result], items: Sequence[Item], workers: int) -> Iterator[Result]:
    """`function` of each of `items`, as they are done, in `workers` processes of one thread each.

    With one worker, or one item, in this process. Items and results travel by pickle, the function once to each worker.
    A worker leaves with its parent, however that ends, and Ctrl-C is the parent's business.
    """
    workers = min(workers, len(items))
    if workers <= 1:
        with torch_threads(1):
            yield from map(function, items)
        return
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(workers, context, initializer=_start, initargs=(function,))
    try:
        with _without_interrupts():
            futures = [executor.submit(_call, item) for item in items]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool as error:
        raise InputError(
            f"one of {workers} worker processes died, most often for want of memory: use fewer; "
            "a script that works in several processes needs `if __name__ == '__main__':`"
        ) from error
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Ignores SIGINT; a process started inside goes on ignoring it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_function: Callable[[Any], Any] | None = None


def _call(item: Any) -> Any:
    assert _function is not None
    return _function(item)


def _start(function: Callable[[Any], Any]) -> None:
    global _function
    _function = function
    torch.set_num_threads(1)
    keep_freed_memory()
    parent = multiprocessing.parent_process()
    assert parent is not None

    def leave_with_parent() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=leave_with_parent, daemon=True).start()

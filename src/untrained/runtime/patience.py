"""Stopping code of a user's that does not come to an end."""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class OutOfTime(BaseException):
    """Raised inside a block that took too long; no `except Exception` on the way takes it for its own."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Ends the block, in any thread, by `OutOfTime` once it has taken too long.

    A single call into C is not cut short: the block ends after it.

    Args:
        seconds: how long it may take.

    Raises:
        OutOfTime: if it takes longer.

    Example:
        >>> try:
        ...     with at_most(0.05):
        ...         while True:
        ...             pass
        ... except OutOfTime:
        ...     print("stopped")
        stopped
    """
    thread, lock, state = threading.get_ident(), threading.Lock(), {"over": False, "raised": False}

    def stop() -> None:
        with lock:
            if not state["over"]:
                state["raised"] = True
                _raise_in(thread, OutOfTime)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            state["over"] = True
            if state["raised"]:  # takes back what has not arrived yet
                _raise_in(thread, None)
        timer.cancel()


def _raise_in(thread: int, kind: type[BaseException] | None) -> None:
    raised = None if kind is None else ctypes.py_object(kind)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)

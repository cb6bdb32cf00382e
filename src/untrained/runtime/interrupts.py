"""Ctrl-C, SIGTERM and SIGHUP: answered at a safe point, never lost.

Python's own handler raises `KeyboardInterrupt` wherever the main thread happens to be. In a weakref callback, in a
`__del__` or under the `except` of a library, the exception is printed or swallowed, and the program goes on. Inside
`interruptible()` a signal only sets a flag, which a loop looks at between two steps with `check_interrupt()`.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_steps = list[str]()  # what each open `interruptible()` finishes first, the innermost last
_received: signal.Signals | None = None  # the last signal
_flagged = False  # whether a signal came inside the outermost `interruptible()`
_said_elsewhere = False  # whether someone who draws on the terminal says what `stopping()` does


@contextmanager
def interruptible(step: str = "network") -> Iterator[None]:
    """Lets a signal stop the block at the next `check_interrupt()`, or at its end, but nowhere in between.

    The first signal prints one line on stderr. A second one raises `KeyboardInterrupt` at once. Blocks may be nested:
    the outermost sets the handlers and puts back those that were there. In any thread but the main one, in which
    signals never raise, the block changes nothing. A signal that is ignored (as under `nohup`) stays ignored.

    Args:
        step: What is finished first, as the line on stderr calls it.

    Raises:
        KeyboardInterrupt: At the end of the outermost block, if a signal came and no `check_interrupt()` followed.

    Example:
        >>> with interruptible("epoch"):
        ...     for epoch in range(3):
        ...         check_interrupt()
    """
    global _flagged
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _steps.append(step)
    try:
        if len(_steps) > 1:
            yield
        else:
            _flagged = False
            with _handled(_set_flag):
                yield
            check_interrupt()  # only now: the handlers are back, so no signal falls in between
    finally:
        _steps.pop()
        _flagged = _flagged and bool(_steps)


def interrupted() -> bool:
    """Whether a signal came inside the outermost `interruptible()`, so that the next `check_interrupt()` raises."""
    return _flagged


def stopping() -> str:
    """What the user is to know once a signal came inside `interruptible()`; "" before."""
    return f"stopping after this {_steps[-1]}; once more stops at once" if _flagged and _steps else ""


@contextmanager
def said_elsewhere() -> Iterator[None]:
    """Inside, no signal prints a line: who draws on the terminal shows `stopping()` instead."""
    global _said_elsewhere
    _said_elsewhere = True
    try:
        yield
    finally:
        _said_elsewhere = False


def check_interrupt() -> None:
    """Stops here if a signal came inside `interruptible()`. Call it from any thread, often, between two steps.

    Raises:
        KeyboardInterrupt: If a signal came.
    """
    if _flagged:
        raise KeyboardInterrupt


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Keeps signals back inside, and hands them to the handlers that were there before at the end.

    Meant for short calls of a library that swallows exceptions: scipy's `Sobol` goes on with empty numbers if
    `KeyboardInterrupt` is raised while it is initialised.
    """
    held = list[int]()
    try:
        with _handled(lambda number, _: held.append(number)):
            yield
    finally:
        for number in dict.fromkeys(held):
            signal.raise_signal(number)


@contextmanager
def signals_raise() -> Iterator[None]:
    """Makes SIGTERM and SIGHUP raise `KeyboardInterrupt`, as SIGINT does, so that a program can end in good order."""
    with _handled(_raise):
        yield


def exit_code() -> int:
    """The exit code of a process that ends for the last signal: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return 128 + (_received or signal.SIGINT)


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """Sets `handler` for each signal that is not ignored, in the main thread, and puts back what was there."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {s: old for s in SIGNALS if (old := signal.getsignal(s)) not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, handler)
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _set_flag(number: int, frame: FrameType | None) -> None:
    global _flagged
    if _flagged:
        _raise(number, frame)
    _flagged = True
    _remember(number)
    if _said_elsewhere:
        return
    # Not print(): the main thread may be in the middle of one.
    with suppress(OSError):  # a closed stderr
        os.write(2, ("\n" * os.isatty(2) + stopping() + "\n").encode())


def _raise(number: int, _: FrameType | None) -> None:
    _remember(number)
    raise KeyboardInterrupt


def _remember(number: int) -> None:
    global _received
    _received = signal.Signals(number)


def _as_before() -> None:
    """Python's own handlers in a process that was forked, such as one that loads data: it has nothing to finish."""
    for number in SIGNALS:
        if signal.getsignal(number) in (_set_flag, _raise):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


os.register_at_fork(after_in_child=_as_before)

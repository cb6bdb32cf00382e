"""What a worker process says while it works: to its owner's functions, and to the user."""

import io
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from multiprocessing.connection import Connection
from typing import Any, TextIO

from untrained.runtime.travel import Parcel, receive

LONGEST_LINE = 8_192
"""A printed line is sent as soon as it has so many characters, if it has no end before."""


class Said(Enum):
    """The kinds of messages of a worker; the rest of a message depends on the kind."""

    READY = auto()
    """It waits for its function."""
    LOADED = auto()
    """It has its function."""
    DONE = auto()
    """A result."""
    FAILED = auto()
    """An exception of the function."""
    ASKED = auto()
    """A question (name, arguments) that waits for an answer."""
    TOLD = auto()
    """A message (name, arguments) that waits for none."""
    PRINTED = auto()
    """Text for "stdout" or "stderr"."""
    WARNED = auto()
    """A warning (text, category, file, line)."""


class Line:
    """The worker's end of the pipe to its owner. Any thread may use it.

    Args:
        pipe: To the owner.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._sending, self._asking = threading.Lock(), threading.Lock()
        self._is_open = True

    def say(self, kind: Said, *content: Any) -> None:
        """Sends a message.

        Raises:
            Exception: It cannot be pickled.
            OSError: The owner is gone.
        """
        parcel = Parcel((kind, content))
        with self._sending:
            if self._is_open:
                parcel.send(self._pipe)

    def hear(self) -> Any:
        """Waits for what the owner sends."""
        return receive(self._pipe)

    def tell(self, name: str, *arguments: Any) -> None:
        """Has the owner call its `name` with these arguments, and does not wait for it."""
        self.say(Said.TOLD, name, arguments)

    def ask(self, name: str, *arguments: Any) -> Any:
        """Has the owner call its `name` with these arguments.

        Returns:
            What it returned.

        Raises:
            Exception: What it raised.
        """
        with self._asking:
            self.say(Said.ASKED, name, arguments)
            succeeded, value = self.hear()
        if not succeeded:
            raise value
        return value

    def _forked(self) -> None:
        """A process that was forked from this one, such as one that loads data, has no owner, and says nothing."""
        self._sending, self._asking = threading.Lock(), threading.Lock()
        self._is_open = False
        with suppress(OSError):
            self._pipe.close()
        for name in ("stdout", "stderr"):
            if isinstance(printed := getattr(sys, name), _Printed):
                setattr(sys, name, printed.original)


_line: Line | None = None


def owner() -> Line:
    """The line of this worker process to its owner."""
    assert _line is not None, "this is no worker process"
    return _line


@contextmanager
def opened(pipe: Connection) -> Iterator[Line]:
    """Makes this process a worker: what it prints, and its warnings, go to its owner.

    Args:
        pipe: To the owner.
    """
    global _line
    _line = line = Line(pipe)
    os.register_at_fork(after_in_child=line._forked)
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_Printed(line, name) for name in ("stdout", "stderr"))

    def warned(message: Any, category: Any, filename: str, lineno: int, *_: Any) -> None:
        line.say(Said.WARNED, str(message), _known(category), filename, lineno)

    with warnings.catch_warnings():
        warnings.showwarning = warned
        yield line
    sys.stdout, sys.stderr = before


def show(kind: Said, content: tuple[Any, ...]) -> None:
    """Shows the user, in the owner's process, what a worker printed, or what it warned of."""
    if kind is Said.WARNED:
        text, category, filename, lineno = content
        warnings.showwarning(category(text), category, filename, lineno)
        return
    name, text = content
    with suppress(OSError, ValueError, AttributeError):  # closed, or none at all
        stream = getattr(sys, name)
        stream.write(text)
        stream.flush()


def _known(category: type[Warning]) -> type[Warning]:
    """The nearest class of a warning that any process knows."""
    return next(kind for kind in category.__mro__ if kind.__module__.partition(".")[0] in ("builtins", "untrained"))


class _Printed(io.TextIOBase):
    """In place of `sys.stdout`: sends the owner what is written, line by line.

    Args:
        line: To the owner.
        name: "stdout" or "stderr".
    """

    def __init__(self, line: Line, name: str) -> None:
        self.original: TextIO = getattr(sys, name)
        self._line, self._name = line, name
        self._text = ""

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride] - a plain attribute there
        return "utf-8"

    @property
    def buffer(self) -> Any:
        return self.original.buffer

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.original.fileno()

    def write(self, text: str, /) -> int:
        self._text += text
        if "\n" in text or len(self._text) > LONGEST_LINE:
            self.flush()
        return len(text)

    def flush(self) -> None:
        text, self._text = self._text, ""
        if text:
            self._line.say(Said.PRINTED, self._name, text)

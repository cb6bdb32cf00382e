"""A process that does one thing at a time for this one, and may die of it."""

import multiprocessing
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any, Generic, TypeVar

import torch

from untrained.errors import InputError, one_line
from untrained.runtime.born import live
from untrained.runtime.interrupts import SIGNALS
from untrained.runtime.line import Line, Said, opened, show
from untrained.runtime.memory import keep_freed_memory
from untrained.runtime.torch_settings import TorchSettings
from untrained.runtime.travel import Parcel, can_travel, receive

Item = TypeVar("Item")
Result = TypeVar("Result")

SOON = 5.0
"""Seconds that a process with nothing more to do has to end by itself."""

Answer = Callable[[str, tuple[Any, ...]], Any]
"""Does what a worker asks for while it works: of a name and arguments."""


@dataclass(frozen=True)
class Died(Generic[Item]):
    """In place of a result: the process of `item` died, or was killed as it took too long."""

    item: Item
    why: str


class CannotLoad(InputError):
    """A worker cannot make the function that it was sent."""


class NotStarted(InputError):
    """A worker ended before it had its function."""


def nothing_to_answer(name: str, _: tuple[Any, ...]) -> Any:
    """The answer of an owner that none is asked of."""
    raise LookupError(f"no {name} here")


class Worker(Generic[Item, Result]):
    """A process with one thread of torch that calls a function with one item at a time.

    The function and the items travel as `Parcel`s, the function once. The process does not import the main module of
    this one. It ignores Ctrl-C and SIGHUP, leaves with this process however that ends, and is the first to go if memory
    is short. What it prints and warns of is printed and warned of here.

    Args:
        function: What it calls. While it works, it may call `line.owner().ask(...)` and `.tell(...)`.
        limit: How many seconds one item may take; None for as long as it likes.
        environment: Variables of its environment besides those of this process.
        answer: What its `ask` and `tell` call here. What this raises is raised by `ask`, but an `InputError`, or any
            error at a `tell`, by `receive`.

    Attributes:
        pipe: Readable when it has something to say.
        running: The item that it works on, in a list, or nothing.
        alive: Whether it can be given more.
        ready: Whether it has its function.
    """

    def __init__(
        self,
        function: Parcel,
        limit: float | None = None,
        answer: Answer = nothing_to_answer,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.running = list[Item]()
        self.alive, self.ready = True, False
        self._function: Parcel | None = function
        self._limit, self._began, self._late = limit, 0.0, False
        self._answer = answer
        self._process = context.Process(target=live, args=(theirs,))
        resource_tracker.ensure_running()  # not by start(): it would unblock the signals
        # The process inherits that signals are blocked, until it ignores them: Ctrl-C reaches it, too, at any moment.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            with _main_hidden(), _with_variables(environment or {}):
                self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        theirs.close()

    def give(self, item: Item) -> None:
        """Has it work on an item. It must be ready, and idle."""
        parcel = Parcel(item)
        self.running = [item]
        self._began = time.monotonic()
        with suppress(OSError):  # it died meanwhile, as `receive` will find
            parcel.send(self.pipe)

    def receive(self) -> list[Result | Died[Item]]:
        """Reads one message, which must be there: returns a result, `Died`, or nothing if it said something else.

        Raises:
            NotStarted: It ended before it had its function.
            CannotLoad: It cannot make its function.
            Exception: What the function raised.
        """
        try:
            kind, content = receive(self.pipe)
        except (EOFError, OSError):
            return self._ended()
        match kind:
            case Said.READY:
                self._send_function()
            case Said.LOADED:
                self.ready = True
            case Said.DONE:
                self.running = []
                return [content[0]]
            case Said.FAILED:
                self.running = []
                raise (
                    content[0]
                    if self.ready
                    else CannotLoad(f"a worker process cannot make what it was sent: {one_line(content[0])}")
                )
            case Said.PRINTED | Said.WARNED:
                show(kind, content)
            case Said.TOLD:
                self._answer(*content)
            case _:
                self._reply(*content)
        return []

    def check(self) -> None:
        """Kills it if its item takes too long, as `receive` will find."""
        if self._limit is not None and self.running and time.monotonic() - self._began > self._limit:
            self._late = True
            self.kill()

    def kill(self) -> None:
        """Ends it at once, with all processes that it started. `receive` will find it dead."""
        if self._process.pid:  # a group of 0 would be this process's own
            with suppress(OSError):  # it has no group yet, or none any more
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()

    def stop(self) -> None:
        """Ends it, in good order if it is idle."""
        if not self.ready or self.running:
            self.kill()
        self.alive = False
        self.pipe.close()
        self._join()

    def _send_function(self) -> None:
        assert self._function is not None
        function, self._function = self._function, None
        with suppress(OSError):
            Parcel(_Settings.now()).send(self.pipe)
            function.send(self.pipe)

    def _reply(self, name: str, arguments: tuple[Any, ...]) -> None:
        try:
            reply = Parcel((True, self._answer(name, arguments)))
        except InputError:
            raise
        except Exception as error:
            reply = Parcel((False, error))
        with suppress(OSError):
            reply.send(self.pipe)

    def _ended(self) -> list[Any]:
        self.alive = False
        end = self._join()
        why = f"it took longer than {self._limit} s" if self._late else f"its process {end}"
        if not self.ready:
            what = "started: use fewer if memory is short" if self._function is not None else "sent what it works on"
            raise NotStarted(f"a worker process could not be {what} (it {end})")
        return [Died(item, why) for item in self.running]

    def _join(self) -> str:
        """How the process ended; killed if it does not end soon."""
        self._process.join(SOON)
        self.kill()  # also what it has left behind
        self._process.join()
        return how_ended(self._process.exitcode or 0)


def how_ended(code: int) -> str:
    """Says how a process ended, given its exit code as `multiprocessing` tells it.

    Example:
        >>> how_ended(3), how_ended(-9)
        ('died (exit code 3)', 'was killed (signal 9), probably for want of memory')
    """
    if code == -signal.SIGKILL:
        return f"was killed (signal {-code}), probably for want of memory"
    return f"died (exit code {code})" if code >= 0 else f"died (signal {-code})"


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Keeps a process that is started from importing the main module again: a script would begin anew in it."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _with_variables(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets variables of the environment, which a process that is started inherits."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@dataclass(frozen=True)
class _Settings:
    """What a worker does as its owner does."""

    torch: TorchSettings
    filters: list[Any]
    start_method: str | None

    @classmethod
    def now(cls) -> "_Settings":
        return cls(TorchSettings.now(), list(warnings.filters), multiprocessing.get_start_method(allow_none=True))

    def set(self) -> None:
        self.torch.set()
        multiprocessing.set_start_method(self.start_method, force=True)  # of processes that load data: not how it began
        warnings.filters[:] = self.filters  # pyright: ignore[reportIndexIssue] - a list


def work(pipe: Connection) -> None:
    """The life of a worker, once it is born (`born`)."""
    torch.set_num_threads(1)
    keep_freed_memory()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError), opened(pipe) as line:  # nothing more to do
        line.say(Said.READY)
        settings: _Settings = line.hear()
        settings.set()
        function = _answered(line, Said.LOADED, line.hear, keep=True)
        while function is not None:
            item = line.hear()
            _answered(line, Said.DONE, lambda item=item: function(item))


def _answered(line: Line, kind: Said, work: Callable[[], Any], *, keep: bool = False) -> Any:
    """What `work` returns, once the owner was told; None if it failed."""
    try:
        value = work()
        sys.stdout.flush()
        sys.stderr.flush()
        line.say(kind, *([] if keep else [value]))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:
        error.add_note(f"In a worker process:\n{traceback.format_exc()}")
        line.say(Said.FAILED, error if can_travel(error) else RuntimeError(one_line(error)))
        return None
    return value

"""Executors of `concurrent.futures`: one that is given, or made by a function, or known by a name."""

import functools
import importlib.util
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, cast

from untrained.errors import InputError, one_line
from untrained.runtime.lookup import look_up

AnExecutor = Executor | Callable[[], Executor] | str
"""An executor, a function that makes one, or a name."""


class Executors:
    """Where an executor comes from. It is made when it is first needed, and anew when it broke.

    Args:
        given: An executor, which stays open; a function that makes one; or a name, see `EXECUTORS`.
        jobs: How many workers a named one has.

    Raises:
        InputError: It is none of these, or a package is missing.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> executors = Executors(lambda: ThreadPoolExecutor(1))
        >>> executors.executor.submit(abs, -1).result()
        1
        >>> executors.close()
    """

    def __init__(self, given: AnExecutor, jobs: int = 1) -> None:
        self._given = given
        self._make: Callable[[], Executor] | None = None
        self._executor: Executor | None = None
        if isinstance(given, str):
            self._make = named(given, jobs)
        elif callable(getattr(given, "submit", None)) and not isinstance(given, type):  # a class makes one
            self._executor = given  # pyright: ignore[reportAttributeAccessIssue] - not all are an `Executor` by name
        elif callable(given):
            self._make = given
        else:
            raise InputError(f"executor {given!r:.80}: give an Executor, a function that makes one, or a name")

    @property
    def executor(self) -> Executor:
        """The executor."""
        if self._executor is None:
            assert self._make is not None
            try:
                made = self._make()
            except InputError:
                raise
            except Exception as error:  # whatever a cluster has to say
                raise InputError(f"executor {self._given!r:.80} cannot be started: {one_line(error)}") from error
            if not callable(getattr(made, "submit", None)):
                raise InputError(f"executor {self._given!r:.80} made no Executor: {made!r:.80}")
            self._executor = made
        return self._executor

    def renew(self, broken: Any) -> None:
        """Has another executor take the place of one that broke; nothing if that has happened already."""
        if broken is not self._executor:
            return
        if self._make is None:
            if type(broken) is not ProcessPoolExecutor:
                name = type(broken).__name__
                raise InputError(f"the {name} broke: give a function that makes one, as executor=lambda: {name}(...)")
            self._make = _like(broken)
        self.close()
        self._executor = None

    def close(self) -> None:
        """Ends the executor, if it was made here."""
        if self._make is not None and self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def executors_of(given: "AnExecutor | Executors | None", jobs: int) -> Iterator[Executors | None]:
    """The executors of what is given, closed at the end; those that are open stay so.

    Args:
        given: An executor, a function that makes one, or a name; `Executors` that somebody else closes.
        jobs: How many workers a named one has.

    Returns:
        The executors; None if work is done in this package's own processes.

    Raises:
        InputError: As `Executors`.
    """
    if given is None or is_local(given) or isinstance(given, Executors):
        yield given if isinstance(given, Executors) else None
        return
    executors = Executors(given, jobs)
    try:
        yield executors
    finally:
        executors.close()


def _like(broken: Any) -> Callable[[], Executor]:
    """What makes a pool like one that broke."""
    # Names of the standard library's own that are the same in every version from 3.11 to 3.14.
    options = {name: getattr(broken, f"_{name}") for name in ("max_workers", "mp_context", "initializer", "initargs")}
    return lambda: ProcessPoolExecutor(**options)


class Kind(NamedTuple):
    """A kind of executor that has a name.

    Attributes:
        make: The name of its class in `clusters`.
        package: What it needs.
        extra: The extra of this package that installs that.
    """

    make: str
    package: str
    extra: str


EXECUTORS = {
    "ray": Kind("RayExecutor", "ray", "ray"),
    "dask": Kind("DaskExecutor", "distributed", "dask"),
    "slurm": Kind("SubmititExecutor", "submitit", "slurm"),
    "mpi": Kind("MPIExecutor", "mpi4py", "mpi"),
}
LOCAL = "processes"
"""The name of this package's own processes, which are no executor."""


def is_local(given: "AnExecutor | Executors | None") -> bool:
    """Whether an executor is none: work is done in this package's own processes."""
    return given is None or given == LOCAL


def named(text: str, jobs: int) -> Callable[[], Executor]:
    """Finds an executor by name.

    Args:
        text: A name of `EXECUTORS`, with an address and options if there are any, as in `ray`, `ray:num_gpus=1`,
            `ray://host:10001,num_gpus=1` and `slurm:partition=gpu,timeout_min=60`; or `package.module:Name` or
            `path/to/file.py:Name`, of a function without arguments that makes one.
        jobs: How many workers it has, if it starts them itself.

    Returns:
        What makes it.

    Raises:
        InputError: Nothing has this name, an option cannot be read, or a package is missing.
    """
    name = re.split("[:,]", text, maxsplit=1)[0]
    if name not in EXECUTORS:
        found = look_up("executor", text, dict.fromkeys((LOCAL, *EXECUTORS)))
        if not callable(found):
            raise InputError(f"executor {text!r} is a {type(found).__name__}: give a function that makes an Executor")
        return cast(Callable[[], Executor], found)
    kind = EXECUTORS[name]
    if importlib.util.find_spec(kind.package) is None:
        raise InputError(f"executor {name!r} needs {kind.package}: pip install 'untrained[{kind.extra}]'")
    rest = text.removeprefix(name)
    address = ""
    if rest.startswith("://"):
        address, _, rest = rest.removeprefix("://").partition(",")
        if not address:
            raise InputError(f"executor {text!r}: give an address, as {name}://host:port")
    options = dict[str, Any]()
    for part in filter(None, rest.lstrip(":,").split(",")):
        option, equals, value = part.partition("=")
        if not (option.isidentifier() and equals and value):
            raise InputError(f"executor {text!r}: {part!r} is no option: give name=value")
        options[option] = _number(value)
    from untrained.runtime import clusters

    return functools.partial(getattr(clusters, kind.make), address, options, jobs)


def _number(text: str) -> Any:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text

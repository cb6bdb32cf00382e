"""Evaluations in processes of their own: one that hangs, dies or runs out of memory is a failed evaluation."""

import copy
import functools
import math
import multiprocessing
import time
import traceback
import warnings
from collections import deque
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol, Self, cast

import optuna
import torch

from untrained.errors import InputError, InputWarning, one_line
from untrained.objectives.base import Evaluation, EvaluationFailed, EvaluationPruned, Objective, as_evaluation
from untrained.runtime.interrupts import check_interrupt
from untrained.runtime.line import owner
from untrained.runtime.tensors import copied
from untrained.runtime.threads import torch_threads
from untrained.runtime.travel import Parcel
from untrained.runtime.workers import CannotLoad, Died, NotStarted, Worker

POLL_SECONDS = 0.2
"""How often an interrupt, and the time that trainings take, are looked at."""
MOST_STARTS = 3
"""If so many processes in a row end before they have the objective, none will."""
STEP_SECONDS = 0.05
"""How often steps are told of: each costs as much as a step of a very small network."""


@dataclass(frozen=True)
class Outcome:
    """How an evaluation ended.

    Attributes:
        arch: The architecture.
        trial: The trial that it belongs to.
        seconds: How long it took.
        result: Its evaluation, or why there is none.
    """

    arch: str
    trial: optuna.Trial | None
    seconds: float
    result: Evaluation | BaseException

    @property
    def evaluation(self) -> Evaluation:
        """The evaluation.

        Raises:
            BaseException: There is none, as this says.
        """
        if isinstance(self.result, Evaluation):
            return self.result
        raise self.result


class Evaluator(Protocol):
    """Evaluates architectures, `jobs` at a time.

    Attributes:
        jobs: How many may be begun and not ended.
        is_safe: Whether no evaluation can end this process.
    """

    jobs: int
    is_safe: bool

    def begin(self, arch: str, trial: optuna.Trial | None = None) -> None:
        """Has an architecture evaluated. No more than `jobs` are begun and not ended."""

    def end(self) -> Outcome:
        """Waits for an evaluation to end.

        Raises:
            InputError: Nothing can be evaluated.
            KeyboardInterrupt: After Ctrl-C, SIGTERM or SIGHUP.
        """
        ...

    def close(self) -> None:
        """Gives up what is not ended."""


class Here:
    """Evaluates in this process, one at a time.

    Args:
        objective: What evaluates.
    """

    jobs = 1
    is_safe = False

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._begun = deque[tuple[str, optuna.Trial | None]]()

    def begin(self, arch: str, trial: optuna.Trial | None = None) -> None:
        self._begun.append((arch, trial))

    def end(self) -> Outcome:
        arch, trial = self._begun.popleft()
        start = time.perf_counter()
        try:
            result = _evaluated(self._objective, arch, trial)
        except InputError:
            raise  # nothing that this architecture is to blame for
        except (Exception, SystemExit) as error:  # whatever an objective of the user's raises
            result = error
        return Outcome(arch, trial, time.perf_counter() - start, result)

    def close(self) -> None:
        self._begun.clear()


class Apart:
    """Evaluates in processes of their own, which are started when they are needed, and anew after a death.

    The objective is sent to each once. Its callbacks (attributes `on_...`) are called in this process, `on_step` at
    most 20 times a second.

    Args:
        objective: What evaluates.
        jobs: How many processes.
        limit: Seconds that one evaluation may take.
        or_here: Whether to evaluate in this process, with a warning, if the others cannot load the objective.

    Raises:
        Exception: The objective cannot be pickled.
    """

    def __init__(
        self, objective: Objective, jobs: int = 1, limit: float | None = None, *, or_here: bool = False
    ) -> None:
        self.jobs, self.is_safe = jobs, True
        self._objective = objective
        self._parcel = Parcel(_Evaluate(_told_apart(objective)))
        self._limit, self._or_here = limit, or_here
        self._begun = deque[tuple[str, optuna.Trial | None]]()
        self._pool = dict[Connection, _Job]()
        self._here: Here | None = None
        self._not_started = 0

    def begin(self, arch: str, trial: optuna.Trial | None = None) -> None:
        self._begun.append((arch, trial))

    def end(self) -> Outcome:
        while self._here is None:
            while self._begun and len(self._pool) < self.jobs:
                self._start()
            for pipe in cast(list[Connection], wait(list(self._pool), POLL_SECONDS)):
                if outcome := self._heard(self._pool[pipe]):
                    return outcome
            for job in self._pool.values():
                job.worker.check()
                self._next(job)
            check_interrupt()
        return self._here.end()

    def close(self) -> None:
        for job in self._pool.values():
            job.worker.stop()
        self._pool.clear()
        self._begun.clear()

    def _start(self) -> None:
        job = _Job()
        answer = functools.partial(self._answer, job)
        job.worker = Worker[tuple[str, bool], "Evaluation | _Failure"](self._parcel, self._limit, answer)
        self._pool[job.worker.pipe] = job

    def _next(self, job: "_Job") -> None:
        """Gives a process that is idle something to do."""
        if self._begun and job.worker.ready and not job.worker.running:
            self._not_started = 0
            job.arch, job.trial = self._begun.popleft()
            job.start = time.perf_counter()
            job.worker.give((job.arch, job.trial is not None))

    def _heard(self, job: "_Job") -> Outcome | None:
        """What a process says; an outcome if its evaluation has ended."""
        arch, trial, start, spoilt = job.arch, job.trial, job.start, False
        try:
            (result,) = job.worker.receive() or (None,)
        except CannotLoad as error:
            self._give_up(error)
            return None
        except NotStarted:  # if memory is short, the next may find more
            del self._pool[job.worker.pipe]
            self._not_started += 1
            if self._not_started == MOST_STARTS:
                raise
            return None
        except InputError:
            raise
        except Exception as error:  # of a callback
            result, spoilt = error, True
        if isinstance(result, Died):
            result = EvaluationFailed(result.why)
        elif isinstance(result, _Failure):
            spoilt, result = result.spoilt, result.error()
        if spoilt:
            job.worker.stop()
        if not job.worker.alive:
            del self._pool[job.worker.pipe]
        self._next(job)
        if isinstance(result, InputError | KeyboardInterrupt):
            raise result
        return None if result is None else Outcome(arch, trial, time.perf_counter() - start, result)

    def _give_up(self, error: CannotLoad) -> None:
        if not self._or_here:
            raise error
        _warn_here(error)
        self._here, begun = Here(self._objective), list(self._begun)
        self.close()
        self.jobs, self.is_safe = 1, False
        for arch, trial in begun:
            self._here.begin(arch, trial)

    def _answer(self, job: "_Job", name: str, arguments: tuple[Any, ...]) -> Any:
        """Does what an evaluation asks for: calls a callback, or looks at its trial."""
        if name != TRIAL:
            return getattr(self._objective, name)(*arguments)
        attribute, called, given, named = arguments
        found = getattr(job.trial, attribute)
        return found(*given, **named) if called else found


def evaluator(objective: Objective, isolate: bool | None = None, limit: float | None = None, jobs: int = 1) -> Any:
    """Makes what evaluates for a search.

    Args:
        objective: What evaluates.
        isolate: Whether in a process of its own; None for as the objective says, and yes if there is a limit.
        limit: Seconds that one evaluation may take.
        jobs: How many at a time.

    Returns:
        An `Evaluator`. If the objective cannot be sent to another process, and nothing asks for one, it evaluates in
        this one.

    Raises:
        InputError: What is asked for needs another process, and that cannot be.
    """
    needs = "a limit for each training needs" if limit is not None else f"{jobs} jobs need" if jobs > 1 else ""
    if isolate is False and needs:
        raise InputError(f"{needs} evaluations in processes of their own: leave out isolate=False")
    is_asked_for = bool(isolate or needs)
    if not (is_asked_for or (objective.apart and isolate is None)):
        return Here(objective)
    try:
        if multiprocessing.current_process().daemon:
            raise OSError("a daemonic process may not start others")
        return Apart(objective, jobs, limit, or_here=not is_asked_for)
    except Exception as error:  # pickling fails in many ways
        if is_asked_for:
            raise InputError(
                f"{needs or 'isolate=True needs'} a process of its own, and the objective cannot be sent to one: "
                f"{one_line(error)}"
            ) from error
        _warn_here(error)
        return Here(objective)


def _warn_here(error: Exception) -> None:
    warnings.warn(
        InputWarning(
            f"the objective cannot be sent to a process of its own ({one_line(error)}): trainings run in this one, "
            "which does not survive one that kills it"
        ),
        stacklevel=3,
    )


@dataclass
class _Job:
    """A process and the evaluation that it works on."""

    worker: Worker[tuple[str, bool], Any] = field(init=False)
    arch: str = ""
    trial: optuna.Trial | None = None
    start: float = 0.0


def _evaluated(objective: Objective, arch: str, trial: Any) -> Evaluation:
    start = time.perf_counter()
    with torch_threads(objective.threads):
        returned = objective(arch, trial)
    return as_evaluation(returned, time.perf_counter() - start)


# What follows is at work in the other process.

TRIAL = "trial"


@dataclass(frozen=True)
class _Evaluate:
    """Evaluates there, and never raises."""

    objective: Objective

    def __call__(self, item: tuple[str, bool]) -> "Evaluation | _Failure":
        arch, has_trial = item
        try:
            found = _evaluated(self.objective, arch, FarTrial() if has_trial else None)
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # whatever an objective of the user's raises
            return _Failure.of(error)
        return found if found.weights is None else replace(found, weights=copied(found.weights))


class FarTrial:
    """An `optuna.Trial` for an objective in another process: each call goes to the one that owns the study."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name in ("study", "storage"):
            raise AttributeError(
                f"a trial has no {name!r} in a process of its own: with search(..., isolate=False) it has"
            )
        if callable(getattr(optuna.Trial, name, None)):
            return lambda *given, **named: owner().ask(TRIAL, name, True, given, named)
        return owner().ask(TRIAL, name, False, (), {})

    def report(self, value: Any, step: int) -> None:
        """Reports an intermediate value, a number or a tensor on any device."""
        owner().ask(TRIAL, "report", True, (float(value) if isinstance(value, torch.Tensor) else value, step), {})


@dataclass
class _Told:
    """A callback of the objective, which its owner calls. Of steps (done, in all) it is told now and then only."""

    name: str
    last: float = -math.inf

    def __call__(self, *arguments: Any) -> None:
        if self.name == "on_step":
            is_end = len(arguments) == 2 and arguments[0] == arguments[1]
            if time.monotonic() - self.last < STEP_SECONDS and not is_end:
                return
            self.last = time.monotonic()
        owner().tell(self.name, *arguments)


def _told_apart(objective: Objective) -> Objective:
    """The objective with its callbacks replaced."""
    twin = copy.copy(objective)
    state = getattr(twin, "__dict__", {})
    for name, value in list(state.items()):
        if name.startswith("on_") and callable(value):
            state[name] = _Told(name)
    return twin


KINDS: tuple[type[BaseException], ...] = (
    *(InputError, EvaluationPruned, optuna.TrialPruned, EvaluationFailed),
    *(torch.OutOfMemoryError, MemoryError, SystemExit, KeyboardInterrupt, Exception),
)
"""Exceptions that a search tells apart, each before the classes that it comes from."""
OF_MEMORY = (MemoryError, torch.OutOfMemoryError)


@dataclass(frozen=True)
class _Failure:
    """An exception, as far as a search needs to know it.

    Attributes:
        kind: The first of `KINDS` that it is.
        name: The name of its class.
        text: What it says.
        trace: Where it was raised.
        cost: Of an `EvaluationPruned`.
        spoilt: Whether the process is of no further use.
    """

    kind: type[BaseException]
    name: str
    text: str
    trace: str
    cost: float
    spoilt: bool

    @classmethod
    def of(cls, error: BaseException) -> Self:
        kind = next(kind for kind in KINDS if isinstance(error, kind))
        # A fault of the GPU spoils everything after it; memory may be held by whatever the error came through.
        spoilt = kind in OF_MEMORY or (kind is Exception and torch.cuda.is_initialized())
        cost = getattr(error, "cost_seconds", 0.0)
        trace = "".join(traceback.format_exception(error))
        return cls(kind, type(error).__name__, str(error), trace, cost, spoilt)

    def error(self) -> BaseException:
        """An exception of the same name, which is one of `kind`."""
        own = self.kind if self.kind.__name__ == self.name else type(self.name, (self.kind,), {})
        error = own(self.text, self.cost) if issubclass(own, EvaluationPruned) else own(self.text)
        error.add_note(f"In the process of the evaluation:\n{self.trace}")
        return error

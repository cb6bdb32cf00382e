"""Evaluations in processes of their own: one that hangs, dies or runs out of memory is a failed evaluation."""

import functools
import multiprocessing
import time
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, cast

import optuna
import torch

from untrained.errors import InputError, InputWarning, one_line, warn
from untrained.objectives.base import EvaluationFailed, Objective
from untrained.objectives.elsewhere import elsewhere
from untrained.objectives.far import TRIAL, Evaluate, Failure, evaluated, told_apart
from untrained.objectives.outcome import Outcome
from untrained.runtime.devices import one_gpu
from untrained.runtime.executors import Executors
from untrained.runtime.interrupts import check_interrupt
from untrained.runtime.travel import Parcel
from untrained.runtime.workers import CannotLoad, Died, NotStarted, Worker

POLL_SECONDS = 0.2
"""How often an interrupt, and the time that trainings take, are looked at."""
MOST_STARTS = 3
"""If so many processes in a row end before they have the objective, none will."""


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
            result = evaluated(self._objective, arch, trial)
        except InputError:
            raise  # nothing that this architecture is to blame for
        except (Exception, SystemExit) as error:  # whatever an objective of the user's raises
            result = error
        return Outcome(arch, trial, time.perf_counter() - start, result)

    def close(self) -> None:
        self._begun.clear()


class Apart:
    """Evaluates in processes of their own, which are started when they are needed, and anew after a death.

    The objective is sent to each once. If it computes on "cuda", and there are several GPUs, each process sees one of
    them. Its callbacks (attributes `on_...`) are called in this process, `on_step` at
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
        self._parcel = Parcel(Evaluate(told_apart(objective)))
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
        taken = {job.number for job in self._pool.values()}
        job = _Job(next(number for number in range(self.jobs) if number not in taken))
        answer = functools.partial(self._answer, job)
        device = getattr(self._objective, "device", None)
        own_gpu = isinstance(device, torch.device) and device.type == "cuda" and not device.index
        environment = one_gpu(job.number) if own_gpu and self.jobs > 1 else {}
        job.worker = Worker[tuple[str, bool], Any](self._parcel, self._limit, answer, environment)
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
        elif isinstance(result, Failure):
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


def evaluator(
    objective: Objective,
    isolate: bool | None = None,
    limit: float | None = None,
    jobs: int = 1,
    executors: Executors | None = None,
) -> Any:
    """Makes what evaluates for a search.

    Args:
        objective: What evaluates.
        isolate: Whether in a process of its own; None for as the objective says, and yes if there is a limit.
        limit: Seconds that one evaluation may take.
        jobs: How many at a time.
        executors: Where, if not in processes of this package's own.

    Returns:
        An `Evaluator`. If the objective cannot be sent to another process, and nothing asks for one, it evaluates in
        this one.

    Raises:
        InputError: What is asked for needs another process, and that cannot be.
    """
    if executors is not None:
        return elsewhere(objective, isolate, limit, jobs, executors)
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
    warn(
        f"the objective cannot be sent to a process of its own ({one_line(error)}): trainings run in this one, "
        "which does not survive one that kills it",
        InputWarning,
    )


@dataclass
class _Job:
    """A process and the evaluation that it works on."""

    number: int
    worker: Worker[tuple[str, bool], Any] = field(init=False)
    arch: str = ""
    trial: optuna.Trial | None = None
    start: float = 0.0

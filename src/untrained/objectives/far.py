"""What is at work in the process of an evaluation (`apart`)."""

import copy
import math
import time
import traceback
from dataclasses import dataclass, replace
from typing import Any, Self

import optuna
import torch

from untrained.errors import InputError
from untrained.objectives.base import Evaluation, EvaluationFailed, EvaluationPruned, Objective, as_evaluation
from untrained.runtime.line import owner
from untrained.runtime.tensors import copied
from untrained.runtime.threads import torch_threads
from untrained.runtime.torch_settings import TorchSettings

STEP_SECONDS = 0.05
"""How often steps are told of: each costs as much as a step of a very small network."""
TRIAL = "trial"
"""What a trial's owner is asked by."""


def evaluated(objective: Objective, arch: str, trial: Any) -> Evaluation:
    """Evaluates an architecture, in this or in the other process.

    Raises:
        Exception: Whatever the objective raises; or what it returned is no evaluation.
    """
    start, settings = time.perf_counter(), TorchSettings.now()
    try:
        with torch_threads(objective.threads), torch.set_grad_enabled(torch.is_grad_enabled()):
            returned = objective(arch, trial)
    finally:
        settings.set()  # what one training sets must not change the value of the next
    return as_evaluation(returned, time.perf_counter() - start)


def evaluated_far(objective: Objective, arch: str, trial: Any) -> "Evaluation | Failure":
    """Evaluates an architecture in a process that is not the search's, and never raises."""
    try:
        found = evaluated(objective, arch, trial)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # whatever an objective of the user's raises
        return Failure.of(error)
    return found if found.weights is None else replace(found, weights=copied(found.weights))


@dataclass(frozen=True)
class Evaluate:
    """Evaluates in a process of its own."""

    objective: Objective

    def __call__(self, item: tuple[str, bool]) -> "Evaluation | Failure":
        arch, has_trial = item
        return evaluated_far(self.objective, arch, FarTrial() if has_trial else None)


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
class Told:
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


def told_apart(objective: Objective) -> Objective:
    """The objective with its callbacks replaced."""
    twin = copy.copy(objective)
    state = getattr(twin, "__dict__", {})
    for name, value in list(state.items()):
        if name.startswith("on_") and callable(value):
            state[name] = Told(name)
    return twin


KINDS: tuple[type[BaseException], ...] = (
    *(InputError, EvaluationPruned, optuna.TrialPruned, EvaluationFailed),
    *(torch.OutOfMemoryError, MemoryError, SystemExit, KeyboardInterrupt, Exception),
)
"""Exceptions that a search tells apart, each before the classes that it comes from."""
OF_MEMORY = (MemoryError, torch.OutOfMemoryError)


@dataclass(frozen=True)
class Failure:
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

"""Evaluations in the workers of an executor, which know neither the study nor its trials."""

import time
from dataclasses import dataclass, field
from typing import Any

import optuna
import torch

from untrained.errors import InputError, one_line
from untrained.objectives.base import Evaluation, EvaluationFailed, Objective
from untrained.objectives.far import Failure, evaluated_far
from untrained.objectives.outcome import Outcome
from untrained.runtime.elsewhere import Elsewhere, Lost
from untrained.runtime.executors import Executors


@dataclass
class HeldTrial:
    """An `optuna.Trial` without its study: what it is told comes back with the result, and is told to the study then.

    Attributes:
        number: That of the trial.
        params: Its parameters as they were when the evaluation began.
        user_attrs: Its attributes.
        reports: (value, step) of each report.
        new_attrs: The attributes that were set.
    """

    number: int
    params: dict[str, Any]
    user_attrs: dict[str, Any]
    reports: list[tuple[float, int]] = field(default_factory=list)
    new_attrs: dict[str, Any] = field(default_factory=dict)

    def report(self, value: Any, step: int) -> None:
        """Keeps an intermediate value."""
        self.reports.append((float(value.item() if isinstance(value, torch.Tensor) else value), step))

    def should_prune(self) -> bool:
        """No: a search with a pruner does not come here."""
        return False

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keeps an attribute."""
        self.user_attrs[key] = self.new_attrs[key] = value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("suggest_"):
            return self._suggested
        raise AttributeError(f"a trial has no {name!r} in a worker of an executor, which does not know its study")

    def _suggested(self, name: str, *_: Any, **__: Any) -> Any:
        if name not in self.params:
            raise InputError(f"parameter {name!r} cannot be asked for in a worker of an executor: leave out executor=")
        return self.params[name]

    def tell(self, trial: optuna.Trial) -> None:
        """Tells the trial itself."""
        for key, value in self.new_attrs.items():
            trial.set_user_attr(key, value)
        for value, step in self.reports:
            trial.report(value, step)


@dataclass(frozen=True)
class EvaluateElsewhere:
    """Evaluates in a worker: returns what came of it, the trial, and the seconds that it took."""

    objective: Objective

    def __call__(self, item: tuple[str, HeldTrial | None]) -> tuple[Evaluation | Failure, HeldTrial | None, float]:
        start = time.perf_counter()
        found = evaluated_far(self.objective, *item)
        return found, item[1], time.perf_counter() - start


class OnExecutor:
    """Evaluates in the workers of an executor.

    Args:
        objective: What evaluates. Each machine gets it once.
        executors: Where.
        jobs: How many at a time.

    Raises:
        Exception: The objective cannot be pickled.
    """

    is_safe = True

    def __init__(self, objective: Objective, executors: Executors, jobs: int) -> None:
        self.jobs = jobs
        self._tasks = Elsewhere[Any, Any](EvaluateElsewhere(objective), executors, jobs, in_turn=objective.apart)
        self._trials = dict[str, optuna.Trial | None]()

    def begin(self, arch: str, trial: optuna.Trial | None = None) -> None:
        self._trials[arch] = trial
        self._tasks.begin((arch, trial and HeldTrial(trial.number, trial.params, trial.user_attrs)))

    def end(self) -> Outcome:
        (arch, _), ended = self._tasks.end()
        trial = self._trials.pop(arch)
        if isinstance(ended, Lost):
            return Outcome(arch, trial, 0.0, EvaluationFailed(ended.why))
        result, held, seconds = ended
        if isinstance(result, Failure):
            result = result.error()
        if isinstance(result, InputError | KeyboardInterrupt):
            raise result
        if held is not None and trial is not None:
            held.tell(trial)
        return Outcome(arch, trial, seconds, result)

    def close(self) -> None:
        self._tasks.close()
        self._trials.clear()


def elsewhere(
    objective: Objective, isolate: bool | None, limit: float | None, jobs: int, executors: Executors
) -> OnExecutor:
    """Makes what evaluates in an executor's workers.

    Args:
        objective: What evaluates.
        isolate: As of `search`.
        limit: As of `search`.
        jobs: How many at a time.
        executors: Where.

    Raises:
        InputError: Something asked for cannot be had there.
    """
    if limit is not None:
        raise InputError("a limit for each training ends its process, and an executor's are not the search's to end")
    if isolate is False:
        raise InputError("an executor evaluates in its own workers: leave out isolate=False")
    for name, value in vars(objective).items() if hasattr(objective, "__dict__") else ():
        if name.startswith("on_") and callable(value):
            raise InputError(f"{name} of the objective cannot be called from a worker of an executor: leave it out")
    try:
        return OnExecutor(objective, executors, jobs)
    except InputError:
        raise
    except Exception as error:  # pickling fails in many ways
        raise InputError(f"the objective cannot be sent to an executor's workers: {one_line(error)}") from error

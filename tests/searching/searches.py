"""Searches of the toy space in no time, for the tests of this folder."""

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna

from toy import MLPs
from untrained import search
from untrained.objectives import Evaluation, EvaluationFailed, Objective
from untrained.scores import ScoreTable
from untrained.searching.result import Result

SPACE = MLPs()
ARCHS = tuple(SPACE)


def value_of(arch: str) -> float:
    params = SPACE.to_params(arch)
    return params["width"] * params["depth"] + 0.5 * params["norm"]


SCORES = ScoreTable(
    ARCHS,
    ("width", "noise"),
    np.column_stack([[SPACE.to_params(a)["width"] for a in ARCHS], np.random.default_rng(0).normal(size=len(ARCHS))]),
)


class Counted(Objective):
    """The value is width x depth, and 0.5 for a norm; what `at` says of an architecture happens instead.

    Args:
        at: Called with (the architecture, how many calls there were before); what it returns, if anything, is the
            outcome.
    """

    def __init__(self, at: Callable[[str, int], Any] | None = None) -> None:
        self.on_call = at
        self.calls: list[str] = []

    @property
    def identity(self) -> dict[str, Any]:
        return {"kind": "counted"}

    def __call__(self, arch: str, trial: optuna.Trial | None = None) -> Any:
        self.calls.append(arch)
        outcome = None if self.on_call is None else self.on_call(arch, len(self.calls) - 1)
        if isinstance(outcome, BaseException):
            raise outcome
        return Evaluation(value_of(arch), 1.5) if outcome is None else outcome


FAILED = EvaluationFailed("no luck")


def run(objective: Any = None, **options: Any) -> Result:
    """A search of 5 queries with fixed scores."""
    settings: dict[str, Any] = {"budget": 5, "scores": SCORES, "sampler": "random"}
    return search(SPACE, Counted() if objective is None else objective, **(settings | options))


def history(result: Result) -> list[Any]:
    """What two runs of one search must have in common."""
    return [(q.architecture, q.value, q.state, q.phase, q.metric_weights, q.reason) for q in result.queries]

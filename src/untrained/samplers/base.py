"""Samplers that choose from a scored pool, as Optuna samplers.

A sampler is a pure function of (table, seed, history). The history is the study's finished trials and what this
module wrote on them as user attributes: `architecture`, `phase`, `weights`, `state`, the sampler's own record, and
`sampler`, whose record it is.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState
from threadpoolctl import ThreadpoolController

from untrained.errors import InputError
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace

ARCHITECTURE, PHASE, WEIGHTS, STATE, SAMPLER = "architecture", "phase", "weights", "state", "sampler"

SKIPPED = "skipped"
"""Attribute of a trial that is no query (interrupted, repeated, impossible), and why."""


@cache
def _libraries() -> ThreadpoolController:
    """The BLAS libraries: numpy and scipy each load one of their own, so look when both are there."""
    return ThreadpoolController()


@dataclass(frozen=True)
class Choice:
    """An architecture to query, why, and what the sampler wants to remember of how it got there (JSON)."""

    architecture: str
    phase: str
    weights: Mapping[str, float] = field(default_factory=dict)
    state: Any = None


@dataclass(frozen=True)
class Query:
    """One architecture of the history.

    value: to be maximised; None where it failed or is still running. state: what the same sampler remembered.
    step: where its evaluation was stopped early, which is where `value` is from; None where it ran to its end.
    running: its value is still to come.
    """

    architecture: str
    value: float | None
    state: Any = None
    step: int | None = None
    running: bool = False


class PoolSampler(BaseSampler):
    """Chooses architectures of `table`, each at most once; a subclass says which.

    Works in any Optuna study whose objective asks the trial for the parameters of `space`.
    """

    def __init__(self, table: ScoreTable, space: SearchSpace, *, seed: int = 0) -> None:
        self.table = table
        self.space = space
        self.seed = seed

    @abstractmethod
    def choose(self, history: Sequence[Query]) -> Choice:
        """The next architecture, one that is not in `history`."""

    @property
    @abstractmethod
    def options(self) -> dict[str, Any]:
        """What the sequence of choices depends on, besides table, seed and history (JSON)."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return dict(self.space.distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        history = read_history(study, self.space, type(self).__name__)
        if len({query.architecture for query in history} & self.table.index.keys()) == len(self.table):
            raise InputError(f"all {len(self.table)} architectures of the pool have been queried")
        with _libraries().limit(limits=1):  # more threads would only wait for each other, and change last digits
            choice = self.choose(history)
        for key, value in (
            (ARCHITECTURE, choice.architecture),
            (PHASE, choice.phase),
            (WEIGHTS, {name: w for name, w in choice.weights.items() if name not in self.table.idle}),
            (STATE, choice.state),
            (SAMPLER, type(self).__name__),
        ):
            study._storage.set_trial_user_attr(trial._trial_id, key, value)  # as Optuna's own samplers do
        return self.space.to_params(choice.architecture)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        names = ", ".join(self.space.distributions)
        raise InputError(f"parameter {param_name!r} is not one of space {self.space.name!r}: it has {names}")


def check_learnable(table: ScoreTable, budget: int) -> None:
    """Raises `InputError` where there is nothing to learn from, or nothing to spend."""
    if budget < 1:
        raise InputError(f"budget {budget}: give at least 1 query")
    if np.isnan(table.values).all():
        raise InputError("no metric has a score for any architecture: there is nothing to learn from")


def read_history(study: Study, space: SearchSpace, sampler: str) -> list[Query]:
    """The queries of `study` in the order of their trials: each counts, but those that were skipped.

    sampler: whose records to read; that of another sampler is no business of this one.
    """
    sign = -1 if study.direction == StudyDirection.MINIMIZE else 1
    queries = []
    for trial in study.get_trials(deepcopy=False):
        arch = architecture(trial, space)
        if arch is None or SKIPPED in trial.user_attrs:
            continue
        finished = trial.state in (TrialState.COMPLETE, TrialState.PRUNED) and trial.values is not None
        value = sign * trial.values[0] if finished and trial.values else None
        state = trial.user_attrs.get(STATE) if trial.user_attrs.get(SAMPLER, sampler) == sampler else None
        step = trial.last_step if trial.state == TrialState.PRUNED else None
        queries.append(Query(arch, value, state, step, running=not trial.state.is_finished()))
    return queries


def known_values(history: Sequence[Query]) -> dict[str, float]:
    """Architecture -> value; the worst value seen (0 where there is none) for a failed or running query."""
    worst = min((query.value for query in history if query.value is not None), default=0.0)
    return {query.architecture: worst if query.value is None else query.value for query in history}


def architecture(trial: FrozenTrial, space: SearchSpace) -> str | None:
    """The architecture of a trial, also of one that another sampler made; None before it is decided."""
    if ARCHITECTURE in trial.user_attrs:
        return trial.user_attrs[ARCHITECTURE]
    return space.to_arch(trial.params) if trial.params.keys() >= space.distributions.keys() else None

"""Samplers that choose from a scored pool, as Optuna samplers.

A sampler is a pure function of (table, seed, history). The history is the study's finished trials and what this
module wrote on them as user attributes: `architecture`, `phase`, `weights` and `state`, the sampler's own record.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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

ARCHITECTURE, PHASE, WEIGHTS, STATE = "architecture", "phase", "weights", "state"

SKIPPED = "skipped"
"""Attribute of a trial that is no query (interrupted, repeated, impossible), and why."""


_LIBRARIES = ThreadpoolController()


@dataclass(frozen=True)
class Choice:
    """An architecture to query, why, and what the sampler wants to remember of how it got there (JSON)."""

    architecture: str
    phase: str
    weights: Mapping[str, float] = field(default_factory=dict)
    state: Any = None


@dataclass(frozen=True)
class Query:
    """One architecture of the history; `value` is to be maximised, None where it failed or is still running."""

    architecture: str
    value: float | None
    state: Any
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
        history = read_history(study, self.space)
        if len({query.architecture for query in history} & self.table.index.keys()) == len(self.table):
            raise InputError(f"all {len(self.table)} architectures of the pool have been queried")
        with _LIBRARIES.limit(limits=1):  # more threads would only wait for each other, and change last digits
            choice = self.choose(history)
        for key, value in (
            (ARCHITECTURE, choice.architecture),
            (PHASE, choice.phase),
            (WEIGHTS, dict(choice.weights)),
            (STATE, choice.state),
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


def read_history(study: Study, space: SearchSpace) -> list[Query]:
    """The queries of `study` in the order of their trials: each counts, but those that were skipped."""
    sign = -1 if study.direction == StudyDirection.MINIMIZE else 1
    queries = []
    for trial in study.get_trials(deepcopy=False):
        arch = architecture(trial, space)
        if arch is None or SKIPPED in trial.user_attrs:
            continue
        finished = trial.state in (TrialState.COMPLETE, TrialState.PRUNED) and trial.values is not None
        value = sign * trial.values[0] if finished and trial.values else None
        queries.append(Query(arch, value, trial.user_attrs.get(STATE), running=not trial.state.is_finished()))
    return queries


def architecture(trial: FrozenTrial, space: SearchSpace) -> str | None:
    """The architecture of a trial, also of one that another sampler made; None before it is decided."""
    if ARCHITECTURE in trial.user_attrs:
        return trial.user_attrs[ARCHITECTURE]
    return space.to_arch(trial.params) if trial.params.keys() >= space.distributions.keys() else None

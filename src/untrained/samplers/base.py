"""Samplers that choose from a scored pool, as Optuna samplers.

A sampler is a pure function of (table, seed, history). The history is the queries of the study (`query`).
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial
from threadpoolctl import ThreadpoolController

from untrained.errors import InputError
from untrained.samplers.query import ARCHITECTURE, PHASE, SAMPLER, STATE, WEIGHTS, Query, read_history
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace


@cache
def _libraries() -> ThreadpoolController:
    """The BLAS libraries: numpy and scipy each load one of their own, so look when both are there."""
    return ThreadpoolController()


@dataclass(frozen=True)
class Choice:
    """An architecture to query, why, and what the sampler wants to remember of how it got there (JSON)."""

    architecture: str
    phase: str
    metric_weights: Mapping[str, float] = field(default_factory=dict)
    sampler_state: Any = None


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
            (WEIGHTS, {name: w for name, w in choice.metric_weights.items() if name not in self.table.idle}),
            (STATE, choice.sampler_state),
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


def known_values(history: Sequence[Query]) -> dict[str, float]:
    """Architecture -> value; the worst value seen (0 where there is none) for a failed or running query."""
    worst = min((query.value for query in history if query.value is not None), default=0.0)
    return {query.architecture: worst if query.value is None else query.value for query in history}

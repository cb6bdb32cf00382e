"""Samplers that choose from a scored pool, as Optuna samplers.

A sampler is a pure function of (table, seed, history). The history is the queries of the study (`query`), which hold
all that a sampler remembers: so a search that was killed goes on as if it had not been.
"""

import math
import random
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from threading import RLock
from typing import Any, ClassVar

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from threadpoolctl import ThreadpoolController

from untrained.errors import InputError, one_line
from untrained.runtime.seeding import derive_seed
from untrained.samplers.attributes import write_attributes
from untrained.samplers.further import further_trials, met, sample
from untrained.samplers.query import (
    ARCHITECTURE,
    CONSTRAINTS,
    PHASE,
    SAMPLER,
    SKIPPED,
    STATE,
    WEIGHTS,
    Query,
    architecture_of,
    fixed_params,
    read_history,
)
from untrained.samplers.turns import Turns, taken_by_others
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace

_CHOOSING = RLock()
"""Held by the thread that chooses: the number of BLAS threads, and what samplers keep to save time, are shared."""


@cache
def _libraries() -> ThreadpoolController:
    """The BLAS libraries: numpy and scipy each load one of their own, so look when both are there."""
    return ThreadpoolController()


@contextmanager
def choosing() -> Iterator[None]:
    """Holds other threads off, and BLAS to one: more would wait for each other, and change digits."""
    with _CHOOSING, _libraries().limit(limits=1):
        yield


@dataclass(frozen=True)
class Choice:
    """What a sampler chose.

    Args:
        architecture: The architecture to query.
        phase: "explore" or "exploit".
        metric_weights: Metric name -> how far the sampler trusted it.
        sampler_state: What the sampler wants to find in the history later, as JSON. Whatever is not JSON comes back
            changed from a storage on disk.
    """

    architecture: str
    phase: str
    metric_weights: Mapping[str, float] = field(default_factory=dict)
    sampler_state: Any = None


class PoolSampler(BaseSampler):
    """Chooses architectures of a score table, each at most once; a subclass says which.

    It works in any Optuna study of one objective (see `most_objectives`) that asks the trial for the parameters of the
    space. Any number of threads (`n_jobs`) and processes may work on one study: trials choose one after the other, each
    with all queries before it in its history, running ones included. Further parameters of a trial, such as a learning
    rate, are left to Optuna's TPE.

    Args:
        table: The scores to learn from; its architectures are the pool.
        space: The search space of these architectures.
        seed: Decides every random draw.

    Attributes:
        constraints_func: As Optuna's samplers have it: (a finished trial) -> numbers, of which none above 0 means that
            it is feasible. An infeasible trial counts as failed. None if trials say it themselves, or all are feasible.

    Example:
        >>> import untrained
        >>> class InOrder(PoolSampler):
        ...     options = {}
        ...     def choose(self, history):
        ...         known = {query.architecture for query in history}
        ...         return Choice(next(a for a in self.table.archs if a not in known), "explore")
        >>> table = untrained.ScoreTable(("a", "b"), ("snip",), np.array([[1.0], [2.0]]))
        >>> InOrder(table, untrained.ArchitectureList(["a", "b"])).choose([]).architecture
        'a'
    """

    constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None
    grows: ClassVar[bool] = False
    """Whether it makes use of architectures that join the pool in the course of a search (`grow`)."""

    def __init__(self, table: ScoreTable, space: SearchSpace, *, seed: int = 0) -> None:
        self.table = table
        self.space = space
        self.seed = seed
        self._turns = Turns()

    @abstractmethod
    def choose(self, history: Sequence[Query]) -> Choice:
        """Chooses the next architecture.

        Args:
            history: The queries so far in the order of their trials. Values are turned so that higher is better; a
                failed query has none, and neither has a running one. The architectures need not be of the pool.

        Returns:
            An architecture of the pool that is not in `history`; there is one.
        """

    def grow(self, table: ScoreTable, history: Sequence[Query]) -> None:
        """Goes on with a larger pool; the choices are then a function of all tables so far, seed and history.

        Args:
            table: The scores so far, and below them those of the architectures that join the pool.
            history: The queries that had begun then.
        """
        self.table = table

    def favourites(self, history: Sequence[Query], n: int) -> list[str]:
        """Names the architectures whose relatives should join the pool, best first; by default the best queries.

        Args:
            history: As in `choose`.
            n: How many at most.

        Returns:
            Architectures, of the pool or queried.
        """
        known = [query for query in history if query.state == "complete" and query.value is not None]
        return [query.architecture for query in sorted(known, key=lambda query: -(query.value or 0.0))[:n]]

    @property
    @abstractmethod
    def options(self) -> dict[str, Any]:
        """What the sequence of choices depends on, besides table, seed and history (JSON)."""

    @property
    def most_objectives(self) -> int | None:
        """How many objectives a study may have; None for any. It looks at the first, which is the one to learn."""
        return 1

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Chooses for a trial that has just begun, so that later ones need not wait for the first parameter it asks.

        Args:
            study: The study.
            trial: The trial.

        Raises:
            InputError: If the pool is used up, or the study has several objectives. The trial is then failed.
        """
        try:
            self._architecture(study, trial)
        except BaseException as error:
            self._write(study, trial, {SKIPPED: one_line(error)})
            study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
            raise

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Keeps the constraints of a trial that has ended, where Optuna's own samplers keep them.

        Args:
            study: The study.
            trial: The trial.
            state: How it ended.
            values: Its values.

        Raises:
            InputError: A constraint is no number.
        """
        if self.constraints_func is None or state not in (TrialState.COMPLETE, TrialState.PRUNED):
            return
        found = tuple(map(float, self.constraints_func(trial)))
        if any(map(math.isnan, found)):
            raise InputError(f"constraints {found} of trial {trial.number}: give numbers, above 0 if it is infeasible")
        study._storage.set_trial_system_attr(trial._trial_id, CONSTRAINTS, found)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        own = self.space.study_distributions(self._architecture(study, trial))
        return met(further_trials(study, trial, self.space)) | own

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        params = self.space.to_params(self._architecture(study, trial))
        further = {name: own for name, own in search_space.items() if name not in params}
        own = {name: params[name] for name in search_space if name in params}
        return own | self._further(study, trial, further)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        if own := self.space.decisions.get(param_name):
            has = own.distribution
            raise InputError(f"parameter {param_name!r} is asked for as {param_distribution}; the space has {has}")
        return self._further(study, trial, {param_name: param_distribution})[param_name]

    def _further(self, study: Study, trial: FrozenTrial, wanted: dict[str, BaseDistribution]) -> dict[str, Any]:
        """Samples parameters that are none of the space's."""
        self._check_objectives(study)
        if not wanted:
            return {}
        # Not by the number of the trial: a query that is made anew after a kill has another one.
        others = study._storage.get_all_trials(study._study_id, deepcopy=False)
        place = sum(other.number < trial.number and SKIPPED not in other.user_attrs for other in others)
        seed = derive_seed(self.seed, "further", sorted(wanted), place) % 2**32
        return sample(study, further_trials(study, trial, self.space), wanted, seed)

    def _check_objectives(self, study: Study) -> None:
        most = self.most_objectives
        if most is not None and len(study.directions) > most:
            one = "one objective" if most == 1 else f"{most} objectives"
            hint = "Mixture(..., costs=) takes figures that are known before; RandomSearch takes any objectives"
            raise InputError(f"{type(self).__name__} looks for {one}: the study has {len(study.directions)}: {hint}")

    def _architecture(self, study: Study, trial: FrozenTrial) -> str:
        """What the trial queries: chosen now, unless it has been already."""
        self._check_objectives(study)
        written = study._storage.get_trial(trial._trial_id).user_attrs.get(ARCHITECTURE)
        if written is not None:
            return written
        arch = architecture_of(trial, self.space)  # enqueued
        if arch is None:
            return self._choose_in_turn(study, trial)
        self._write(study, trial, {ARCHITECTURE: arch})
        return arch

    def _choose_in_turn(self, study: Study, trial: FrozenTrial) -> str:
        fixed = {name: value for name, value in fixed_params(trial).items() if name in self.space.decisions}
        while True:
            self._turns.wait(study, trial, self.space)
            with choosing():
                choice = self._checked_choice(self._history(study, trial))
            arch = self._bound(choice.architecture, fixed) if fixed else None
            if arch not in (None, choice.architecture):
                self._write(study, trial, {ARCHITECTURE: arch})  # not what this sampler chose
                return arch
            self._write(study, trial, self._record(choice))
            # An enqueued trial, or one that was held to be dead, may have taken the same out of turn.
            if choice.architecture not in taken_by_others(study, trial, self.space):
                return choice.architecture

    def _bound(self, arch: str, fixed: Mapping[str, Any]) -> str:
        """An architecture with the values that an enqueued trial is bound to have; what these bring along is drawn."""
        rng = random.Random(derive_seed(self.seed, "bound", arch, sorted(fixed.items())))
        decisions = self.space.decisions
        params = self.space.to_params(arch) | {name: decisions[name].rounded(value) for name, value in fixed.items()}
        return self.space.completed(params, rng) or self.space.arch_of_trial(params)

    def _checked_choice(self, history: Sequence[Query]) -> Choice:
        if {query.architecture for query in history} >= self.table.index.keys():
            raise InputError(f"all {len(self.table)} architectures of the pool have been queried")
        return self.choose(history)

    def _record(self, choice: Choice) -> dict[str, Any]:
        weights = {name: w for name, w in choice.metric_weights.items() if name not in self.table.idle}
        return {
            PHASE: choice.phase,
            **({WEIGHTS: weights} if weights else {}),  # each is a transaction, which waits for the disk
            **({} if choice.sampler_state is None else {STATE: choice.sampler_state}),
            SAMPLER: type(self).__name__,
            ARCHITECTURE: choice.architecture,  # last: who sees it finds the others
        }

    def _history(self, study: Study, trial: FrozenTrial) -> list[Query]:
        """The queries of all other trials."""
        history = read_history(study, self.space, type(self).__name__)
        return [query for query in history if query.number != trial.number]

    def _write(self, study: Study, trial: FrozenTrial, record: Mapping[str, Any]) -> None:
        write_attributes(study._storage, trial._trial_id, record)  # not by the trial: as Optuna's own samplers do


def check_learnable(table: ScoreTable, budget: int) -> None:
    """Makes sure that there is something to learn from, and something to spend.

    Raises:
        InputError: If no metric has a score, or the budget is below 1.
    """
    if budget < 1:
        raise InputError(f"budget {budget}: give at least 1 query")
    if np.isnan(table.values).all():
        raise InputError("no metric has a score for any architecture: there is nothing to learn from")


def known_values(history: Sequence[Query]) -> dict[str, float]:
    """The value of each architecture of a history.

    Args:
        history: The queries so far.

    Returns:
        Architecture -> value. A failed or running query has the worst value seen, or 0 if there is none.

    Example:
        >>> known_values([Query("a", 0.5), Query("b", 0.7), Query("c", state="failed")])
        {'a': 0.5, 'b': 0.7, 'c': 0.5}
    """
    worst = min((query.value for query in history if query.value is not None), default=0.0)
    return {query.architecture: worst if query.value is None else query.value for query in history}

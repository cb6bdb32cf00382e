"""Optuna's own samplers over the decisions of an architecture, kept to the pool and to the history."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import optuna
from optuna.pruners import BasePruner, HyperbandPruner, NopPruner
from optuna.samplers import BaseSampler, GPSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from untrained.errors import InputError
from untrained.runtime.seeding import derive_seed
from untrained.samplers.base import Choice, PoolSampler, known_values
from untrained.samplers.decisions import decision_pool
from untrained.samplers.further import INNER
from untrained.samplers.query import Query
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace


class Encoded(PoolSampler):
    """Asks a sampler of Optuna for parameters, and queries the unqueried architecture nearest to them.

    Optuna's sampler is made anew for each query, seeded by (seed, number of queries), and told the whole history: so it
    goes on after a kill as if there had been none. A suggestion is taken as it is if the pool holds it, or an
    architecture with the same network. Optuna is told the worst value seen for a failed query, so that it does not
    suggest it again.

    Args:
        table: The scores; only the architectures are used.
        space: The search space, whose decisions are Optuna's parameters.
        make: Makes Optuna's sampler, given `seed=...`.
        name: Stands for that sampler and its settings in `options`.
        seed: Decides every random draw.
        jointly: Whether Optuna's sampler looks at all decisions together. It is then told a value for those, too, that
            an architecture does not take: their first.
    """

    def __init__(
        self,
        table: ScoreTable,
        space: SearchSpace,
        make: Callable[..., BaseSampler],
        *,
        name: str,
        seed: int = 0,
        jointly: bool = False,
    ) -> None:
        super().__init__(table, space, seed=seed)
        self.make = make
        self.name = name
        self.jointly = jointly

    @property
    def options(self) -> dict[str, Any]:
        return {"optuna": self.name}

    def choose(self, history: Sequence[Query]) -> Choice:
        seed = derive_seed(self.seed, self.name, len(history))
        study = optuna.create_study(study_name=INNER, direction="maximize", sampler=self.make(seed=seed % 2**32))
        known = known_values(history)
        study.add_trials([self._trial(query, known[query.architecture]) for query in history])
        trial = study.ask(self.space.study_distributions() if self.jointly else None)
        suggested = self.space.suggest(trial)
        pool = decision_pool(self.table, self.space)
        arch = pool.member(suggested)
        if arch is None or arch in known:
            arch = pool.nearest(self._taken(suggested, trial.params), set(known), np.random.default_rng(seed))
        return Choice(arch, "explore")

    def _taken(self, suggested: str, params: dict[str, Any]) -> dict[str, Any]:
        """Those of the parameters that the architecture takes; all if it breaks the rules of the space."""
        try:
            return self.space.to_params(suggested)
        except InputError:
            return params

    def _trial(self, query: Query, value: float) -> FrozenTrial:
        arch = query.architecture
        params, distributions = self.space.to_params(arch), self.space.study_distributions(arch)
        if self.jointly:
            decisions = self.space.decisions
            params = {name: decision.first for name, decision in decisions.items()} | params
            distributions = self.space.study_distributions() | distributions
        given: dict[str, Any] = {"params": params, "distributions": distributions}
        if query.step is None:
            return create_trial(value=value, **given)
        return create_trial(state=TrialState.PRUNED, value=value, intermediate_values={query.step: value}, **given)


def tpe(table: ScoreTable, space: SearchSpace, *, budget: int, seed: int = 0) -> Encoded:
    """Tree-structured Parzen estimators, one for each decision.

    The first 10 queries, at most half the budget, are random.
    """
    startup = min(10, budget // 2)
    make = partial(TPESampler, n_startup_trials=startup)
    return Encoded(table, space, make, name=f"tpe {startup}", seed=seed)


def gp(table: ScoreTable, space: SearchSpace, *, budget: int, seed: int = 0) -> Encoded:
    """A Gaussian process over the decisions; the first 10 queries, at most half the budget, are random."""
    startup = min(10, budget // 2)
    make = partial(GPSampler, n_startup_trials=startup)
    return Encoded(table, space, make, name=f"gp {startup}", seed=seed, jointly=True)


def bohb(table: ScoreTable, space: SearchSpace, *, budget: int, seed: int = 0) -> Encoded:
    """Multivariate Parzen estimators, to go with `hyperband`.

    The first 10 queries, at most half the budget, are random. As in the paper, one model serves all brackets, and a
    longer training counts before one that was stopped (Optuna ranks complete trials above pruned ones).
    """
    startup = min(10, budget // 2)
    make = partial(TPESampler, n_startup_trials=startup, multivariate=True)
    return Encoded(table, space, make, name=f"bohb {startup}", seed=seed, jointly=True)


def hyperband(steps: Sequence[int]) -> BasePruner:
    """Hyperband with reduction factor 3, or no pruner if values are reported at a single step only.

    Args:
        steps: The steps at which an evaluation reports values, in ascending order.
    """
    if len(steps) < 2:
        return NopPruner()
    return HyperbandPruner(min_resource=steps[0], max_resource=steps[-1], reduction_factor=3)

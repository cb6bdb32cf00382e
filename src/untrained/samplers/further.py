"""What a trial is asked for beside the architecture, such as a learning rate: left to Optuna's TPE.

The parameters of the architecture are the sampler's own. All others are sampled by tree-structured Parzen estimators
(Bergstra et al., NeurIPS 2011) that see the further parameters alone, jointly where they were asked for together
(`multivariate`, `group`). The estimators are made anew for each trial from the history, seeded by (seed, number of
queries before): so a study goes on after a kill as if there had been none.
"""

import logging
import warnings
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import TPESampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from untrained.samplers.query import SKIPPED, further_of, is_feasible, read_trials
from untrained.spaces import SearchSpace

INNER = "of-an-untrained-sampler"
"""Name of a study in memory that asks Optuna's sampler."""
# Optuna logs a line for each new study. The level of its logs belongs to the whole process, so it stays as it is.
logging.getLogger("optuna.storages._in_memory").addFilter(lambda record: INNER not in record.getMessage())
_FILTERS = Lock()
"""What `catch_warnings` changes belongs to all threads: of two at once, one would undo what the other needs."""
STARTUP = 4
"""So many trials are random before the estimators are asked. Optuna's 10 would be half of a short search."""


def further_trials(study: Study, trial: FrozenTrial, space: SearchSpace) -> list[FrozenTrial]:
    """The trials of a study with their further parameters alone.

    Args:
        study: A study of one objective.
        trial: The trial that is sampled for, which is left out.
        space: The space, whose parameters are left out.

    Returns:
        Finished trials with a value, failed and infeasible ones with the worst value seen, and running ones.
    """
    read = read_trials(study, space, further_of)
    having = [(other, params) for other, params in read if params and SKIPPED not in other.user_attrs]
    values = [t.values[0] for t, _ in read if t.state == TrialState.COMPLETE and t.values] if having else []
    worst = (min if study.directions[0] == StudyDirection.MAXIMIZE else max)(values, default=0.0)
    found = list[FrozenTrial]()
    for other, params in having:
        if other.number == trial.number:
            continue
        distributions = {name: other.distributions[name] for name in params}
        if other.state == TrialState.RUNNING:
            found.append(create_trial(state=TrialState.RUNNING, params=params, distributions=distributions))
        elif other.state.is_finished():
            value = other.values[0] if other.values and is_feasible(other) else worst
            found.append(create_trial(value=value, params=params, distributions=distributions))
    return found


def sample(
    study: Study, trials: Sequence[FrozenTrial], wanted: Mapping[str, BaseDistribution], seed: int
) -> dict[str, Any]:
    """Samples further parameters.

    Args:
        study: For its direction.
        trials: What `further_trials` gave.
        wanted: Name -> distribution.
        seed: Decides the draws.

    Returns:
        Name -> value.
    """
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        tpe = TPESampler(n_startup_trials=STARTUP, multivariate=True, group=True, seed=seed)
    inner = optuna.create_study(study_name=INNER, direction=study.directions[0], sampler=tpe)
    inner.add_trials(trials)
    return inner.ask(dict(wanted)).params


def met(trials: Sequence[FrozenTrial]) -> dict[str, BaseDistribution]:
    """The further parameters of the trials: what the next trial is expected to ask for."""
    return {name: own for trial in trials for name, own in trial.distributions.items()}

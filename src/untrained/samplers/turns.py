"""Trials of one study choose their architectures one after the other, in any number of threads and processes.

Optuna numbers the trials of a study without gaps or repeats in every storage. That order is all that is needed: a
trial waits until each trial with a smaller number has its architecture, then chooses with all of those in its history,
and writes down what it chose. Nothing is locked, so nothing stays locked if a process dies.
"""

import time
from datetime import datetime, timedelta

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from untrained.runtime.interrupts import check_interrupt
from untrained.samplers.query import SKIPPED, architecture_of, queries
from untrained.spaces import SearchSpace

PATIENCE = 60.0
"""Seconds that a trial may take to choose. One that takes longer is held to be dead, and no longer waited for."""
LONG_AGO = timedelta(days=1)
"""A trial that began so long ago is not waited for. No less: clocks of machines differ, and by hours if one of them has
another time zone."""
SHORTEST, LONGEST = 0.005, 0.2
"""Seconds between two looks at the storage, at first and at last."""
FURTHEST = 2.0
"""The same for one that many are ahead of, who would else look so often that the storage has no time for them."""


class Turns:
    """Whose turn it is to choose; remembers the trials that were waited for in vain, so that each is only once."""

    def __init__(self) -> None:
        self._given_up = set[tuple[str, int]]()

    def wait(self, study: Study, trial: FrozenTrial, space: SearchSpace) -> None:
        """Returns once every earlier trial has its architecture, is finished, or is held to be dead."""
        began, pause, first = time.monotonic(), SHORTEST, 0
        while waited_for := self._undecided(study, trial, space):
            waits, ahead = time.monotonic() - began, len(waited_for)
            if waits > PATIENCE:
                self._given_up |= waited_for
                return
            first = max(first, ahead)
            check_interrupt()
            if first > ahead:  # as long as half of those ahead will take, by how long the others took
                pause = min(max(waits / (first - ahead) * ahead / 2, SHORTEST), FURTHEST)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST)

    def _undecided(self, study: Study, trial: FrozenTrial, space: SearchSpace) -> set[tuple[str, int]]:
        """Earlier trials that are just choosing."""
        running = study._storage.get_all_trials(study._study_id, deepcopy=False, states=(TrialState.RUNNING,))
        earlier = (other for other in running if other.number < trial.number and SKIPPED not in other.user_attrs)
        undecided = (other for other in earlier if architecture_of(other, space) is None and _lately_started(other))
        return {(study.study_name, other.number) for other in undecided} - self._given_up


def taken_by_others(study: Study, trial: FrozenTrial, space: SearchSpace) -> set[str]:
    """The architectures of all other trials of a study that are queries."""
    return {query.architecture for query in queries(study, space, running=True) if query.number != trial.number}


def _lately_started(trial: FrozenTrial) -> bool:
    started = trial.datetime_start
    return started is not None and datetime.now() - started < LONG_AGO

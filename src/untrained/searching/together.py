"""Spending a budget together with other processes: of all, so many queries are made as the study is to have."""

import time
import warnings
from dataclasses import dataclass, field
from typing import cast

import optuna
from optuna.trial import TrialState

from untrained.errors import InputError, InputWarning
from untrained.runtime.interrupts import check_interrupt
from untrained.samplers.query import SKIPPED, Query, queries, read_trials
from untrained.samplers.turns import Turns
from untrained.searching.owners import OWNER, Owners, close_own
from untrained.searching.spend import Spender
from untrained.searching.storage import StorageFailed, UpdateFinishedTrialError
from untrained.searching.studies import deaths

SHORTEST, LONGEST = 0.05, 1.0
"""Seconds between two looks at what the others do, at first and at last."""
MOST_REFUSED = 3
"""A sampler that proposes nothing so often, while there is budget left, is given up."""
BEYOND = "the budget was spent by others"


@dataclass
class OneOfSpenders(Spender):
    """One of several processes that spend the budget of a study, each at its own queries.

    Optuna numbers the trials of a study without gaps. A trial waits until each one with a smaller number has its
    architecture; so it knows whether one of those has the same, and whether they are enough already.

    Args:
        owners: All these processes.
    """

    owners: Owners = field(kw_only=True)

    def spend(self, budget: int) -> None:
        self._budget = budget
        self._turns = Turns()
        self._running = set[str]()
        self._asked = dict[int, set[str]]()
        self._skipped = self._refused = 0
        try:
            self._spend(budget)
        finally:
            close_own(self.owners)

    def _spend(self, budget: int) -> None:
        pause = SHORTEST
        while True:
            check_interrupt()
            for line in self.owners.news():
                warnings.warn(line, InputWarning, stacklevel=2)
            begun = self._look()
            if len(self._known) >= budget:
                return
            has_room = len(self._running) < self.evaluator.jobs and begun < budget and not self._is_late()
            if has_room and self._begin_own(budget):
                pause = SHORTEST
            elif self._running:
                self._end(budget)
            elif self._is_late():
                return
            else:  # the others make the last queries: if one of them dies, its query is to be made here
                time.sleep(pause)
                pause = min(2 * pause, LONGEST)

    def _begin_own(self, budget: int) -> bool:
        try:
            return self._begin(budget)
        except UpdateFinishedTrialError:  # this process was held to be dead meanwhile
            return True
        except StorageFailed:
            raise
        except InputError:  # of a sampler that has nothing left, as the others have just begun the last
            self._refused += 1
            if self._refused > MOST_REFUSED and self._look() < budget:
                raise
            return False

    def _look(self) -> int:
        """Reads what all have done so far.

        Returns:
            How many queries have begun.
        """
        found = read_trials(self.study, self.space, Query.from_trial)  # once: a database is asked for each running one
        made = [query for _, query in found if query is not None and not query.running]
        self._known = {query.architecture: query for query in made}
        self._died = deaths(trial for trial, _ in found)
        is_open = (trial.state == TrialState.RUNNING and SKIPPED not in trial.user_attrs for trial, _ in found)
        return len(self._known) + sum(is_open)

    def _end(self, budget: int) -> None:
        """Waits for an evaluation of this process's, and records it."""
        outcome = self.evaluator.end()
        self._running.discard(outcome.arch)
        trial = cast(optuna.Trial, outcome.trial)
        try:
            if not self._is_taken(trial):
                self._record(outcome)
        except (UpdateFinishedTrialError, ValueError) as error:
            if isinstance(error, InputError) or not self._is_taken(trial):
                raise
        if self._is_taken(trial):
            text = f"the value of {outcome.arch} is lost: this process was held to be dead, and its query made anew"
            warnings.warn(text, InputWarning, stacklevel=2)
        else:
            self._note(trial, budget)

    def _is_taken(self, trial: optuna.Trial) -> bool:
        """Whether the trial was closed by another process."""
        return SKIPPED in self._frozen(trial).user_attrs

    def _no_query(self, trial: optuna.Trial, arch: str) -> str:
        if OWNER not in (frozen := self._frozen(trial)).user_attrs:  # it was enqueued
            trial.set_user_attr(OWNER, self.owners.claim.id)
        if why := super()._no_query(trial, arch):
            return why
        self._turns.wait(self.study, frozen, self.space)
        made = queries(self.study, self.space, running=True)
        earlier = [query for query in made if query.number < trial.number]
        if any(query.architecture == arch for query in earlier):
            return "repeated"
        return BEYOND if len(earlier) >= self._budget else ""

    def _skip(self, trial: optuna.Trial, arch: str, why: str) -> None:
        if why == BEYOND:
            trial.set_user_attr(SKIPPED, why)
            self._tell(trial, None)
        else:
            super()._skip(trial, arch, why)

"""Several processes that search together: who they are, who of them is alive, and what the dead have left.

They meet in the storage of the study, and nowhere else. Each writes a claim (`claims`), gives signs of life, and marks
its trials as its own. Whoever finds that an owner is dead closes the trials it had open: as nothing stands in the
history of them, the samplers choose anew.
"""

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from untrained.errors import InputError
from untrained.runtime.identity import difference
from untrained.runtime.interrupts import check_interrupt
from untrained.samplers.query import ARCHITECTURE, SKIPPED
from untrained.searching import claims
from untrained.searching.attributes import BUDGET, IDENTITY
from untrained.searching.claims import Claim, at_work, claims_of, in_memory, is_alive, this_process
from untrained.searching.storage import GuardedStorage, UpdateFinishedTrialError
from untrained.searching.studies import close_trial, searches

OWNER = "owner"
"""Attribute of a trial: the claim of the process that evaluates it."""
LOOK = 5.0
"""Seconds between two looks for dead owners, of each of a few owners."""
A_FEW = 8
"""Of more than so many owners each looks less often, so that all together look as often as so many."""
MOST_PAUSE = 2.0
"""Seconds between two looks at who begins, of one that many are ahead of."""


class Owners:
    """The owners of a study as one of them sees them.

    Args:
        claim: Its own claim.
        where: What messages call the storage.
    """

    def __init__(self, claim: Claim, where: str) -> None:
        self.claim = claim
        self.study = claim.study
        self.where = where
        self._beats = dict[str, tuple[float, float]]()  # claim -> its last sign of life, and when it was seen here
        self._ownerless = dict[int, float]()  # trial -> when it was first seen
        self._told = deque[str]()
        self._looking = threading.Lock()
        self._looked, self._owners = -math.inf, 1

    def others(self) -> list[Mapping[str, Any]]:
        """The claims of the others that live."""
        found = claims_of(self.claim.storage, self.study._study_id)
        return [claim for claim in found if claim["id"] != self.claim.id and self._lives(claim)]

    def at_work(self) -> list[Mapping[str, Any]]:
        """The claims of the others that have begun: what stands in the study is theirs."""
        return [claim for claim in self.others() if claim["state"] == "joined"]

    def is_mine(self, trial: FrozenTrial) -> bool:
        """Whether this process evaluates a trial."""
        return trial.user_attrs.get(OWNER) == self.claim.id

    def news(self) -> Iterator[str]:
        """What there is to be told since the last call: which queries were taken over."""
        while self._told:
            yield self._told.popleft()

    def look_in_turn(self) -> None:
        """Looks, if it is time to: called each `LOOK` seconds."""
        if time.monotonic() - self._looked >= LOOK * (self._owners / A_FEW - 0.5):
            self.look()

    def look(self) -> None:
        """Closes the open trials of owners that are dead, so that they are made anew, and lifts their claims."""
        with self._looking:
            # Trials first: an owner writes its claim before it has any.
            trials = self.study._storage.get_all_trials(
                self.study._study_id, deepcopy=False, states=(TrialState.RUNNING,)
            )
            found = claims_of(self.claim.storage, self.study._study_id)
            living = {claim["id"] for claim in found if claim["id"] == self.claim.id or self._lives(claim)}
            self._looked, self._owners = time.monotonic(), len(found)
            for trial in trials:
                if self._is_left(trial, living):
                    self._take_over(trial, {claim["id"]: claim for claim in found})
            for claim in found:
                if claim["id"] not in living:
                    key = claims.PREFIX + claim["id"]
                    self.claim.storage.set_study_system_attr(self.study._study_id, key, None)

    def _lives(self, claim: Mapping[str, Any]) -> bool:
        """Whether an owner lives: one of another machine by its signs of life, timed by the clock of this one."""
        if claim["process"]["machine"] == this_process()["machine"]:
            return is_alive(claim)
        seen, now = self._beats.get(claim["id"]), time.monotonic()
        if seen is None or seen[0] != claim["beat"]:
            self._beats[claim["id"]] = claim["beat"], now
            return True
        return now - seen[1] < claims.PATIENCE

    def _is_left(self, trial: FrozenTrial, living: set[str]) -> bool:
        owner = trial.user_attrs.get(OWNER)
        if owner is not None:
            return owner not in living
        # One that was enqueued is nobody's for the moment between its start and its mark.
        first = self._ownerless.setdefault(trial._trial_id, time.monotonic())
        return time.monotonic() - first > claims.PATIENCE

    def _take_over(self, trial: FrozenTrial, known: Mapping[str, Mapping[str, Any]]) -> None:
        trial = self.study._storage.get_trial(trial._trial_id)  # as its owner left it, who may have lived a moment ago
        if not close_trial(self.study, trial):
            return  # another was faster, or it has ended
        claim, arch = known.get(trial.user_attrs.get(OWNER, "")), trial.user_attrs.get(ARCHITECTURE)
        who = f"process {claim['pid']} on {claim['process']['machine'][0]}" if claim else "the process of a query"
        self._told.append(f"{who} is gone: its query of {arch or 'no architecture yet'} is made anew")


class OwnedStorage(GuardedStorage):
    """A storage in which every new trial is marked as this process's own, from its first moment on.

    Args:
        storage: As `GuardedStorage`, or one.
        where: What messages call it.
        owner: The id of a claim.
    """

    def __init__(self, storage: BaseStorage, where: str, owner: str) -> None:
        super().__init__(getattr(storage, "storage", storage), where)
        self.owner = owner

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """As Optuna's storages do."""
        own = template_trial or FrozenTrial(
            number=-1,
            trial_id=-1,
            state=TrialState.RUNNING,
            value=None,
            values=None,
            datetime_start=datetime.now(),
            datetime_complete=None,
            params={},
            distributions={},
            user_attrs={OWNER: self.owner},
            system_attrs={},
            intermediate_values={},
        )
        return self.__getattr__("create_new_trial")(study_id, own)


@contextmanager
def one_of_the_owners(study: optuna.Study, where: str, begin: Callable[[Owners], None]) -> Iterator[Owners]:
    """Joins those who search a study together; the first one begins it.

    One after the other has the study alone for a moment, to begin, the oldest claim first. Each writes that it waits,
    then reads all claims: of two that do so at once, at least one sees the other. The newer one steps back into the
    queue; the older one waits until it has.

    Args:
        study: The study; its storage marks the new trials, from here on.
        where: What messages call its storage.
        begin: Called with the owners while no other begins.

    Raises:
        InputError: A search holds the study alone.
        KeyboardInterrupt: From `check_interrupt()`.
    """
    claim = Claim(study)
    if in_memory(claim.storage):
        raise InputError("searches that share a study need a storage that all of them can reach: give out or storage")
    owners = Owners(claim, where)
    with claim.lifted():
        claims.lift_dead(claim, where, ["held"])
        _wait_for_turn(claim, owners)
        owners.look()
        begin(owners)
        claim.write("joined")
        claim.beat(owners.look_in_turn, LOOK)
        before, study._storage = study._storage, OwnedStorage(study._storage, where, claim.id)  # pyright: ignore[reportAttributeAccessIssue] - a storage in all but name
        try:
            yield owners
        finally:
            study._storage = before


def _wait_for_turn(claim: Claim, owners: Owners) -> None:
    """Returns once this process alone begins. The oldest claim is next; the others are queued until it has begun."""
    waits, beat = True, time.monotonic()
    claim.write("waiting")
    while True:
        others = owners.others()
        if alone := [other for other in others if other["state"] == "held"]:
            raise at_work(alone, claim.study, owners.where)
        before = [other for other in others if other["state"] in ("waiting", "queued", "beginning")]
        ahead = sum(other["state"] == "beginning" or claim.is_after(other) for other in before)
        is_next = not ahead
        if waits and not any(other["state"] != "queued" for other in before):
            claim.write("beginning")
            return
        if waits != is_next or time.monotonic() - beat > claims.BEAT:
            waits, beat = is_next, time.monotonic()
            claim.write("waiting" if waits else "queued")  # and looks again: another may have done so, too
            continue
        check_interrupt()
        time.sleep(0.05 if waits else min(0.1 * max(ahead, 2), MOST_PAUSE) * random.uniform(0.5, 1.5))


def check_joins(storage: BaseStorage, identity: Mapping[str, Any], budget: int, where: str) -> None:
    """Makes sure that a search has the budget of those of its kind that are at work.

    Args:
        storage: The storage of the studies.
        identity: What the history of the search depends on.
        budget: Its budget.
        where: What messages call the storage.

    Raises:
        InputError: Processes are at work on the same search with another budget.
    """
    for study in searches(storage):
        held = study.user_attrs.get(BUDGET)
        if held in (None, budget) or difference(study.user_attrs[IDENTITY], identity):
            continue
        if claims.living_claims(storage, study._study_id):
            raise InputError(f"budget {budget}: the searches at work in {where} have {held}: give the same to all")


def check_alike(owners: Owners, identity: Mapping[str, Any]) -> None:
    """Makes sure that those at work on a study make the same search.

    Args:
        owners: Of the study.
        identity: What the history of this search depends on.

    Raises:
        InputError: They make another one.
    """
    if owners.at_work() and (other := difference(owners.study.user_attrs.get(IDENTITY), identity)):
        name = owners.study.study_name
        raise InputError(f"those at work on study {name!r} make another search ({other}): give all the same options")


def close_own(owners: Owners) -> None:
    """Closes what this process leaves open, so that the others make it anew at once."""
    for trial in owners.study.get_trials(deepcopy=False):
        if not trial.state.is_finished() and owners.is_mine(trial) and SKIPPED not in trial.user_attrs:
            with suppress(UpdateFinishedTrialError):
                close_trial(owners.study, trial, interrupted=True)

"""The studies that a storage holds of searches: which one goes on, which values are taken over, what is refused."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import optuna
from optuna.pruners import BasePruner, NopPruner
from optuna.storages import BaseStorage
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState

from untrained.errors import InputError
from untrained.objectives import Direction
from untrained.runtime.identity import difference
from untrained.samplers.query import ARCHITECTURE, SKIPPED, Query, best_queries
from untrained.searching.attributes import BEFORE, BEGUN, BUDGET, IDENTITY, PLAN, POOL_SIZE, VERSIONS
from untrained.searching.attributes import TOTAL_SECONDS as TOTAL_SECONDS
from untrained.searching.identity import EVALUATION, changed, trunk
from untrained.searching.storage import StorageFailed, UpdateFinishedTrialError
from untrained.searching.tradeoffs import axes_of, kept_order

GROWN = "grown "
"""Begins the attributes of a study that hold what joined the pool: "grown 3", before the fourth query."""

TRIED = "tried"
"""Attribute of a trial whose evaluation began in this process: how often this architecture was tried, this time too."""
INTERRUPTED, DIED = "interrupted", "died"
"""Why a trial is no query: it was stopped in good order, or its process was gone when the study was opened again."""


def searches(storage: BaseStorage) -> list[FrozenStudy]:
    """Lists the studies of searches in a storage, oldest first."""
    found = [study for study in storage.get_all_studies() if IDENTITY in study.user_attrs]
    return sorted(found, key=lambda study: study._study_id)


def has_history(storage: BaseStorage, study_id: int) -> bool:
    """Tells whether a study holds a finished trial that was not skipped. Without one, another search may use it."""
    trials = storage.get_all_trials(study_id, deepcopy=False)
    return any(trial.state.is_finished() and SKIPPED not in trial.user_attrs for trial in trials)


def latest_search(storage: BaseStorage) -> FrozenStudy | None:
    """Finds the study whose search began, or went on, last; None if there is none."""
    return max(searches(storage), key=lambda study: study.user_attrs.get(BEGUN, 0.0), default=None)


def check_shared(
    storage: BaseStorage, name: str | None, identity: Mapping[str, Any], recipe: Sequence[str], where: str
) -> None:
    """Makes sure that a search evaluates as the others of its storage do.

    Args:
        storage: The storage of the studies.
        name: Look at the study of this name only.
        identity: The evaluation of the new search.
        recipe: Keys of the objective's identity in which two searches may differ.
        where: What messages call the storage.

    Raises:
        InputError: Another search there has another space, objective, data or code.
    """
    wanted = trunk(identity, recipe)
    for study in searches(storage):
        if name not in (None, study.study_name) or not has_history(storage, study._study_id):
            continue
        if other := changed(trunk(study.user_attrs[IDENTITY], recipe), wanted):
            first = "move it to a file" if "cannot be read" in other else "undo the change"
            remedy = f"{first}, or give another folder or storage"
            raise InputError(f"{where} holds another search ({other}): {remedy}")


def choose_study(storage: BaseStorage, identity: Mapping[str, Any], budget: int, name: str) -> str:
    """Finds the study that a search goes on with, or a name for a new one.

    A study of the same search goes on if its budget was the same or smaller; with a smaller budget than all of them, a
    search starts a study of its own, and takes over their values.

    Args:
        storage: The storage of the studies.
        identity: What the history of the search depends on.
        budget: Its budget.
        name: What to call a new study.

    Returns:
        The name of the study.
    """
    everything = {study.study_name: study for study in searches(storage)}
    same = [study for study in everything.values() if not difference(study.user_attrs[IDENTITY], identity)]
    fitting = [study for study in same if study.user_attrs.get(BUDGET, 0) <= budget]
    if fitting:
        return max(fitting, key=lambda study: study.user_attrs.get(BUDGET, 0)).study_name
    return f"{name}-{budget}" if name in everything else name


def open_study(storage: BaseStorage, name: str, direction: Direction, pruner: BasePruner | None) -> optuna.Study:
    """Opens a study, or makes it. One that exists is not written to.

    Args:
        storage: The storage of the study.
        name: The name of the study.
        direction: "maximize" or "minimize"; of an existing study, its own counts.
        pruner: Stops evaluations early; None for none.

    Returns:
        The study.
    """
    pruner = pruner or NopPruner()
    if name in {study.study_name for study in storage.get_all_studies()}:
        return optuna.load_study(study_name=name, storage=storage, pruner=pruner)
    try:
        return optuna.create_study(study_name=name, storage=storage, pruner=pruner, direction=direction)
    except optuna.exceptions.DuplicatedStudyError:  # another process was faster
        return optuna.load_study(study_name=name, storage=storage, pruner=pruner)


def check_same(study: optuna.Study, identity: Mapping[str, Any], where: str) -> None:
    """Makes sure that a study that has trials is of this very search.

    Args:
        study: The study.
        identity: What the history of the search depends on.
        where: What messages call the storage.

    Raises:
        InputError: It is of another one, or of no search.
    """
    is_bound = has_history(study._storage, study._study_id)
    if is_bound and (other := changed(study.user_attrs.get(IDENTITY), identity)):
        raise InputError(f"{where} holds another search ({other}): give another study_name, folder or storage")


def check_versions(study: optuna.Study, now: Mapping[str, str], where: str) -> None:
    """Makes sure that a search goes on with the versions of packages that it began with.

    Args:
        study: The study.
        now: Package -> its version (`versions`).
        where: What messages call the storage.

    Raises:
        InputError: A version differs.
    """
    is_bound = has_history(study._storage, study._study_id)
    if is_bound and (other := difference(study.user_attrs.get(VERSIONS), now)):
        raise InputError(
            f"the search in {where} was made with other versions ({other}): go on with those, or give another folder"
        )


def begin(
    study: optuna.Study,
    identity: Mapping[str, Any],
    versions: Mapping[str, str],
    budget: int,
    pool: int,
    plan: Mapping[str, Any],
    *,
    is_alone: bool = True,
) -> None:
    """Writes to a study what its search is, and closes the trials that a dead process left open.

    Args:
        study: The study.
        identity: What the history of the search depends on.
        versions: Package -> its version.
        budget: Number of queries.
        pool: Number of architectures to choose from.
        plan: See `PLAN`.
        is_alone: Whether no other process is at work on it, whose trials those are, and who has begun it.
    """
    wanted = {IDENTITY: dict(identity), VERSIONS: dict(versions), BUDGET: budget, POOL_SIZE: pool, PLAN: dict(plan)}
    held = study.user_attrs
    if is_alone:
        wanted |= {BEGUN: time.time(), BEFORE: held.get(TOTAL_SECONDS, 0.0)}
    for key, value in wanted.items():
        if held.get(key) != value:
            study.set_user_attr(key, value)
    if is_alone:
        _close(study, DIED)


def begin_with(study: optuna.Study, values: Mapping[str, Any]) -> None:
    """Lets the first query have these hyper-parameters; one that has been made stays as it is.

    Args:
        study: The study.
        values: Hyper-parameter -> value.
    """
    if values and not has_history(study._storage, study._study_id):
        study.enqueue_trial(dict(values))


@contextmanager
def none_left_open(study: optuna.Study) -> Iterator[None]:
    """Closes the open trials of a study at the end of the block, whatever ends it: they are evaluated again later.

    A storage that is lost cannot be written to: the next start closes them.
    """
    try:
        yield
    except BaseException:
        with suppress(StorageFailed):
            _close(study, INTERRUPTED)
        raise


def _close(study: optuna.Study, why: str) -> None:
    """Ends the open trials; they do not count as queries."""
    for trial in study.get_trials(deepcopy=False):
        if not trial.state.is_finished():
            close_trial(study, trial, interrupted=why == INTERRUPTED)


def close_trial(study: optuna.Study, trial: FrozenTrial, *, interrupted: bool = False) -> bool:
    """Ends an open trial, which then is no query.

    Args:
        study: Its study.
        trial: The trial.
        interrupted: Whether it was stopped in good order; else its process is gone.

    Returns:
        Whether it was open still: of two processes that close it, one does.
    """
    reason = INTERRUPTED if interrupted or TRIED not in trial.user_attrs else DIED
    try:
        if SKIPPED not in trial.user_attrs:
            study._storage.set_trial_user_attr(trial._trial_id, SKIPPED, reason)
        return study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    except UpdateFinishedTrialError:
        return False


def grown(study: optuna.Study) -> list[str]:
    """The architectures that joined the pool of a search, in order."""
    growths = {int(k.removeprefix(GROWN)): archs for k, archs in study.user_attrs.items() if k.startswith(GROWN)}
    return [arch for k in sorted(growths) for arch in growths[k]]


def deaths(trials: Iterable[FrozenTrial]) -> Counter[str]:
    """Counts, for each architecture, the processes that ended while they evaluated it, by the trials of a study."""
    return Counter(t.user_attrs[ARCHITECTURE] for t in trials if t.user_attrs.get(SKIPPED) == DIED)


def known_elsewhere(study: optuna.Study, identity: Mapping[str, Any]) -> dict[str, FrozenTrial]:
    """Finds trials of other searches in the storage that evaluated in the same way.

    Pruned trials are left out, since they have no final value.

    Args:
        study: The study of this search.
        identity: What its history depends on.

    Returns:
        Key of a query (the architecture, with its hyper-parameters if there are any) -> a finished trial: a complete
        one if there is one, else a failed one.
    """
    found: dict[str, FrozenTrial] = {}
    for other in _alike(study, identity):
        for trial in other.get_trials(deepcopy=False):
            query = Query.from_trial(trial)
            if query is None or query.state not in ("complete", "failed"):
                continue
            if query.state == "complete" or query.key not in found:
                found[query.key] = trial
    return found


def best_elsewhere(study: optuna.Study, identity: Mapping[str, Any], most: int) -> set[str]:
    """Finds the best architectures of each other search in the storage that evaluated in the same way, as keys.

    Args:
        study: The study of this search.
        identity: What its history depends on.
        most: How many of each.
    """
    others = ((best_queries(other), axes_of(other.user_attrs[IDENTITY])) for other in _alike(study, identity))
    return {query.key for made, axes in others for query in kept_order(made, axes)[:most]}


def _alike(study: optuna.Study, identity: Mapping[str, Any]) -> Iterator[optuna.Study]:
    """The other searches in the storage whose values hold for this one, too."""
    storage, mine = study._storage, {key: identity[key] for key in EVALUATION}
    versions = study.user_attrs.get(VERSIONS, {})
    for other in searches(storage):
        is_same = not difference(other.user_attrs[IDENTITY], mine)
        if other._study_id == study._study_id or not is_same:
            continue
        if not difference(other.user_attrs.get(VERSIONS), versions):
            yield optuna.load_study(study_name=other.study_name, storage=storage)

"""Spending a budget: one query after the other, each recorded whatever happens."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import optuna
import torch
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from untrained.errors import InputError, one_line
from untrained.objectives import Evaluation, EvaluationFailed, EvaluationPruned, Objective
from untrained.objectives.outcome import Evaluator, Outcome
from untrained.runtime.interrupts import check_interrupt
from untrained.samplers.attributes import write_attributes
from untrained.samplers.query import (
    ARCHITECTURE,
    COST,
    FIGURES,
    HYPERPARAMETERS,
    REASON,
    REUSED,
    SECONDS,
    SKIPPED,
    TRAINED,
    Query,
    best_queries,
    key_of,
    queries,
)
from untrained.searching.allowed import NOTHING, Allowed
from untrained.searching.callbacks import Callback, call_back
from untrained.searching.growth import Growth
from untrained.searching.readable import Readable
from untrained.searching.studies import TRIED, deaths, none_left_open
from untrained.searching.tradeoffs import kept_order, keys_to_keep
from untrained.searching.weights import KeptWeights
from untrained.spaces import SearchSpace

MOST_SKIPPED = 1_000
"""A sampler that proposes so many known or impossible architectures in a row is given up."""
MOST_TRIES = 2
"""An architecture whose evaluation ended so many processes is a failed query."""
LONGEST_REASON = 300

OnQuery = Callable[[Query, int, int], None]
"""Called with (a finished query, queries done, budget)."""


@dataclass
class Spender:
    """Spends what is left of a budget on the architectures that a study's sampler proposes.

    Args:
        study: The study; what it holds counts.
        space: The space of the architectures.
        objective: Knows which architectures can be evaluated.
        evaluator: Evaluates them; as many at a time as it can.
        weights: Keeps those of the best query.
        elsewhere: Key of a query -> a finished trial of another study whose value is taken over.
        on_query: Called after each query.
        deadline: A time of `time.monotonic`, after which no query begins, but for a first one.
        allowed: Which architectures may be evaluated, whatever a sampler proposes.
        growth: Lets the pool grow before each query; None for a pool that stays as it is.
        readable: Knows what else a trial says, for people.
        callbacks: Called with (study, trial) after each query.
    """

    study: optuna.Study
    space: SearchSpace
    objective: Objective
    evaluator: Evaluator
    weights: KeptWeights
    elsewhere: Mapping[str, FrozenTrial]
    on_query: OnQuery | None = None
    deadline: float = math.inf
    allowed: Allowed = NOTHING
    growth: Growth | None = None
    readable: Readable | None = None
    callbacks: Sequence[Callback] = ()

    def spend(self, budget: int) -> None:
        """Makes queries until there are `budget` of them, or the deadline has passed.

        Raises:
            InputError: The sampler proposes nothing new, the first query broke, or the storage failed.
            KeyboardInterrupt: After Ctrl-C, SIGTERM or SIGHUP.
        """
        with none_left_open(self.study):
            self._known = {query.architecture: query for query in queries(self.study)}
            self._died = deaths(self.study.get_trials(deepcopy=False))
            self._running = set[str]()
            self._asked = dict[int, set[str]]()
            self._skipped = 0
            self._spend(budget)

    def _spend(self, budget: int) -> None:
        while len(self._known) < budget:
            check_interrupt()
            is_full = len(self._running) == min(self.evaluator.jobs, budget - len(self._known))
            if not (is_full or self._is_late()) and self._begin(budget):
                continue
            if not self._running:
                return
            outcome = self.evaluator.end()
            self._record(outcome)
            self._running.discard(outcome.arch)
            self._note(cast(optuna.Trial, outcome.trial), budget)

    def _is_late(self) -> bool:
        """Whether no query is to begin any more, as the time is over, or would be before half of the query is done."""
        if self.deadline == math.inf or not (self._known or self._running):
            return False
        took = sorted(q.seconds for q in self._known.values() if q.seconds is not None and not q.reused)
        soonest = took[len(took) // 4] if took else 0.0
        return time.monotonic() + soonest / 2 >= self.deadline

    def _begin(self, budget: int) -> bool:
        """Asks for an architecture and begins its query; False if it is running already: there is time to wait."""
        if self.growth is not None:
            self.growth.reach(len(self._known) + len(self._running))
        trial = self.study.ask()
        suggested = self.space.suggest(trial)
        arch = trial.user_attrs.get(ARCHITECTURE) or suggested
        if ARCHITECTURE not in self._frozen(trial).user_attrs:  # a sampler of this package has written it
            trial.set_user_attr(ARCHITECTURE, arch)
        if why := self._no_query(trial, arch):
            self._skip(trial, arch, why)
            return arch not in self._running
        self._skipped = 0
        known = self.allowed.known_of(arch)
        self._write(trial, {FIGURES: known} if known else {}, self.readable and self.readable.before(arch))
        self._asked[trial.number] = set(trial.params)  # what is asked for later is no part of the architecture
        self.objective.suggest(trial)
        if (key := key_of(arch, self._note_further(trial))) in self.elsewhere:
            self._take_over(trial, self.elsewhere[key])
        elif self._died[arch] >= MOST_TRIES and not self.evaluator.is_safe:
            times = f"{self._died[arch]} times"
            trial.set_user_attr(REASON, f"evaluating it ended the process {times} (a crash, or out of memory)")
            self._tell(trial, None)
        else:
            if not self.evaluator.is_safe:
                trial.set_user_attr(TRIED, self._died[arch] + 1)
            self._running.add(arch)
            self.evaluator.begin(arch, trial)
            return True
        self._note(trial, budget)
        return True

    def _skip(self, trial: optuna.Trial, arch: str, why: str) -> None:
        self._skipped += arch not in self._running
        if self._skipped == MOST_SKIPPED:
            proposed = f"the sampler proposed {self._skipped} architectures in a row of which none is new"
            raise InputError(f"{proposed}: {why}")
        trial.set_user_attr(SKIPPED, why)
        self._tell(trial, self._known[arch].value if arch in self._known else None)

    def _note_further(self, trial: optuna.Trial) -> dict[str, Any]:
        """Writes down what else was asked for, beside the architecture."""
        own = self._asked[trial.number]
        found = {name: value for name, value in trial.params.items() if name not in own}
        if found != trial.user_attrs.get(HYPERPARAMETERS, {}):
            trial.set_user_attr(HYPERPARAMETERS, found)
        return found

    def _note(self, trial: optuna.Trial, budget: int) -> None:
        """Counts a query that has ended."""
        query = Query.from_trial(self._frozen(trial))
        assert query is not None
        self._known[query.architecture] = query
        if self.on_query:
            self.on_query(query, len(self._known), budget)
        if self.callbacks:
            call_back(self.callbacks, self.study, self._frozen(trial))

    def _no_query(self, trial: optuna.Trial, arch: str) -> str:
        """Why `arch` is not to be evaluated; "" if it is."""
        if arch in self._known or arch in self._running:
            return "repeated"
        try:
            self.space.to_params(arch)  # a foreign sampler may propose what the space excludes
            self.objective.check(arch)
        except InputError as error:
            return str(error)
        return self.allowed.why_not(arch)

    def _take_over(self, trial: optuna.Trial, found: FrozenTrial) -> None:
        """Records the outcome of another study's query."""
        held = found.user_attrs
        own = {key: held[key] for key in (COST, REASON, TRAINED) if key in held} | {SECONDS: 0.0, REUSED: True}
        figures = held.get(FIGURES, {})
        own |= self._with_known(trial, figures)
        self._write(trial, own, self.readable and self.readable.after(held[ARCHITECTURE], figures))
        self._tell(trial, found.values[0] if found.state == TrialState.COMPLETE else None)

    def _record(self, outcome: Outcome) -> None:
        """Tells the study how an evaluation ended."""
        trial, lost = cast(optuna.Trial, outcome.trial), None
        further = self._note_further(trial)
        if not isinstance(outcome.result, Evaluation):
            self._fail(trial, outcome.result, outcome.seconds)
            return
        evaluation = outcome.result
        if evaluation.weights is not None:
            try:
                # Before the value is told: a kill in between makes the query again and overwrites them.
                place = self._place(outcome.arch, evaluation.value)
                self.weights.keep(key_of(outcome.arch, further), evaluation.weights, place)
            except InputError as error:  # a full disk: the value is not lost for that
                lost = error
            except TypeError as error:  # they cannot be saved
                self._fail(trial, error, outcome.seconds)
                return
        own = {SECONDS: outcome.seconds, COST: evaluation.cost_seconds}
        own |= {} if evaluation.weights is None else {TRAINED: True}
        own |= self._with_known(trial, evaluation.figures)
        self._write(trial, own, self.readable and self.readable.after(outcome.arch, evaluation.figures))
        self._tell(trial, evaluation.value)
        if lost is not None:
            raise lost
        if evaluation.weights is not None:
            self.weights.drop_all_but(lambda: keys_to_keep(self.study, self.weights.most, self.allowed.axes))

    def _fail(self, trial: optuna.Trial, error: BaseException, seconds: float) -> None:
        """Records a failed or pruned evaluation with its reason.

        If the very first query fails in a way that no objective foresees, the set-up is at fault: no budget is spent.
        """
        expected = isinstance(error, EvaluationFailed | optuna.TrialPruned | MemoryError | torch.OutOfMemoryError)
        if not expected and not queries(self.study):
            raise InputError(f"the first query broke: {one_line(error)}") from error
        is_pruned = isinstance(error, optuna.TrialPruned)
        reason = str(error) if is_pruned else f"{type(error).__name__}: {error}"
        cost = {COST: error.cost_seconds} if isinstance(error, EvaluationPruned) else {}
        self._write(trial, {SECONDS: seconds, **cost, REASON: _printable(reason)})
        self._tell(trial, None, TrialState.PRUNED if is_pruned else TrialState.FAIL)

    def _place(self, arch: str, value: float) -> int:
        """The place of a new value among those so far, in the order of what is kept; 1 is the best."""
        sign, made = -1 if self.study.direction == StudyDirection.MINIMIZE else 1, best_queries(self.study)
        better = sum(q.value is not None and sign * q.value >= sign * value for q in made)
        made.insert(better, Query(arch, value, figures=self.allowed.known_of(arch)))
        return 1 + [query.architecture for query in kept_order(made, self.allowed.axes)].index(arch)

    def _with_known(self, trial: optuna.Trial, figures: Mapping[str, float]) -> dict[str, Any]:
        """Figures beside those that were known before, as an attribute, if there are any."""
        return {FIGURES: {**figures, **trial.user_attrs.get(FIGURES, {})}} if figures else {}

    def _write(self, trial: optuna.Trial, own: Mapping[str, Any], further: Mapping[str, Any] | None = None) -> None:
        """Writes what the search reads itself, and what else there is to say, if there is nothing by that name."""
        held = {**self._frozen(trial).user_attrs, **own} if further else own
        found = {**own, **{name: value for name, value in (further or {}).items() if name not in held}}
        write_attributes(self.study._storage, trial._trial_id, found)
        trial._cached_frozen_trial.user_attrs.update(found)  # as `trial.set_user_attr` does

    def _tell(self, trial: optuna.Trial, value: float | None, state: TrialState | None = None) -> None:
        self.study.tell(trial, value, state or (TrialState.FAIL if value is None else TrialState.COMPLETE))

    def _frozen(self, trial: optuna.Trial) -> FrozenTrial:
        return self.study._storage.get_trial(trial._trial_id)


def _printable(reason: str) -> str:
    """A reason that any storage can hold."""
    text = reason.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}..."

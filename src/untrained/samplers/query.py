"""One query of a search: an architecture, what it was worth, and how it was chosen.

A study keeps a query as an Optuna trial with user attributes. Their names stand here and nowhere else.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar, cast
from weakref import WeakKeyDictionary

from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from untrained.errors import InputError
from untrained.spaces import SearchSpace

# Written by a sampler when it chooses.
ARCHITECTURE, PHASE, WEIGHTS = "architecture", "phase", "weights"
STATE, SAMPLER = "state", "sampler"
"""What a sampler remembers of its choice, and the class of the sampler that remembers it."""

# Written by who evaluates.
SECONDS, COST, REASON, TRAINED, REUSED = "seconds", "cost_seconds", "reason", "trained", "reused"
FIGURES = "figures"
HYPERPARAMETERS = "hyperparameters"
"""What else the evaluation asked the trial for, beside the architecture."""

CONSTRAINTS = "constraints"
"""Where Optuna keeps constraints, as a system attribute of a trial, and `constraints:NAME` for one with a name."""

SKIPPED = "skipped"
"""Why a trial is no query: interrupted, repeated, or impossible."""

State = Literal["complete", "failed", "pruned", "running"]

_STATES: dict[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.FAIL: "failed",
    TrialState.PRUNED: "pruned",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "running",
}


Read = TypeVar("Read")

_read: WeakKeyDictionary[Any, dict[Any, "_Read"]] = WeakKeyDictionary()
"""Storage -> (study, space, function) -> what `read_trials` has made."""


@dataclass
class _Read:
    """What was made of the finished trials of a study.

    Args:
        space: Is held, as its id stands for it.
        first: Of all trials before the first that is not finished: there may be thousands.
        others: Of the finished ones after it, by their ids.
    """

    space: SearchSpace | None
    first: list[tuple[FrozenTrial, Any]] = field(default_factory=list)
    others: dict[int, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Query:
    """One evaluation of an architecture, finished or still running.

    Args:
        architecture: What is evaluated.
        value: The objective as it was told to the study; None if the query failed or is running. The value of a
            pruned query is the last one that it reported.
        state: "complete", "failed", "pruned" (stopped early) or "running".
        number: The number of its Optuna trial, from 0; -1 outside a study.
        phase: "explore" or "exploit", as the sampler saw it; None if the sampler has no phases.
        metric_weights: Metric name -> how far the sampler trusted it.
        sampler_state: What the sampler remembers of the choice (JSON).
        sampler: The class name of that sampler.
        step: The step at which a pruned query was stopped.
        seconds: Wall-clock seconds of the evaluation.
        cost_seconds: Seconds that the training is held to cost; a tabulated training costs what it took when the table
            was made.
        reason: Why it failed or was stopped.
        trained: Whether the evaluation left trained weights.
        reused: Whether the value was taken over from another study.
        figures: What else was measured, by name.
        hyperparameters: What else was asked for, beside the architecture: name -> value.

    Example:
        >>> query = Query("width=8", value=0.9, phase="explore", metric_weights={"snip": 0.5})
        >>> query.to_json()["value"]
        0.9
    """

    architecture: str
    value: float | None = None
    state: State = "complete"
    number: int = -1
    phase: str | None = None
    metric_weights: Mapping[str, float] = field(default_factory=dict)
    sampler_state: Any = None
    sampler: str | None = None
    step: int | None = None
    seconds: float | None = None
    cost_seconds: float | None = None
    reason: str | None = None
    trained: bool = False
    reused: bool = False
    figures: Mapping[str, float] = field(default_factory=dict)
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_trial(cls, trial: FrozenTrial, space: SearchSpace | None = None) -> "Query | None":
        """Reads a query from a trial.

        Args:
            trial: A trial of any Optuna study.
            space: The space whose parameters a trial has that a foreign sampler made.

        Returns:
            The query, or None if the trial is no query: its architecture is not decided yet, or it was skipped.
        """
        attrs = trial.user_attrs
        architecture = architecture_of(trial, space)
        if architecture is None or SKIPPED in attrs:
            return None
        state = _STATES[trial.state]
        if broken := state in ("complete", "pruned") and not is_feasible(trial):
            state = "failed"
        return cls(
            architecture,
            value=trial.values[0] if state in ("complete", "pruned") and trial.values else None,
            state=state,
            number=trial.number,
            phase=attrs.get(PHASE),
            metric_weights=attrs.get(WEIGHTS, {}),
            sampler_state=attrs.get(STATE),
            sampler=attrs.get(SAMPLER),
            step=trial.last_step if state == "pruned" else None,
            seconds=attrs.get(SECONDS),
            cost_seconds=attrs.get(COST),
            reason="infeasible: a constraint is above 0" if broken else attrs.get(REASON),
            trained=attrs.get(TRAINED, False),
            reused=attrs.get(REUSED, False),
            figures=attrs.get(FIGURES, {}),
            hyperparameters=attrs[HYPERPARAMETERS] if HYPERPARAMETERS in attrs else further_of(trial, space),
        )

    @property
    def key(self) -> str:
        """What is evaluated: the architecture, and hyper-parameters if there are any."""
        return key_of(self.architecture, self.hyperparameters)

    @property
    def running(self) -> bool:
        """Whether its value is still to come."""
        return self.state == "running"

    def to_json(self) -> dict[str, Any]:
        """The query as `untrained show --json` prints it.

        `hyperparameters`, `figures`, `reason` and `reused` are there only if it has any.
        """
        document = {
            "architecture": self.architecture,
            "value": self.value,
            "phase": self.phase,
            "weights": dict(self.metric_weights),
            "seconds": self.seconds,
            "cost_seconds": self.cost_seconds,
        }
        if self.hyperparameters:
            document["hyperparameters"] = dict(self.hyperparameters)
        if self.figures:
            document["figures"] = dict(self.figures)
        if self.reason is not None:
            document["reason"] = self.reason
        return document | ({"reused": True} if self.reused else {})


def architecture_of(trial: FrozenTrial, space: SearchSpace | None = None) -> str | None:
    """The architecture of a trial.

    Args:
        trial: A trial of any Optuna study.
        space: The space whose parameters a trial has that a foreign sampler made, or that was enqueued.

    Returns:
        What a sampler wrote down, else what the parameters of the trial stand for; None before they are all decided,
        or if they break the rules of the space.
    """
    if ARCHITECTURE in trial.user_attrs or space is None:
        return trial.user_attrs.get(ARCHITECTURE)
    params = fixed_params(trial) | trial.params
    if not (space.conditional or params.keys() >= space.decisions.keys()):
        return None
    try:
        return space.arch_of_trial(params)
    except InputError:
        return None


def key_of(architecture: str, hyperparameters: Mapping[str, Any]) -> str:
    """What tells one evaluation from another: the architecture, and hyper-parameters if there are any.

    Example:
        >>> key_of("width=8", {}), key_of("width=8", {"lr": 0.1})
        ('width=8', 'width=8 {"lr": 0.1}')
    """
    return (
        f"{architecture} {json.dumps(dict(hyperparameters), sort_keys=True, default=repr)}"
        if hyperparameters
        else architecture
    )


def further_of(trial: FrozenTrial, space: SearchSpace | None) -> dict[str, Any]:
    """The parameters of a trial that are none of the space's.

    Args:
        trial: A trial of any Optuna study.
        space: The space; None for one that is not known, whose parameters are all there are.
    """
    if space is None:
        return {}
    own = space.decisions.keys()
    further = {name: value for name, value in trial.params.items() if name not in own}
    arch = architecture_of(trial, space) if further else None
    taken = () if arch is None else space.decisions_of(arch)  # a function may ask for more than was found
    return {name: value for name, value in further.items() if name not in taken}


def is_feasible(trial: FrozenTrial) -> bool:
    """Whether no constraint of a trial is above 0."""
    attrs = trial.system_attrs
    named = [value for key, value in attrs.items() if key.startswith(f"{CONSTRAINTS}:")]
    return all(value <= 0 for value in (*(attrs.get(CONSTRAINTS) or ()), *named))


def fixed_params(trial: FrozenTrial) -> dict[str, Any]:
    """The parameters that an enqueued trial is bound to have."""
    return trial.system_attrs.get("fixed_params", {})


def read_trials(
    study: Study, space: SearchSpace | None, read: Callable[[FrozenTrial, SearchSpace | None], Read]
) -> list[tuple[FrozenTrial, Read]]:
    """Reads all trials of a study, each finished one once: it does not change any more, and there may be thousands.

    Args:
        study: Any Optuna study.
        space: The space of its trials, as `read` takes it.
        read: What is made of a trial. It must not depend on anything else.

    Returns:
        Each trial, and what was made of it.
    """
    # Not `study.get_trials`: with Hyperband, Optuna hands samplers a study that shows the trials of one bracket only.
    trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
    known = _read.setdefault(study._storage, {}).setdefault((study._study_id, id(space), read), _Read(space))
    first = known.first
    if first and (len(first) > len(trials) or trials[len(first) - 1]._trial_id != first[-1][0]._trial_id):
        first = []
    rest, finished = list[tuple[FrozenTrial, Read]](), 0
    for trial in trials[len(first) :]:
        number = trial._trial_id  # that in the study is looked up
        made = known.others.get(number, known)
        made = read(trial, space) if made is known else made
        rest.append((trial, made))
        if trial.state.is_finished():
            known.others[number] = made
            finished += finished == len(rest) - 1
    if finished:
        known.first = first + rest[:finished]  # not in place: other threads read, too
        for trial, _ in rest[:finished]:
            known.others.pop(trial._trial_id, None)
    return first + rest


def queries(study: Study, space: SearchSpace | None = None, *, running: bool = False) -> list[Query]:
    """The queries of a study in the order of their trials.

    Args:
        study: Any Optuna study.
        space: The space whose parameters a trial has that a foreign sampler made.
        running: Whether queries without a result yet are among them.

    Returns:
        The queries; trials that were skipped are none.
    """
    found = (query for _, query in read_trials(study, space, Query.from_trial))
    return [query for query in found if query is not None and (running or not query.running)]


def best_queries(study: Study) -> list[Query]:
    """The queries with a value, best first; of equal ones the earlier first. A pruned query is not among them."""
    return best_of(queries(study), study.directions[0])


def best_of(made: Iterable[Query], direction: StudyDirection) -> list[Query]:
    """Of these queries, those with a value, best first, as `best_queries` gives those of a study."""
    done = [query for query in made if query.state == "complete" and query.value is not None]
    sign = 1 if direction == StudyDirection.MINIMIZE else -1
    return sorted(done, key=lambda query: sign * cast(float, query.value))


def best_query(study: Study) -> Query | None:
    """The first query with the best value, or None without any; a pruned query is no candidate."""
    return next(iter(best_queries(study)), None)


def read_history(study: Study, space: SearchSpace, sampler: str) -> list[Query]:
    """The queries of a study as its sampler sees them, running ones included.

    Args:
        study: A study of one objective.
        space: The space of the sampler's table.
        sampler: The class name of the sampler; what another one remembers is left out.

    Returns:
        The queries in the order of their trials. Their values are turned so that higher is better.
    """
    minimised = study.directions[0] == StudyDirection.MINIMIZE
    return [_as_seen(query, sampler, minimised) for query in queries(study, space, running=True)]


def _as_seen(query: Query, sampler: str, minimised: bool) -> Query:
    if query.sampler not in (None, sampler):
        query = replace(query, sampler_state=None)
    return replace(query, value=-query.value) if minimised and query.value is not None else query

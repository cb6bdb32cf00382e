"""Queries, as they are read from the trials of a study."""

import random
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from toy import MLPs
from untrained.samplers.query import Query, best_query, queries, read_history

SPACE = MLPs()


def add(
    study: optuna.Study,
    value: float | None,
    state: TrialState = TrialState.COMPLETE,
    steps: dict[int, float] | None = None,
    **attrs: Any,
) -> None:
    study.add_trial(create_trial(state=state, value=value, user_attrs=attrs, intermediate_values=steps))


@pytest.fixture
def study() -> optuna.Study:
    """Seven trials, five of which are queries: complete, failed, pruned, complete, running."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize")
    add(
        study,
        0.25,
        architecture="a",
        phase="explore",
        weights={"snip": 0.5},
        seconds=3.0,
        cost_seconds=60.0,
        trained=True,
    )
    add(study, None, TrialState.FAIL, architecture="b", reason="it broke")
    add(study, None, TrialState.FAIL, architecture="b", skipped="interrupted")
    add(study, 0.125, TrialState.PRUNED, steps={2: 0.5, 4: 0.125}, architecture="c", reason="stopped")
    add(study, 0.25, architecture="d", sampler="Other")
    study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs={"architecture": "e"}))
    study.add_trial(create_trial(state=TrialState.RUNNING))  # its sampler has not chosen yet
    return study


def test_each_state(study: optuna.Study) -> None:
    complete, failed, pruned, other = queries(study)
    assert complete == Query(
        "a",
        0.25,
        number=0,
        phase="explore",
        metric_weights={"snip": 0.5},
        seconds=3.0,
        cost_seconds=60.0,
        trained=True,
    )
    assert failed == Query("b", None, "failed", number=1, reason="it broke")
    assert pruned == Query("c", 0.125, "pruned", number=3, step=4, reason="stopped")
    assert (other.state, other.sampler) == ("complete", "Other")
    assert [query.architecture for query in queries(study, running=True) if query.running] == ["e"]


def test_json_has_a_reason_only_if_there_is_one(study: optuna.Study) -> None:
    complete, failed = queries(study)[:2]
    assert complete.to_json() == {
        "architecture": "a",
        "value": 0.25,
        "phase": "explore",
        "weights": {"snip": 0.5},
        "seconds": 3.0,
        "cost_seconds": 60.0,
    }
    assert failed.to_json()["reason"] == "it broke"


def test_the_best_is_the_first_of_equals_and_never_a_stopped_one(study: optuna.Study) -> None:
    best = best_query(study)
    assert best is not None
    assert best.architecture == "a"
    assert best_query(optuna.create_study()) is None


def test_samplers_see_values_of_which_higher_is_better(study: optuna.Study) -> None:
    history = read_history(study, SPACE, "RoBoT")
    assert [query.value for query in history] == [-0.25, None, -0.125, -0.25, None]
    assert [query.architecture for query in history] == list("abcde")


def test_what_another_sampler_remembers_is_left_out() -> None:
    study = optuna.create_study()
    study.add_trial(create_trial(value=1.0, user_attrs={"architecture": "a", "sampler": "RoBoT"}))
    study.add_trial(create_trial(value=1.0, user_attrs={"architecture": "b", "state": [1, 2], "sampler": "RoBoT"}))
    assert [query.sampler_state for query in read_history(study, SPACE, "RoBoT")] == [None, [1, 2]]
    assert [query.sampler_state for query in read_history(study, SPACE, "HNAS")] == [None, None]


def test_a_foreign_sampler_is_read_through_the_space() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    trial = study.ask(dict(SPACE.distributions))
    study.tell(trial, 1.0)
    assert queries(study) == []
    assert [query.architecture for query in queries(study, SPACE)] == [SPACE.to_arch(trial.params)]


def test_what_has_been_read_is_what_there_is_in_whatever_order_trials_end() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rng = random.Random(0)
    for study in (optuna.create_study(), optuna.create_study()):
        running = list[optuna.Trial]()
        for number in range(60):
            if running and rng.random() < 0.5:
                ended = running.pop(rng.randrange(len(running)))
                study.tell(ended, *rng.choice([(float(number), None), (None, TrialState.FAIL)]))
            else:
                running.append(study.ask())
                running[-1].set_user_attr("architecture", f"{number}")
            fresh = [Query.from_trial(trial) for trial in study.get_trials()]
            assert queries(study, running=True) == fresh
            assert queries(study) == [query for query in fresh if query is not None and not query.running]

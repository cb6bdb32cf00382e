"""Evaluations in the workers of an executor."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any

import optuna
import pytest
import torch

from toy import MLPs, toy_batch, training_objective
from untrained.errors import InputError
from untrained.objectives import Evaluation, EvaluationFailed, Objective
from untrained.objectives.apart import Here, evaluator
from untrained.objectives.outcome import Outcome
from untrained.runtime.executors import Executors


class Acting(Objective):
    """An objective whose architectures are names of what is done."""

    def __init__(self, **actions: Callable[[Any], Any]) -> None:
        self.actions = actions

    @property
    def identity(self) -> dict[str, str]:
        return {"kind": "acting"}

    def __call__(self, arch: str, trial: Any = None) -> Any:
        return self.actions[arch](trial)


def outcome(objective: Objective, arch: str, trial: optuna.Trial | None = None, **options: Any) -> Outcome:
    with (
        ThreadPoolExecutor(1) as pool,
        closing(evaluator(objective, executors=Executors(pool), **options)) as evaluates,
    ):
        evaluates.begin(arch, trial)
        return evaluates.end()


def test_the_values_and_the_weights_are_those_of_this_process_to_the_bit() -> None:
    space = MLPs()
    training = training_objective(space, toy_batch(60, 1), toy_batch(30, 2), epochs=2, batch_size=64)
    arch = next(iter(space))
    here = Here(training)
    here.begin(arch)
    expected = here.end().evaluation
    found = outcome(training, arch).evaluation
    assert found.value == expected.value
    assert expected.weights is not None
    assert found.weights is not None
    assert all(torch.equal(found.weights[name], expected.weights[name]) for name in expected.weights)


def tells(trial: Any) -> Evaluation:
    trial.set_user_attr("note", [trial.number, trial.params, trial.user_attrs["before"]])
    trial.report(0.5, 1)
    trial.report(torch.tensor(0.25), 2)
    assert not trial.should_prune()
    assert trial.suggest_float("rate", 0.0, 1.0) == trial.params["rate"]
    return Evaluation(trial.params["rate"])


def test_what_an_evaluation_tells_its_trial_comes_back_with_the_result() -> None:
    study = optuna.create_study()
    trial = study.ask()
    trial.set_user_attr("before", "x")
    rate = trial.suggest_float("rate", 0.5, 0.5)
    assert outcome(Acting(tells=tells), "tells", trial).evaluation.value == rate
    study.tell(trial, rate)
    assert study.trials[0].intermediate_values == {1: 0.5, 2: 0.25}
    assert study.trials[0].user_attrs == {"before": "x", "note": [0, {"rate": 0.5}, "x"]}


def fails(trial: Any) -> float:
    trial.report(3.0, 7)
    raise EvaluationFailed("diverged")


def test_a_failure_comes_back_by_its_name_with_what_was_told_before() -> None:
    study = optuna.create_study()
    trial = study.ask()
    error = outcome(Acting(fails=fails), "fails", trial).result
    assert isinstance(error, EvaluationFailed)
    assert str(error) == "diverged"
    assert study.trials[0].intermediate_values == {7: 3.0}


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda trial: trial.suggest_float("rate", 0, 1), "parameter 'rate' cannot be asked for in a worker"),
        (lambda trial: trial.study, "no 'study' in a worker of an executor"),
    ],
)
def test_what_only_the_owner_of_the_study_knows_is_refused(action: Any, message: str) -> None:
    with pytest.raises(Exception, match=message):
        _ = outcome(Acting(asks=action), "asks", optuna.create_study().ask()).evaluation


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": 3.0}, "a limit for each training"),
        ({"isolate": False}, "leave out isolate=False"),
        ({"on_step": print}, "on_step of the objective cannot be called"),
        ({"lock": (n for n in ())}, "the objective cannot be sent to an executor's workers: TypeError"),
    ],
)
def test_what_does_not_reach_a_worker_is_told_at_once(options: dict[str, Any], message: str) -> None:
    objective: Any = Acting()
    for name in ("on_step", "lock"):
        setattr(objective, name, options.pop(name, None))
    with pytest.raises(InputError, match=message):
        outcome(objective, "", **options)


def test_a_worker_that_is_lost_is_a_failed_query() -> None:
    class Losing:
        def submit(self, *_: Any) -> "Future[Any]":
            future = Future[Any]()
            future.set_exception(ConnectionError("gone"))
            return future

    executors = Executors(Losing())  # pyright: ignore[reportArgumentType] - as good as one
    with closing(evaluator(Acting(), jobs=1, executors=executors)) as evaluates:
        evaluates.begin("a")
        result = evaluates.end().result
    assert isinstance(result, EvaluationFailed)
    assert "lost 2 times (ConnectionError: gone)" in str(result)

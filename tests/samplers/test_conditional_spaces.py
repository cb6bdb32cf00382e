"""Every sampler in a space whose decisions depend on others, stopped and gone on with; and Optuna's own."""

from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.storages import InMemoryStorage

import untrained
from spaces.functions import branches, layers
from untrained.samplers import SAMPLERS
from untrained.samplers.encoded import Encoded
from untrained.samplers.query import Query
from untrained.samplers.reinforce import REINFORCE
from untrained.scores import ScoreTable
from untrained.searching.search import search

pytestmark = pytest.mark.filterwarnings("ignore:Choices for a categorical distribution")

SPACE = untrained.space(layers)
ARCHS = SPACE.pool()
FORKED = untrained.space(branches)


def value(arch: str) -> float:
    """The width of the last layer, less of each further one."""
    params = SPACE.to_params(arch)
    return params[f"width{params['depth'] - 1}"] - params["depth"]


def forked_value(arch: str) -> float:
    params = FORKED.to_params(arch)
    return params.get("channels", params.get("width", 0)) + params.get("drop", 0)


COLUMNS = ("synflow", *sorted({group[0] for info in SAMPLERS.values() for group in info.metrics} - {"synflow"}))
SCORES = np.random.default_rng(0).uniform(1, 2, size=(len(ARCHS), len(COLUMNS)))


@pytest.mark.parametrize("name", [name for name, info in SAMPLERS.items() if not info.takes_metric])
def test_a_search_that_was_stopped_goes_on_as_it_would_have(name: str, tmp_path: Path) -> None:
    table = ScoreTable(tuple(ARCHS), COLUMNS, SCORES)

    def stop(query: Any, done: int, budget: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    def run(**options: Any) -> list[str]:
        result = search(SPACE, value, budget=9, sampler=name, scores=table, **options)
        return [query.architecture for query in result.queries]

    kept = {"out": tmp_path} if name == "tpe" else {"storage": InMemoryStorage()}
    whole = run()
    with pytest.raises(KeyboardInterrupt):
        run(**kept, on_query=stop)
    assert run(**kept) == whole
    assert len(set(whole)) == 9
    assert set(whole) <= set(ARCHS)


@pytest.mark.parametrize(
    "sampler",
    [
        optuna.samplers.RandomSampler(seed=0),
        optuna.samplers.TPESampler(seed=0, n_startup_trials=4),
        optuna.samplers.NSGAIISampler(seed=0, population_size=4),
        optuna.samplers.GPSampler(seed=0, n_startup_trials=4),
    ],
    ids=["random", "tpe", "nsga2", "gp"],
)
def test_samplers_of_optuna_are_asked_as_in_optuna(sampler: optuna.samplers.BaseSampler) -> None:
    archs = FORKED.pool()
    table = ScoreTable(tuple(archs), ("m",), np.arange(float(len(archs)))[:, None])
    result = search(FORKED, forked_value, budget=10, sampler=sampler, scores=table)
    assert len({query.architecture for query in result.queries}) == 10
    for trial in result.study.trials:
        arch = trial.user_attrs["architecture"]
        assert trial.params == FORKED.to_params(arch)
        assert trial.distributions == FORKED.study_distributions(arch)


@pytest.mark.parametrize("name", ["mixture", "rea", "reinforce"])
def test_samplers_in_a_study_whose_objective_asks_for_itself(name: str) -> None:
    """The function is called with the study's own trial, as in any study of Optuna's."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    archs = FORKED.pool()
    table = ScoreTable(tuple(archs), ("m",), np.arange(float(len(archs)))[:, None])
    sampler = untrained.samplers.get_sampler(name, table, FORKED, 8, 0)
    study = optuna.create_study(direction="maximize", sampler=sampler)

    def objective(trial: optuna.Trial) -> float:
        branches(trial)
        return trial.params.get("channels", 0)

    study.optimize(objective, n_trials=8)
    asked = [FORKED.arch_of_trial(trial.params) for trial in study.trials]
    assert asked == [trial.user_attrs["architecture"] for trial in study.trials]
    assert len(set(asked)) == 8


def test_an_enqueued_trial_is_completed() -> None:
    """What its values bring along is drawn; the values themselves are kept."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    archs = FORKED.pool()
    table = ScoreTable(tuple(archs), ("m",), np.arange(float(len(archs)))[:, None])
    study = optuna.create_study(sampler=untrained.samplers.get_sampler("random", table, FORKED, 8, 0))
    study.enqueue_trial({"kind": "mlp", "deep": True})
    trial = study.ask()
    params = FORKED.to_params(FORKED.suggest(trial))
    assert (params["kind"], params["deep"]) == ("mlp", True)
    assert params.keys() == {"kind", "width", "deep", "drop"}


def test_a_model_of_all_decisions_is_told_the_first_value_of_those_not_taken() -> None:
    seen = list[dict[str, Any]]()

    class Spy(optuna.samplers.RandomSampler):
        def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
            seen[:] = [told.params for told in study.get_trials(states=[optuna.trial.TrialState.COMPLETE])]

    archs = FORKED.pool()
    table = ScoreTable(tuple(archs), ("m",), np.arange(float(len(archs)))[:, None])
    history = [Query("kind=conv,kernel=(1, 3),channels=8", 0.5), Query("kind=mlp,width=3,deep=True,drop=0.2", 0.7)]
    Encoded(table, FORKED, Spy, name="spy", jointly=True).choose(history)
    assert seen == [
        {"kind": "conv", "kernel": (1, 3), "channels": 8, "width": 1, "deep": False, "drop": 0.1},
        {"kind": "mlp", "kernel": (1, 1), "channels": 4, "width": 3, "deep": True, "drop": 0.2},
    ]
    Encoded(table, FORKED, Spy, name="spy").choose(history)
    assert seen == [FORKED.to_params(query.architecture) for query in history]


def test_a_policy_learns_nothing_of_what_an_architecture_does_not_take() -> None:
    """The gradient is 0 for `width1` after `depth=1`, and goes down from uniform for what was taken and did badly."""
    sampler = REINFORCE(ScoreTable(tuple(ARCHS), ("m",), np.zeros((30, 1))), SPACE)
    good, bad = Query("depth=1,width0=8", 1.0), Query("depth=1,width0=16", 0.0)
    depth, width0, width1, *_ = sampler.policy([good, bad])
    assert width1[0] == width1[1] == 0
    assert width0[0] > width0[1]
    assert depth[0] != 0

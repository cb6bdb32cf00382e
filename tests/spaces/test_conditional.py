"""Spaces in which some decisions have no effect: what Optuna is asked for, what its samplers give."""

import random

import optuna
import pytest

from untrained.errors import InputError
from untrained.spaces import SPACES, SearchSpace
from untrained.spaces.conditional import ConditionalSpace

CONDITIONAL = {name: kind for name, kind in SPACES.items() if issubclass(kind, ConditionalSpace)}


@pytest.fixture(params=list(CONDITIONAL.values()), ids=list(CONDITIONAL))
def space(request: pytest.FixtureRequest) -> SearchSpace:
    return request.param()


def test_they_are_six() -> None:
    assert {*CONDITIONAL} == {"mlp", "mobilenet", "vit", "gpt", "nasbench101", "bert"}


def test_a_trial_is_asked_for_what_has_an_effect_only(space: SearchSpace) -> None:
    rng = random.Random(0)
    for _ in range(20):
        arch = space.sample(rng)
        params = space.to_params(arch)
        trial = optuna.trial.FixedTrial(params)  # refuses what it does not have
        assert space.suggest(trial) == arch
        assert {*trial.params} == {*params} == {*space.decisions_of(arch)}


def test_studies_of_optuna_search_them(space: SearchSpace) -> None:
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=2))
    study.optimize(lambda trial: len(space.suggest(trial)), n_trials=5)
    for trial in study.trials:
        assert len(space.arch_of_trial(trial.params)) == trial.value


def test_strings_are_each_network_once(space: SearchSpace) -> None:
    rng = random.Random(1)
    for _ in range(20):
        arch = space.canonical(space.sample(rng))
        assert space.to_arch(space.to_params(arch)) == arch == space.canonical(arch)
        assert space.to_params(arch).keys() <= space.distributions.keys()


def test_missing_parameters_are_named(space: SearchSpace) -> None:
    params = space.to_params(space.sample(random.Random(2)))
    for name in params:
        with pytest.raises(InputError, match="is missing"):
            space.to_arch({key: value for key, value in params.items() if key != name})
    with pytest.raises(InputError, match="is missing"):
        space.to_arch({})

"""Searches for hyper-parameters beside the architecture."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from toy import toy_batch
from untrained import InputError, Recipe, Result, TrainingObjective, load_network, refit, search
from untrained.objectives import Evaluation, Objective
from untrained.samplers.query import key_of

from .searches import ARCHS, SCORES, SPACE, value_of

DATA = {"train": toy_batch(60, 1), "valid": toy_batch(30, 2), "test": toy_batch(30, 3)}
TUNE = "lr=1e-3..1 log, batch_size=8|16"


def tuned(out: Path | None = None, **options: Any) -> Result:
    """A search of 4 queries that trains for an epoch."""
    settings: dict[str, Any] = {"budget": 4, "scores": SCORES, "sampler": "random", "tune": TUNE, "isolate": False}
    recipe = Recipe(epochs=1, optimizer="sgd", learning_rate=0.1, batch_size=16)
    return search(SPACE, data=DATA, recipe=recipe, out=out, **(settings | options))


def trained_as(query: Any) -> float:
    """The value of a training by a recipe that has the query's values from the start."""
    objective = TrainingObjective(SPACE, DATA, Recipe(epochs=1, optimizer="sgd", **query.hyperparameters))
    return objective(query.architecture).value


def test_a_query_is_an_architecture_and_hyper_parameters(tmp_path: Path) -> None:
    result = tuned(tmp_path)
    assert [query.hyperparameters.keys() for query in result.queries] == [{"learning_rate", "batch_size"}] * 4
    assert all(query.value == trained_as(query) for query in result.queries)
    assert result.queries[0].hyperparameters == {"learning_rate": 0.1, "batch_size": 16}  # those of the recipe
    assert len({query.hyperparameters["learning_rate"] for query in result.queries}) == 4
    best = json.loads((tmp_path / "best.json").read_text())
    pick = next(q for q in result.queries if (q.architecture, q.value) == (result.architecture, result.value))
    assert best["best"]["hyperparameters"] == dict(result.hyperparameters) == dict(pick.hyperparameters)
    assert {name: best["recipe"][name] for name in pick.hyperparameters} == pick.hyperparameters
    assert best["queries"][3]["hyperparameters"] == dict(result.queries[3].hyperparameters)
    again = load_network(tmp_path, SPACE).network.state_dict()
    assert result.weights is not None
    assert all((again[name] == weight).all() for name, weight in result.weights.items())


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    class Stopped(KeyboardInterrupt):
        pass

    def stop(query: Any, done: int, budget: int) -> None:
        if done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        tuned(tmp_path, budget=5, on_query=stop)
    told = [(q.key, q.value) for q in tuned(tmp_path, budget=5).queries]
    assert told == [(q.key, q.value) for q in tuned(budget=5).queries]


def test_a_query_that_is_made_anew_has_the_same_hyper_parameters(tmp_path: Path) -> None:
    """Its trial has another number than that of the one that was cut off."""
    rates = list[float]()

    def cut_off(rate: float) -> None:
        rates.append(rate)
        if len(rates) in (2, 6):
            raise KeyboardInterrupt

    stopped: dict[str, Any] = {"budget": 6, "scores": SCORES, "sampler": "random", "out": tmp_path}
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            search(SPACE, Rated(cut_off), **stopped)
    found = [query.key for query in search(SPACE, Rated(cut_off), **stopped).queries]
    whole: dict[str, Any] = stopped | {"out": None}
    assert found == [query.key for query in search(SPACE, Rated(), **whole).queries]
    assert rates[1] == rates[2]
    assert rates[5] == rates[6]


class Rated(Objective):
    """The value is a rate that it asks for.

    Args:
        at: Called with the rate.
    """

    def __init__(self, at: Callable[[float], None] | None = None) -> None:
        self.on_call = at

    @property
    def identity(self) -> dict[str, Any]:
        return {"kind": "rated"}

    def __call__(self, arch: str, trial: optuna.Trial | None = None) -> Evaluation:
        assert trial is not None
        rate = trial.suggest_float("rate", 0.0, 1.0)
        if self.on_call:
            self.on_call(rate)
        return Evaluation(rate)


def test_values_are_taken_over_only_with_the_same_hyper_parameters(tmp_path: Path) -> None:
    few: dict[str, Any] = {"scores": SCORES.select(ARCHS[::4]), "budget": 6, "tune": "batch_size=8|16"}
    first, second = tuned(tmp_path, **few), tuned(tmp_path, seed=1, **few)
    known = {query.key: query.value for query in first.queries}
    assert [query.key in known for query in second.queries] == [query.reused for query in second.queries]
    assert {query.reused for query in second.queries} == {True, False}
    both = Recipe(epochs=1, optimizer="sgd", learning_rate=0.1)
    for query in second.queries:
        own = replace(both, **query.hyperparameters)
        assert query.value == TrainingObjective(SPACE, DATA, own)(query.architecture).value


def test_lost_weights_are_trained_again_with_the_same_values(tmp_path: Path) -> None:
    first = tuned(tmp_path)
    for file in [tmp_path / "best.safetensors", *tmp_path.glob("weights/*")]:
        file.unlink()
    again = tuned(tmp_path)
    assert first.weights is not None
    assert again.weights is not None
    assert all((again.weights[name] == weight).all() for name, weight in first.weights.items())


def test_what_a_loop_of_ones_own_asks_for_is_a_hyper_parameter(tmp_path: Path) -> None:
    """Its value for one rate says nothing of another: it is not taken over by a search that will draw another."""

    def value(network: Any, trial: optuna.Trial) -> float:
        return trial.suggest_float("rate", 0.0, 1.0)

    first = search(SPACE, value, budget=3, scores=SCORES, sampler="random", out=tmp_path)
    assert [dict(query.hyperparameters) for query in first.queries] == [{"rate": q.value} for q in first.queries]
    more = search(SPACE, value, budget=3, scores=SCORES, sampler="random", seed=1, out=tmp_path, isolate=True)
    assert not any(query.reused for query in more.queries)
    assert [dict(query.hyperparameters) for query in more.queries] == [{"rate": q.value} for q in more.queries]


def test_hyper_parameters_are_learnt_of() -> None:
    """Only the rate counts here, at its best at 1: later proposals are nearer than those at random."""

    def value(network: Any, trial: optuna.Trial) -> float:
        return -abs(trial.suggest_float("rate", -3.0, 3.0) - 1)

    gaps = [
        [abs(query.hyperparameters["rate"] - 1) for query in result.queries]
        for seed in range(3)
        for result in [search(SPACE, value, budget=len(ARCHS), scores=SCORES, sampler="random", seed=seed)]
    ]
    assert sum(sum(row[-4:]) for row in gaps) < sum(sum(row[:4]) for row in gaps)


def test_trainings_in_full_have_the_hyper_parameters_of_their_query(tmp_path: Path) -> None:
    result = tuned(tmp_path)
    values = {query.architecture: query for query in result.queries}
    found = refit(result, data=DATA, top=2, seeds=1)
    for one in found.candidates:
        own = values[one.architecture].hyperparameters
        assert dict(one.hyperparameters) == dict(own)
        assert {name: one.recipe[name] for name in own} == dict(own)
        objective = TrainingObjective(SPACE, DATA, Recipe(epochs=1, optimizer="sgd", **own), seed=1)
        assert one.runs[0].valid["accuracy"] == objective(one.architecture).value
    assert found.luck is not None
    assert found.luck.amount is not None  # the same recipe: they compare
    slower = refit(result, data=DATA, recipe=Recipe(epochs=1, optimizer="sgd", learning_rate=0.01), top=1, seeds=1)
    assert slower.candidates[0].recipe["learning_rate"] == 0.01
    assert slower.candidates[0].recipe["batch_size"] == result.hyperparameters["batch_size"]


def test_tune_is_for_trainings_by_a_recipe() -> None:
    with pytest.raises(InputError, match=r"trial\.suggest_float"):
        search(SPACE, lambda arch: value_of(arch), scores=SCORES, tune="lr=0.1..1")


def test_a_key_is_the_architecture_alone_without_hyper_parameters() -> None:
    assert key_of("a", {}) == "a"
    assert key_of("a", {"x": 1, "y": 2}) == key_of("a", {"y": 2, "x": 1}) != key_of("a", {"x": 1, "y": 3})

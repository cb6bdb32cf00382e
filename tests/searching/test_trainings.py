"""Searches by trainings: pruners by name, and figures that are recorded beside the value."""

import json
from pathlib import Path
from typing import Any

import optuna
import pytest

from toy import MLPs, toy_batch, training_objective
from untrained import RandomSearch, Scoring, search
from untrained.errors import InputError
from untrained.searching.pruners import PRUNERS, get_pruner

SPACE = MLPs()


def run(out: Path | None = None, **options: Any) -> Any:
    recipe = {"epochs": 4, "batch_size": 16, "learning_rate": 0.05, "metrics": ["f1", "accuracy"]}
    objective = training_objective(SPACE, toy_batch(60, 1), toy_batch(30, 2), toy_batch(30, 3), **recipe)
    scoring = Scoring(metrics=["params"], batch=toy_batch())
    return search(SPACE, objective, sampler="random", scores=scoring, pool=8, out=out, isolate=False, **options)


def test_all_figures_are_recorded_and_the_first_is_searched_for(tmp_path: Path) -> None:
    result = run(tmp_path, budget=2)
    for query in result.queries:
        assert query.value == query.figures["f1"]
        assert 0 <= query.figures["accuracy"] <= 100
    saved = json.loads((tmp_path / "best.json").read_text())
    assert [set(query["figures"]) for query in saved["queries"]] == [{"f1", "accuracy"}] * 2
    assert set(saved["best"]["reported"]) == {"test_f1", "test_accuracy"}
    assert saved["objective"]["optimizer"] == saved["recipe"]["optimizer"] == "adamw"


def test_a_pruner_by_name_stops_the_worst() -> None:
    result = run(budget=8, pruner="asha")
    states = {query.state for query in result.queries}
    assert states == {"complete", "pruned"}
    # Successive halving by 3 (Li et al., MLSys 2020) decides after 1 and 3 epochs.
    assert {query.step for query in result.queries if query.state == "pruned"} <= {1, 3}


def test_pruners_suit_the_epochs() -> None:
    steps = tuple(range(1, 13))
    made: dict[str, Any] = {name: get_pruner(name, steps) for name in PRUNERS}
    assert made["hyperband"]._max_resource == 12
    assert made["median"]._n_warmup_steps == 3
    own = optuna.pruners.ThresholdPruner(lower=0.5)
    assert get_pruner(own, steps) is own
    with pytest.raises(InputError, match="unknown pruner 'ahsa': did you mean 'asha'"):
        get_pruner("ahsa", steps)
    with pytest.raises(InputError, match="pruner 'asha' stops what reports several values"):
        get_pruner("asha", (1,))
    with pytest.raises(InputError, match="give a pruner of Optuna"):
        get_pruner(RandomSearch, steps)  # pyright: ignore[reportArgumentType] - what is refused

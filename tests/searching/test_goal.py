"""What a search is for, and how long it goes on, from what its caller gives."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from searching.searches import SCORES, SPACE, Counted, run
from toy import toy_batch
from untrained import Recipe, Scoring, TrainingObjective, search
from untrained.data import Data
from untrained.errors import InputError
from untrained.searching.goal import budgets, goal

SPLITS = {"train": toy_batch(36, 1), "valid": toy_batch(15, 2), "test": toy_batch(15, 3)}


def test_data_alone_are_trained_on(tmp_path: Path) -> None:
    scores = Scoring(["params"])
    by_data = search(SPACE, data=SPLITS, recipe=Recipe(epochs=1), budget=2, scores=scores, out=tmp_path, isolate=False)
    objective = TrainingObjective(SPACE, SPLITS, Recipe(epochs=1))
    by_objective = search(SPACE, objective, budget=2, scores=scores, isolate=False)
    assert [q.value for q in by_data.queries] == [q.value for q in by_objective.queries]
    assert by_data.reported.keys() == {"test_accuracy"}
    assert (tmp_path / "data.json").is_file()


def test_a_space_is_told_the_facts_of_the_data() -> None:
    space, objective = goal("nasbench201", None, "digits", None, None)
    assert (space.options["num_classes"], space.options["in_channels"]) == (10, 1)
    assert isinstance(objective, TrainingObjective)
    assert objective.apart
    space, _ = goal("nasbench201", lambda network, trial, data: 1.0, "digits", None, None)
    assert space.options["num_classes"] == 10


def test_an_own_training_gets_a_name_read_and_anything_else_as_it_is() -> None:
    seen = list[Any]()

    def train(network: nn.Module, trial: Any, data: Any) -> float:
        seen.append(data)
        return 1.0

    loaders = [torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*toy_batch(6)))]
    options: dict[str, Any] = {"scores": SCORES, "budget": 1, "sampler": "random", "isolate": False}
    assert search(SPACE, train, data=loaders, **options).value == 1.0
    assert seen == [loaders]
    assert goal(SPACE, train, "digits", None, None)[1](next(iter(SPACE))).value == 1.0
    assert isinstance(seen[1], Data)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "nothing to search for: give an objective, or data="),
        ({"objective": len, "recipe": Recipe()}, "a recipe and an objective"),
        ({"data": 3}, "3 is no data"),
        ({"objective": Counted(), "data": "digits"}, "data= beside Counted, which has its own"),
    ],
)
def test_what_is_missing_or_given_twice_is_named(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        search(SPACE, **({"budget": 1, "scores": SCORES} | given))


def test_without_a_budget_a_search_makes_20_queries_or_as_many_as_there_is_time_for() -> None:
    assert len(run(budget=None).queries) == 20
    assert len(run(budget=None, timeout=1e6).queries) == len(SPACE.pool(100, at_most=True)) == 24
    assert budgets(None, 8, is_timed=False) == (8, 8)
    assert budgets(None, 256, is_timed=True) == (256, 20)
    assert budgets(30, 256, is_timed=True) == (30, 30)
    assert np.isfinite(run(budget=None, sampler="mixture", timeout=1e6).value)

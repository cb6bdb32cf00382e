"""What may be tuned beside the architecture, and how a training takes it."""

from typing import Any

import optuna
import pytest
import torch
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from toy import MLPs, toy_batch
from untrained.errors import InputError
from untrained.objectives import Recipe, TrainingObjective
from untrained.objectives.tuning import NOT_TUNED, TUNABLE, read_tune

SPACE = MLPs()
ARCH = "width=8,depth=2,norm=True"
DATA = {"train": toy_batch(60, 1), "valid": toy_batch(30, 2)}


def test_text_and_python_mean_the_same() -> None:
    text = read_tune(
        "lr=1e-4..1e-1 log, weight-decay=0..0.1, batch_size=32|64, augment=none|flip-crop+cutout, ema=none|0.9"
    )
    given = read_tune(
        {
            "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
            "weight_decay": "0..0.1",
            "batch_size": [32, 64],
            "augment": CategoricalDistribution(["none", "flip-crop,cutout"]),
            "ema": (None, 0.9),
        }
    )
    assert text == given
    assert text is not None
    assert read_tune(str(text)) == text
    assert read_tune(None) is None


def test_numbers_of_a_field_are_of_its_kind() -> None:
    tuned = read_tune("epochs=2..20 log, warmup=0..1")
    assert tuned is not None
    assert tuned.distributions == {"epochs": IntDistribution(2, 20, log=True), "warmup": FloatDistribution(0, 1)}
    assert tuned.most_epochs == 20


def test_every_field_is_either_tuned_or_says_why_not() -> None:
    assert {*TUNABLE, *NOT_TUNED} == Recipe.__dataclass_fields__.keys()


@pytest.mark.parametrize(
    ("tune", "words"),
    [
        ("learning_rat=0.1..1", ["'learning_rat'", "did you mean 'learning_rate'"]),
        ("lr=1e-1..1e-4 log", ["0.1..0.0001", "lower bound first"]),
        ("lr=0.1..0.1", ["lower bound first"]),
        ("weight_decay=0..0.1 log", ["0.0..0.1 log", "above 0"]),
        ("lr=-1..1", ["learning_rate -1", "above 0"]),
        ("momentum=0..1", ["momentum 1", "below 1"]),
        ("batch_size=32|64.5", ["'64.5'", "whole number"]),
        ("batch_size=0..8", ["batch_size 0", "at least 1"]),
        ("optimizer=sgd|adam", ["optimizer 'adam'", "adamw"]),
        ("optimizer=a..b", ["A|B"]),
        ("augment=none|flip", ["augment 'flip'", "flip-crop"]),
        ("augment=cutout+flip-crop", ["write it as 'flip-crop+cutout'"]),
        ("compile=True|False", ["'compile'", "how fast"]),
        ("score_batch_size=16|32", ["'score_batch_size'", "scoring"]),
        ("lr", ["'lr'", "LOW..HIGH"]),
        ("lr=x..y", ["'x'", "finite number"]),
        ("lr=0.1|0.1", ["twice"]),
        ("lr=0.1..0.2, learning_rate=0.1..0.2", ["twice"]),
        ("", ["empty"]),
        ({}, ["empty"]),
        (3, ["tune 3"]),
        ({"lr": 3}, ["learning_rate 3"]),
        ({"batch_size": FloatDistribution(8, 16)}, ["batch_size 8.0", "whole number"]),
    ],
)
def test_what_cannot_be_tuned_is_one_line(tune: Any, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read_tune(tune)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("recipe", "tune", "word"),
    [
        (Recipe(epochs=2, warmup=1), "epochs=1..5", "warmup of 1"),
        (Recipe(epochs=2), "warmup=0..2", "warmup of 2"),
        (Recipe(epochs=2), "augment=none|cutout", "augment"),
    ],
)
def test_what_the_recipe_or_the_data_cannot_have_is_refused(recipe: Recipe, tune: str, word: str) -> None:
    rows = {name: (inputs.flatten(1), targets) for name, (inputs, targets) in DATA.items()}  # which nothing augments
    with pytest.raises(InputError, match=word):
        TrainingObjective(SPACE, rows, recipe, tune=tune)


def test_a_decision_of_the_same_name_is_refused() -> None:
    class Momentous(MLPs):
        @property
        def distributions(self) -> dict[str, Any]:
            return {**MLPs().distributions, "momentum": [0.1, 0.2]}

    with pytest.raises(InputError, match=r"'momentum'.*decision of this name"):
        TrainingObjective(Momentous(), DATA, Recipe(epochs=1), tune="momentum=0.1..0.9")


def test_a_training_has_the_values_that_its_trial_has() -> None:
    """The weights are those of a recipe with these values, to the bit."""
    recipe = Recipe(epochs=2, optimizer="sgd", batch_size=16)
    tuned = TrainingObjective(SPACE, DATA, recipe, tune="lr=1e-3..1 log, batch_size=8|16, label_smoothing=0..0.5")
    values = {"learning_rate": 0.2, "batch_size": 8, "label_smoothing": 0.25}
    plain = TrainingObjective(SPACE, DATA, Recipe(epochs=2, optimizer="sgd", **values))
    trial: Any = optuna.trial.FixedTrial(values)
    found, wanted = tuned(ARCH, trial), plain(ARCH)
    assert found.weights is not None
    assert wanted.weights is not None
    assert all(torch.equal(found.weights[name], wanted.weights[name]) for name in wanted.weights)
    assert tuned.fixed(values).identity == plain.identity
    assert tuned(ARCH).value == TrainingObjective(SPACE, DATA, recipe)(ARCH).value  # without a trial: the recipe


def test_what_is_left_open_follows_what_is_tuned() -> None:
    """SGD's usual rate is in proportion to the batch: 0.025 for 64."""
    tuned = TrainingObjective(SPACE, DATA, Recipe(optimizer="sgd"), tune="batch_size=32|64")
    assert tuned.fixed({"batch_size": 32}).training.learning_rate == 0.0125


def test_the_usual_values_are_those_within_the_bounds() -> None:
    recipe = Recipe(optimizer="sgd", learning_rate=0.5, batch_size=16)
    tuned = TrainingObjective(SPACE, DATA, recipe, tune="lr=1e-3..1e-1 log, batch_size=8|16, ema=none|0.9")
    assert tuned.usual_values() == {"batch_size": 16, "ema": None}

"""Real trainings of small networks."""

from typing import Any

import optuna
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from toy import MLPs, toy_batch, training_objective
from untrained.errors import InputError
from untrained.objectives import EvaluationFailed, Recipe, TrainingObjective

SPACE = MLPs()
ARCH = "width=16,depth=2,norm=True"
TRAIN, VALID, TEST = toy_batch(60, 1), toy_batch(30, 2), toy_batch(30, 3)


def objective(**options: Any) -> TrainingObjective:
    settings: dict[str, Any] = {"epochs": 15, "batch_size": 16, "learning_rate": 0.1, "optimizer": "sgd"} | options
    return training_objective(SPACE, TRAIN, VALID, TEST, **settings)


def test_it_learns_and_its_weights_give_its_figures() -> None:
    train = objective()
    evaluation = train(ARCH)
    assert evaluation.value > 80  # guessing gives 33
    assert evaluation.cost_seconds is not None
    assert evaluation.cost_seconds > 0
    assert evaluation.weights is not None
    net = SPACE.build(ARCH).eval()
    net.load_state_dict(dict(evaluation.weights))

    def right(data: tuple[Tensor, Tensor]) -> float:
        return 100 * (net(data[0]).argmax(1) == data[1]).double().mean().item()

    assert evaluation.value == pytest.approx(right(VALID))
    assert train.report(ARCH, evaluation.weights) == {"test_accuracy": pytest.approx(right(TEST))}
    # With labels that say nothing of the inputs there is nothing to learn.
    shuffled = (TRAIN[0], TRAIN[1][torch.randperm(60, generator=torch.Generator().manual_seed(0))])
    assert (
        TrainingObjective(SPACE, {"train": shuffled, "valid": VALID}, Recipe(epochs=15, batch_size=16))(ARCH).value < 65
    )


def test_the_same_call_gives_the_same_value_whatever_came_before() -> None:
    first = objective(augment="flip-crop")(ARCH)
    torch.rand(7)
    train = objective(augment="flip-crop")
    train("width=4,depth=1,norm=False")
    before = torch.get_rng_state()
    second = train(ARCH)
    assert torch.equal(before, torch.get_rng_state())
    assert first.value == second.value
    assert first.weights is not None
    assert second.weights is not None
    assert all(torch.equal(first.weights[key], second.weights[key]) for key in first.weights)
    other = objective(augment="flip-crop", seed=1)(ARCH)
    assert other.weights is not None
    assert not all(torch.equal(first.weights[key], other.weights[key]) for key in first.weights)


class Pairs(Dataset[tuple[Tensor, int]]):
    """A data set as users write them: one sample an index."""

    def __init__(self, data: tuple[Tensor, Tensor]) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data[0])

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.data[0][index], int(self.data[1][index])


def test_datasets_arrays_and_tensors_are_the_same_data() -> None:
    recipe = Recipe(epochs=2, batch_size=16)
    from_tensors = TrainingObjective(SPACE, {"train": TRAIN, "valid": VALID}, recipe)(ARCH)
    from_dataset = TrainingObjective(SPACE, {"train": Pairs(TRAIN), "valid": Pairs(VALID)}, recipe)(ARCH)
    train, valid = ((inputs.numpy(), targets.numpy()) for inputs, targets in (TRAIN, VALID))
    from_arrays = TrainingObjective(SPACE, {"train": train, "valid": valid}, recipe)(ARCH)
    assert from_tensors.value == from_dataset.value == from_arrays.value


def test_each_epoch_is_reported_and_a_pruner_can_stop_it() -> None:
    study = optuna.create_study(direction="maximize")
    trial = study.ask()
    value = objective(epochs=3)(ARCH, trial).value
    reported = study.get_trials()[0].intermediate_values
    assert list(reported) == [1, 2, 3]
    assert reported[3] == value

    class AfterTwo(optuna.pruners.BasePruner):
        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            return trial.last_step == 2

    strict = optuna.create_study(direction="maximize", pruner=AfterTwo())
    with pytest.raises(optuna.TrialPruned, match="epoch 2 of 3"):
        objective(epochs=3)(ARCH, strict.ask())


def test_a_diverging_training_fails_with_its_reason() -> None:
    with pytest.raises(EvaluationFailed, match="loss became"):
        objective(learning_rate=1e30)(ARCH)


def test_a_loss_and_a_metric_of_ones_own() -> None:
    def squared(outputs: Tensor, targets: Tensor) -> Tensor:
        return ((outputs[:, 0] - targets) ** 2).mean()

    def error(outputs: Tensor, targets: Tensor) -> float:
        return squared(outputs, targets).item()

    train = objective(loss=squared, metrics=error, direction="minimize", epochs=30, learning_rate=0.02)
    value = train(ARCH).value
    assert 0 < value < ((VALID[1] - 1.0) ** 2).mean()  # better than always saying the mean class, 1
    assert train.identity["metric"] == "error"


def test_the_learning_rate_falls_by_a_cosine(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = []
    step = torch.optim.SGD.step

    def recorded(self, *args):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *args)

    monkeypatch.setattr(torch.optim.SGD, "step", recorded)
    objective(epochs=2, batch_size=30, learning_rate=0.5)(ARCH)
    # 4 steps: 0.5 * (1 + cos(pi t / 4)) / 2
    assert rates == pytest.approx([0.5, 0.4267767, 0.25, 0.0732233])


def test_a_last_batch_of_one_does_not_stop_the_training() -> None:
    data = toy_batch(17, 1)
    assert TrainingObjective(SPACE, {"train": data, "valid": VALID}, Recipe(epochs=1, batch_size=16))(ARCH).value >= 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs 0"),
        ({"batch_size": -1}, "batch_size -1"),
        ({"learning_rate": 0.0}, "learning_rate 0.0"),
        ({"device": "quantum"}, "device 'quantum' cannot be used"),
    ],
)
def test_bad_settings_are_named(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        objective(**options)


def test_bad_data_is_named() -> None:
    inputs, targets = TRAIN
    with pytest.raises(InputError, match="training data is empty"):
        TrainingObjective(SPACE, {"train": (inputs[:0], targets[:0]), "valid": VALID})
    with pytest.raises(InputError, match="60 inputs but 59 targets"):
        TrainingObjective(SPACE, {"train": (inputs, targets[:59]), "valid": VALID})
    with pytest.raises(InputError, match="validation data's inputs hold NaN"):
        TrainingObjective(SPACE, {"train": TRAIN, "valid": (inputs / 0, targets)})
    with pytest.raises(InputError, match="validation data's targets hold NaN"):
        TrainingObjective(SPACE, {"train": TRAIN, "valid": (inputs, targets / 0)})


def test_the_batch_size_of_a_loader_counts_unless_the_recipe_has_one() -> None:
    loaders = {"train": DataLoader(Pairs(TRAIN), 12), "valid": DataLoader(Pairs(VALID), 12)}
    given = [TrainingObjective(SPACE, loaders, recipe) for recipe in (None, Recipe(epochs=1), Recipe(batch_size=5))]
    assert [one.training.batch_size for one in given] == [12, 12, 5]

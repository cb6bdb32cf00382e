"""One training: that it can be stopped and gone on with, and how it ends badly."""

import json
from typing import Any

import cloudpickle
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from toy import MLPs, toy_batch, training_objective
from untrained.errors import InputError
from untrained.objectives import EvaluationFailed, TrainingObjective
from untrained.objectives.auxiliary import InTraining
from untrained.objectives.fitting import Losses
from untrained.objectives.optimisation import Precision
from untrained.spaces import DARTS

SPACE = MLPs()
ARCH = "width=16,depth=2,norm=True"
TRAIN, VALID = toy_batch(60, 1), toy_batch(30, 2)
RECIPES: dict[str, dict[str, Any]] = {
    "sgd": {"optimizer": "sgd", "learning_rate": 0.1},
    "adamw, average, warm-up": {"optimizer": "adamw", "ema": 0.9, "warmup": 1.5, "clip": 1.0, "label_smoothing": 0.1},
    "bfloat16": {"precision": "bfloat16"},
    "augmented": {"augment": "flip-crop,cutout,mixup"},
}


def objective(**options: Any) -> TrainingObjective:
    return training_objective(SPACE, TRAIN, VALID, **({"epochs": 4, "batch_size": 16} | options))


@pytest.mark.parametrize("name", RECIPES)
def test_a_training_that_goes_on_is_the_one_that_never_stopped(name: str) -> None:
    train = objective(**RECIPES[name])
    whole = train(ARCH)
    with train.begun(ARCH) as fit:
        fit.epoch()
        fit.epoch()
        tensors, document = fit.state()
        kept, text = {key: tensor.clone() for key, tensor in tensors.items()}, json.dumps(document)
        fit.epoch()  # what comes after is not in the state
    with train.begun(ARCH) as again:
        again.load_state(kept, json.loads(text))
        assert again.done == 2
        figures = list(again)
        weights = again.weights()
    assert len(figures) == 2
    assert again.figures == whole.figures
    assert whole.weights is not None
    assert weights.keys() == whole.weights.keys()
    assert all(torch.equal(weights[key], tensor) for key, tensor in whole.weights.items())


def test_a_step_that_float16_cannot_hold_is_not_made() -> None:
    """The gradient of w x at x = 2 is 2; scaled by 2e38 it is no float32 any more, by half of that it is one."""
    weight = nn.Parameter(torch.ones(()))
    optimizer = torch.optim.SGD([weight], 0.25)
    precision = Precision("float32", torch.device("cpu"))
    precision._scaler = torch.amp.GradScaler("cpu", init_scale=2e38)
    assert not precision.step(weight * 2, optimizer, None)
    assert weight.item() == 1
    optimizer.zero_grad()
    assert precision.step(weight * 2, optimizer, None)
    assert weight.item() == pytest.approx(0.5)


def test_the_averaged_weights_are_measured_and_kept() -> None:
    options = {"optimizer": "sgd", "learning_rate": 0.1}
    plain, averaged = objective(**options), objective(ema=0.5, **options)
    first, second = plain(ARCH), averaged(ARCH)
    assert first.weights is not None
    assert second.weights is not None
    assert not torch.equal(first.weights["1.weight"], second.weights["1.weight"])
    assert averaged.measured(_network(second.weights), "valid") == second.figures


def _network(weights: Any) -> nn.Module:
    network = SPACE.build(ARCH)
    network.load_state_dict(dict(weights))
    return network


def test_both_splits_are_learnt_from_and_nothing_is_measured() -> None:
    train = objective(epochs=1, batch_size=90)
    with train.begun(ARCH, on="train+valid") as fit:
        assert len(fit.train) == 90
        assert fit.epoch() == {}
        assert set(fit.measure(train.feed("valid"))) == {"accuracy"}


def test_it_is_sent_to_another_process() -> None:
    train = objective(augment="flip-crop", metrics=["accuracy", "f1", "auroc"])
    first = train(ARCH)
    sent = cloudpickle.loads(cloudpickle.dumps(train))
    second = sent(ARCH)
    assert first.figures == second.figures
    assert sent.identity == train.identity


def test_what_the_recipe_left_open_stands_in_the_identity() -> None:
    identity = objective().identity
    assert (identity["optimizer"], identity["learning_rate"], identity["weight_decay"]) == ("adamw", 0.001, 0.01)
    assert (identity["precision"], identity["metrics"]) == ("float32", ["accuracy"])
    assert json.loads(json.dumps(identity)) == identity


class Pairs(Dataset[Any]):
    """A data set that could draw random numbers."""

    def __len__(self) -> int:
        return len(TRAIN[0])

    def __getitem__(self, index: int) -> Any:
        return TRAIN[0][index], int(TRAIN[1][index])


def test_the_number_of_workers_counts_only_if_they_may_draw_random_numbers() -> None:
    assert "data_workers" not in objective(data_workers=2).identity
    assert training_objective(SPACE, Pairs(), VALID, data_workers=2).identity["data_workers"] == 2
    assert "data_workers" not in training_objective(SPACE, Pairs(), VALID).identity
    with pytest.raises(InputError, match="data_workers -1: give a whole number of at least 0"):
        objective(data_workers=-1)


def test_the_first_loss_that_is_not_finite_is_named_whenever_it_is_looked_at() -> None:
    for every in (1, 2, 32):
        with pytest.raises(EvaluationFailed, match="became nan in epoch 3, step 43"):
            _look_at((1.0, 2.0, float("nan"), float("inf")), Losses(epoch=3, done=40, every=every))


def _look_at(values: tuple[float, ...], losses: Losses) -> None:
    for value in values:
        losses.look(torch.tensor(value))
    losses.check()


class Greedy(nn.Module):
    """Wants more memory than there is, in its third pass."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.passes = inner, 0

    def forward(self, x: Tensor) -> Tensor:
        self.passes += self.training
        if self.passes == 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")
        return self.inner(x)


class Greedies(MLPs):
    def build(self, arch: str) -> nn.Module:
        return Greedy(super().build(arch))


def test_running_out_of_memory_is_a_failed_training_that_says_what_to_do() -> None:
    train = training_objective(Greedies(), TRAIN, VALID, batch_size=16)
    with pytest.raises(EvaluationFailed, match="out of memory on cpu with batch_size 16: give a smaller"):
        train(ARCH)


class OneIsOdd(MLPs):
    """Networks of width 4 have an output too few."""

    def build(self, arch: str) -> nn.Module:
        return MLPs(2 if "width=4," in arch else 3).build(arch)


def test_a_network_that_does_not_fit_fails_alone_and_a_space_of_them_is_refused() -> None:
    train = training_objective(OneIsOdd(), TRAIN, VALID, epochs=1)
    with pytest.raises(EvaluationFailed, match="2 outputs, and the data 3 classes"):
        train("width=4,depth=1,norm=False")
    assert train("width=8,depth=1,norm=False").value >= 0
    with pytest.raises(InputError, match="2 outputs, and the data 3 classes"):
        training_objective(MLPs(2), TRAIN, VALID)
    with pytest.raises(InputError, match=r"a network breaks on inputs of \(1, 1, 5, 5\): RuntimeError"):
        training_objective(SPACE, (torch.zeros(6, 1, 5, 5), TRAIN[1][:6]), (torch.zeros(6, 1, 5, 5), TRAIN[1][:6]))
    with pytest.raises(InputError, match=r"loss or metric breaks on .*: RuntimeError: boom"):
        training_objective(SPACE, TRAIN, VALID, loss=_boom)


def _boom(outputs: Tensor, targets: Tensor) -> Tensor:
    raise RuntimeError("boom")


def test_a_label_that_cannot_be_is_named_before_anything_is_trained() -> None:
    from untrained.data import Task
    from untrained.data.datasets import DatasetData

    task = Task("classification", 3)
    wrong = TRAIN[0], torch.where(torch.arange(60) == 17, 5, TRAIN[1])
    with pytest.raises(InputError, match=r"training data (has class|is) 5"):
        TrainingObjective(SPACE, DatasetData(wrong, VALID, task=task))


class _TwoHeads(nn.Module):
    """A linear layer, and another as its auxiliary head."""

    auxiliary_weight = 0.4

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, 4), nn.Linear(64, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.first(x.flatten(1))

    def forward_with_auxiliary(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self(x), self.second(x.flatten(1))


def test_the_loss_of_an_auxiliary_head_is_added_by_its_weight_in_training_only() -> None:
    """A step of plain SGD on one batch: the gradients are those of the sum, written out."""
    torch.manual_seed(0)
    inputs, targets = torch.randn(8, 1, 8, 8), torch.arange(8) % 4
    net = _TwoHeads()
    with torch.no_grad():
        net.second.load_state_dict(net.first.state_dict())  # equal gradients, but for the weight
    whole = InTraining(net)
    whole.loss(lambda outputs: nn.functional.cross_entropy(outputs, targets), whole(inputs)).backward()
    assert net.first.weight.grad is not None
    assert net.second.weight.grad is not None
    torch.testing.assert_close(net.second.weight.grad, 0.4 * net.first.weight.grad)
    net.auxiliary_weight = 0.0
    outputs, auxiliary = InTraining(net)(inputs)
    assert auxiliary is None
    assert torch.equal(outputs, net(inputs))


def test_trainings_of_darts_learn_from_the_auxiliary_head() -> None:
    """Both trainings start from the same weights; the head learns, and what stands before it learns from the head."""
    train, trained = (torch.rand(24, 1, 8, 8), torch.arange(24) % 4), list[dict[str, Tensor]]()
    for auxiliary in (0.0, 0.4):
        space = DARTS(4, 3, 4, 1, 8, auxiliary=auxiliary)
        with training_objective(space, train, train, epochs=1, batch_size=12).begun(space.pool(1)[0]) as fit:
            before = {name: p.detach().clone() for name, p in fit.network.named_parameters()}
            assert fit.epoch().keys() == {"accuracy"}
            after = dict(fit.network.named_parameters())
            trained.append(before | {f"after {name}": p.detach() for name, p in after.items()})
    without, with_head = trained
    for name, start in without.items():
        if not name.startswith("after"):
            assert torch.equal(start, with_head[name])
    learnt, start = (with_head[f"{when}auxiliary_head.classifier.weight"] for when in ("after ", ""))
    assert not torch.equal(learnt, start)
    assert not torch.equal(with_head["after stem0.0.weight"], without["after stem0.0.weight"])

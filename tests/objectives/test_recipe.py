"""The recipe, and what it makes of a network's optimiser."""

import json
from typing import Any

import pytest
import torch
from torch import nn

from untrained.errors import InputError
from untrained.objectives import Recipe
from untrained.objectives.optimisation import Average, Schedule, make_optimizer, usual_optimizer, warmup_steps

CONVOLUTIONAL = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))
TRANSFORMER = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
MIXED = nn.Sequential(nn.Conv2d(1, 2, 3), nn.LayerNorm(4))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"epochs": 0}, "epochs 0: give a whole number"),
        ({"epochs": True}, "epochs True"),
        ({"batch_size": 2.5}, "batch_size 2.5"),
        ({"optimizer": "adam"}, "optimizer 'adam': choose from auto, sgd, adamw"),
        ({"learning_rate": float("nan")}, "learning_rate nan: give a finite number above 0"),
        ({"weight_decay": -1.0}, "weight_decay -1.0"),
        ({"momentum": 1.0}, "momentum 1.0"),
        ({"momentum": None}, "momentum None"),
        ({"warmup": 12}, "warmup 12: give less than the 12 epochs"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"clip": 0.0}, "clip 0.0"),
        ({"ema": 1.0}, "ema 1.0: give a decay between 0 and 1"),
        ({"precision": "half"}, "precision 'half': choose from auto, float32"),
        ({"compile": "yes"}, "compile 'yes'"),
        ({"augment": "rotate"}, "augment 'rotate': choose from none, flip-crop"),
        ({"augment": "mixup,cutmix"}, "one of the two"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_value_out_of_range_is_named(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        Recipe(**given)


def test_json_and_back() -> None:
    recipe = Recipe(epochs=3, optimizer="adamw", ema=0.99, warmup=0.5, augment="cutmix, flip-crop")
    assert recipe.augment == "flip-crop,cutmix"
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json())) | {"kind": "training"}) == recipe


@pytest.mark.parametrize(
    ("optimizer", "batch_size", "rate"),
    [
        ("sgd", 256, 0.1),  # NAS-Bench-201's, table 1
        ("sgd", 64, 0.025),
        ("adamw", 16, 0.001),
        ("adamw", 256, 0.002),
    ],
)
def test_the_usual_learning_rate_suits_the_batch_size(optimizer: str, batch_size: int, rate: float) -> None:
    assert Recipe(batch_size=batch_size).resolved(optimizer, "float32", 5_000).learning_rate == pytest.approx(rate)


def test_what_is_given_is_kept_and_the_rest_is_filled_in() -> None:
    found = Recipe(optimizer="adamw", learning_rate=0.5, precision="bfloat16").resolved("sgd", "float32", 5_000)
    assert (found.optimizer, found.learning_rate, found.weight_decay) == ("adamw", 0.5, 0.01)
    assert found.precision == "bfloat16"
    assert Recipe().resolved("sgd", "float32", 5_000).weight_decay == 5e-4


@pytest.mark.parametrize(("samples", "size"), [(40, 8), (262, 16), (1_023, 32), (1_024, 64), (60_000, 64)])
def test_small_data_come_in_small_batches(samples: int, size: int) -> None:
    """An epoch has 16 steps, if that leaves 8 samples a step."""
    assert Recipe().resolved("adamw", "float32", samples).batch_size == size
    assert Recipe().resolved("sgd", "float32", samples).batch_size == 64
    assert Recipe(batch_size=50).resolved("adamw", "float32", samples).batch_size == 50
    assert Recipe().resolved("adamw", "float32", samples, table=True).learning_rate == 0.003


def test_convolutional_networks_are_trained_by_sgd_and_all_others_by_adamw() -> None:
    assert usual_optimizer([CONVOLUTIONAL]) == "sgd"
    for other in (TRANSFORMER, MIXED, nn.Linear(2, 2)):
        assert usual_optimizer([CONVOLUTIONAL, other]) == "adamw"


def test_adamw_spares_norms_and_biases() -> None:
    optimizer = make_optimizer(CONVOLUTIONAL, Recipe(optimizer="adamw", momentum=0.8).resolved("sgd", "float32", 5_000))
    decayed, spared = optimizer.param_groups
    assert [tuple(p.shape) for p in decayed["params"]] == [(2, 1, 3, 3), (2, 8)]
    assert [tuple(p.shape) for p in spared["params"]] == [(2,), (2,), (2,), (2,)]
    assert (decayed["weight_decay"], spared["weight_decay"], decayed["betas"]) == (0.01, 0.0, (0.8, 0.999))


def test_the_rate_rises_in_a_line_and_falls_by_a_cosine() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.5)
    recipe = Recipe(epochs=3, warmup=1.5)
    assert warmup_steps(recipe, 2) == 3
    schedule, rates = Schedule(optimizer, 3, 7), list[float]()
    for _ in range(7):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    # 1/4, 2/4, 3/4 of 0.5, then 0.5 * (1 + cos(pi t / 4)) / 2
    assert rates == pytest.approx([0.125, 0.25, 0.375, 0.5, 0.4267767, 0.25, 0.0732233])


def test_the_average_of_weights_and_buffers() -> None:
    net: Any = nn.BatchNorm1d(1)
    average = Average(net, 0.9)
    for step, value in enumerate((10.0, 20.0), start=1):
        with torch.no_grad():
            net.weight.fill_(value)
            net.running_mean.fill_(value)
            net.num_batches_tracked.fill_(step)
        average.update()
    # decays 2/11 and 3/12: from 1, 1 * 2/11 + 10 * 9/11, then * 1/4 + 20 * 3/4; the mean from 0
    with average.applied():
        assert net.weight.item() == pytest.approx((2 / 11 + 90 / 11) / 4 + 15)
        assert net.running_mean.item() == pytest.approx((90 / 11) / 4 + 15)
        assert net.num_batches_tracked.item() == 2
    assert (net.weight.item(), net.running_mean.item()) == (20, 20)

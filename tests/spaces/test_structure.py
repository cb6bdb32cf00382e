"""Which networks are held to be the same: never two that differ."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import untrained
from untrained.spaces.structure import content_of, structure_of


class Holder(nn.Module):
    """A module with an attribute."""

    def __init__(self, held: Any) -> None:
        super().__init__()
        self.held = held


class Twice(nn.Module):
    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second


class Tied(nn.Module):
    def __init__(self, *, tied: bool) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)
        if tied:
            self.b.weight = self.a.weight


def doubled(x: Tensor) -> Tensor:
    return 2 * x


SHARED = nn.BatchNorm1d(2)
PAIRS: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module]]] = {
    "class": (lambda: nn.ReLU(), lambda: nn.GELU()),
    "rate of dropout": (lambda: nn.Dropout(0.1), lambda: nn.Dropout(0.2)),
    "in place": (lambda: nn.ReLU(), lambda: nn.ReLU(inplace=True)),
    "stride": (lambda: nn.Conv2d(1, 1, 3), lambda: nn.Conv2d(1, 1, 3, stride=2)),
    "padding mode": (
        lambda: nn.Conv2d(1, 1, 3, padding=1),
        lambda: nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"),
    ),
    "order": (lambda: nn.Sequential(nn.ReLU(), nn.Tanh()), lambda: nn.Sequential(nn.Tanh(), nn.ReLU())),
    "shape": (lambda: nn.Linear(1, 2), lambda: nn.Linear(2, 1)),
    "bias": (lambda: nn.Linear(1, 2), lambda: nn.Linear(1, 2, bias=False)),
    "dtype": (lambda: nn.Linear(1, 2), lambda: nn.Linear(1, 2).double()),
    "frozen": (lambda: nn.Linear(1, 2), lambda: nn.Linear(1, 2).requires_grad_(False)),
    "mode": (lambda: nn.Dropout(), lambda: nn.Dropout().eval()),
    "name": (lambda: nn.Sequential(nn.ReLU()), lambda: nn.ModuleDict({"a": nn.ReLU()})),
    "number": (lambda: Holder(1), lambda: Holder(2)),
    "type of a number": (lambda: Holder(1), lambda: Holder(True)),
    "text": (lambda: Holder("relu"), lambda: Holder("gelu")),
    "function": (lambda: Holder(F.relu), lambda: Holder(doubled)),
    "argument of a function": (
        lambda: Holder(functools.partial(F.leaky_relu, negative_slope=0.1)),
        lambda: Holder(functools.partial(F.leaky_relu, negative_slope=0.2)),
    ),
    "list within": (lambda: Holder([1, (2, {"a": 3})]), lambda: Holder([1, (2, {"a": 4})])),
    "shared module": (lambda: Twice(bn := nn.BatchNorm1d(2), bn), lambda: Twice(nn.BatchNorm1d(2), nn.BatchNorm1d(2))),
    "shared weight": (lambda: Tied(tied=True), lambda: Tied(tied=False)),
    "heads": (lambda: nn.MultiheadAttention(4, 1), lambda: nn.MultiheadAttention(4, 2)),
    "activation": (
        lambda: nn.TransformerEncoderLayer(4, 1, 4, activation="relu"),
        lambda: nn.TransformerEncoderLayer(4, 1, 4, activation="gelu"),
    ),
    "layers of an LSTM": (lambda: nn.LSTM(2, 2), lambda: nn.LSTM(2, 2, batch_first=True)),
}


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize(("one", "other"), PAIRS.values(), ids=PAIRS.keys())
def test_networks_that_differ_are_told_apart(one: Any, other: Any, device: str) -> None:
    with torch.device(device):
        first, again, second = structure_of(one()), structure_of(one()), structure_of(other())
    assert first == again
    assert first is not None
    assert first != second


def closure(width: int) -> nn.Module:
    class Local(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * width

    return Local()


class Thing:
    """An object that says nothing of itself."""


def hooked() -> nn.Module:
    net = nn.Linear(1, 1)
    net.register_forward_hook(lambda *_: None)
    return net


@pytest.mark.parametrize(
    "build",
    [
        lambda: closure(2),
        lambda: Holder(Thing()),
        lambda: Holder(lambda x: x),
        lambda: Holder([nn.Linear(1, 1)]),
        lambda: Holder(torch.ones(2)),
        hooked,
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)),
    ],
    ids=[
        "class made inside",
        "object",
        "function made inside",
        "hidden module",
        "hidden tensor",
        "hook",
        "parametrized",
    ],
)
def test_what_cannot_be_compared_is_like_nothing_else(build: Any) -> None:
    assert structure_of(build()) is None


def test_weights_count() -> None:
    def seeded(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))

    with torch.random.fork_rng():
        one, same, other = seeded(0), seeded(0), seeded(1)
    assert structure_of(one) == structure_of(other)
    assert content_of(one) == content_of(same) != content_of(other)
    same[1].running_mean.add_(1)  # type: ignore[operator, union-attr]
    assert content_of(one) != content_of(same)


def test_architectures_of_one_network_are_one_in_the_pool() -> None:
    """`unused` changes nothing, `kernel` nothing without a convolution, `gain` the weights, `table` a buffer."""

    def build(trial: Any) -> nn.Module:
        trial.suggest_int("unused", 1, 3)
        kernel = trial.suggest_categorical("kernel", [1, 3])
        gain = trial.suggest_categorical("gain", [1.0, 2.0])
        if trial.suggest_categorical("kind", ["linear", "conv"]) == "conv":
            net: nn.Module = nn.Conv2d(1, 2, kernel, bias=False)
        else:
            net = nn.Linear(4, 2, bias=False)
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.mul_(gain)
        return net

    space = untrained.space(build)
    assert space.size == 3 * 2 * 2 * 2
    assert space.pool() == [
        "unused=1,kernel=1,gain=1.0,kind=linear",
        "unused=1,kernel=1,gain=1.0,kind=conv",
        "unused=1,kernel=1,gain=2.0,kind=linear",
        "unused=1,kernel=1,gain=2.0,kind=conv",
        "unused=1,kernel=3,gain=1.0,kind=conv",
        "unused=1,kernel=3,gain=2.0,kind=conv",
    ]
    assert space.canonical("unused=3,kernel=3,gain=2.0,kind=linear") == "unused=1,kernel=1,gain=2.0,kind=linear"


def test_buffers_are_compared_by_their_numbers() -> None:
    def build(trial: Any) -> nn.Module:
        net = nn.BatchNorm1d(2)
        net.register_buffer("table", torch.full((2,), float(trial.suggest_int("fill", 0, 2))))
        return net

    assert len(untrained.space(build).pool()) == 3

"""What may be given as an objective, and what it may return."""

import functools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from toy import MLPs, toy_batch
from untrained.data import as_data
from untrained.errors import InputError
from untrained.objectives import Evaluation, EvaluationFailed, Objective, as_evaluation, as_objective

SPACE = MLPs()
ARCH = "width=8,depth=2,norm=False"


class Wide(Objective):
    direction = "minimize"

    @property
    def identity(self) -> dict[str, Any]:
        return {"kind": "wide"}

    def __call__(self, arch: str, trial: Any = None) -> Evaluation:
        return Evaluation(SPACE.to_params(arch)["width"], 2.0)


class Duck:
    """As little as an object needs."""

    def identity(self) -> dict[str, Any]:
        return {"kind": "duck"}

    def __call__(self, arch: str) -> float:
        return float(SPACE.to_params(arch)["width"])


class Needs:
    identity = "needs"

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, arch: str) -> float:
        return self.rate


def number_of_weights(network: nn.Module, trial: Any) -> float:
    assert trial == "the trial"
    return sum(p.numel() for p in network.parameters())


def annotated(x: nn.Module) -> float:
    return sum(p.numel() for p in x.parameters())


# 16 x 8 + 8, 8 x 8 + 8, 8 x 3 + 3 weights
@pytest.mark.parametrize(
    ("given", "value"),
    [
        (Wide(), 8),
        (Wide, 8),
        (Duck(), 8),
        (Duck, 8),
        (len, len(ARCH)),
        (lambda arch: np.float32(0.5), 0.5),
        (lambda x: torch.tensor(0.25), 0.25),
        (lambda x, epochs=3: epochs, 3),
        (lambda arch, trial: trial == "the trial", None),
        (lambda arch, trial=None: float(trial == "the trial"), 1),
        (lambda whatever, trial: len(list(whatever.parameters())), 6),
        (functools.partial(lambda arch, times: times * 2, times=4), 8),
        (number_of_weights, 136 + 72 + 27),
        (annotated, 136 + 72 + 27),
        (lambda arch: Evaluation(1.5, 3.0), 1.5),
    ],
)
def test_what_an_objective_may_be(given: Any, value: float | None) -> None:
    returned: Any = as_objective(given, SPACE)
    if value is None:
        with pytest.raises(TypeError, match="value is True"):
            returned(ARCH, "the trial")
    else:
        assert as_evaluation(returned(ARCH, "the trial"), 0.0).value == value


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (Needs, "class Needs"),
        (3, "a int"),
        (lambda: 1.0, "takes nothing"),
        (lambda a, b, c: 1.0, "takes a, b, c"),
        (lambda a, b: 1.0, "may mean anything"),
        (lambda arch, *, rate: 1.0, "takes arch, rate"),
    ],
)
def test_what_an_objective_may_not_be(given: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        as_objective(given, SPACE)


def test_a_function_that_takes_data_gets_those_of_the_search() -> None:
    def train(network: nn.Module, trial: Any, data: Any) -> float:
        return float(len(data)) + (trial == "the trial")

    def loops(network: nn.Module, data: Any = (1, 2)) -> float:
        return len(data)

    def value(function: Any, data: Any) -> float:
        objective: Any = as_objective(function, SPACE, data=data)
        return objective(ARCH, "the trial").value

    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*toy_batch(6)), batch_size=2)
    assert value(train, loader) == 4.0
    assert (value(loops, None), value(loops, [1])) == (2.0, 1.0)
    assert as_objective(train, SPACE, data=loader).apart
    assert not as_objective(loops, SPACE).apart
    told = [as_objective(train, SPACE, data=toy_batch(6, seed)).identity["data"] for seed in (0, 0, 1)]
    assert told[0] == told[1] != told[2]
    with pytest.raises(InputError, match=r"takes data: give search\(..., data=...\)"):
        as_objective(train, SPACE)
    with pytest.raises(InputError, match="data= beside Wide, which has its own"):
        as_objective(Wide(), SPACE, data=loader)


def test_metrics_look_at_the_data_of_an_own_training() -> None:
    digits = as_data("digits")
    objective = as_objective(lambda network, trial, data: 1.0, SPACE, data=digits)
    found, wanted = objective.batch(8, 3), digits.batch(8, 3)
    assert found is not None
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
    assert objective.example is not None
    assert objective.example.shape == (1, 1, 8, 8)


def test_which_way_is_better() -> None:
    assert as_objective(len, SPACE).direction == "maximize"
    assert as_objective(len, SPACE, "minimize").direction == "minimize"
    assert as_objective(Duck, SPACE, "minimize").direction == "minimize"
    assert as_objective(Wide, SPACE).direction == "minimize"
    with pytest.raises(InputError, match="objective says 'minimize'"):
        as_objective(Wide, SPACE, "maximize")
    with pytest.raises(InputError, match="direction 'down'"):
        as_objective(len, SPACE, "down")  # pyright: ignore[reportArgumentType] - what is refused


def test_a_function_of_a_network_is_seeded_by_the_architecture_and_its_weights_are_kept() -> None:
    def step(network: nn.Module, trial: Any = None) -> float:
        inputs, targets = toy_batch()
        inputs += torch.rand_like(inputs) + np.random.rand()
        optimizer = torch.optim.SGD(network.parameters(), 0.1)
        loss = nn.functional.cross_entropy(network(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    first, again = (as_objective(step, SPACE)(ARCH) for _ in range(2))
    assert first.value == again.value
    assert first.weights is not None
    network = SPACE.build(ARCH)
    network.load_state_dict(dict(first.weights))
    assert as_objective(step, SPACE)("width=8,depth=2,norm=True").value != first.value


def raises(error: type[Exception], says: str, returned: Any) -> None:
    with pytest.raises(error, match=says):
        as_evaluation(returned, 1.0)


def test_what_an_objective_may_return() -> None:
    assert as_evaluation(2, 7.0) == Evaluation(2.0, 7.0)
    assert as_evaluation(Evaluation(Fraction(1, 4), None), 7.0) == Evaluation(0.25, 7.0)  # pyright: ignore[reportArgumentType]
    assert as_evaluation(Evaluation(1.0, 3.0), 7.0).cost_seconds == 3.0
    for value in (None, "0.9", [0.9], torch.zeros(2), True):
        raises(TypeError, "value", value)
    for value in (float("nan"), float("inf"), torch.tensor(-torch.inf)):
        raises(EvaluationFailed, "the objective is", value)
    for cost in ("2", float("nan"), -1.0):
        raises(TypeError, "cost_seconds", Evaluation(1.0, cost))  # pyright: ignore[reportArgumentType]
    weights: list[Any] = [3, torch.eye(2).to_sparse(), torch.empty(2, device="meta")]
    for weight in weights:
        raises(TypeError, "weight 'w'", Evaluation(1.0, 1.0, {"w": weight}))


def test_what_a_duck_has_besides_is_used() -> None:
    class Reporting(Duck):
        steps = (1, 2)
        threads = 2

        def report(self, arch: str, weights: Any) -> dict[str, float]:
            return {"test": 1.0}

        def check(self, arch: str) -> None:
            raise InputError("never")

    objective = as_objective(Reporting(), SPACE)
    assert (objective.steps, objective.threads) == ((1, 2), 2)
    assert objective.report(ARCH, None) == {"test": 1.0}
    assert objective.identity == {"kind": "duck"}
    with pytest.raises(InputError, match="never"):
        objective.check(ARCH)
    plain = as_objective(Duck(), SPACE)
    assert (plain.steps, plain.example, plain.report(ARCH, None), plain.batch(3)) == ((), None, {}, None)
    weight: Tensor = plain.loss(torch.zeros(1, 2), torch.tensor([0]))
    assert weight.item() == pytest.approx(np.log(2))

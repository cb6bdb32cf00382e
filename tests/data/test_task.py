"""Targets of a regression are learnt standardised, and come back in their own units."""

import pytest
import torch
from torch.utils.data import TensorDataset

from untrained.data import Prepared, Task
from untrained.data.preparation import AsIs
from untrained.errors import InputError

PRICES = Task("regression", 2, mean=(10.0, -1.0), std=(2.0, 0.5))


def test_targets_are_scaled_and_outputs_come_back() -> None:
    targets = torch.tensor([[12.0, -1.0], [10.0, 0.0]])
    learnt = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    assert torch.equal(PRICES.scaled(targets), learnt)
    assert torch.equal(PRICES.restored(learnt), targets)
    assert torch.equal(PRICES.module()(learnt), targets)
    assert not list(PRICES.module().state_dict())


def test_one_float_a_sample() -> None:
    task = Task("regression", 1, mean=(10.0,), std=(2.0,))
    assert task.scaled(torch.tensor([12.0, 8.0])).tolist() == [1.0, -1.0]
    assert task.scaled(torch.tensor(12.0).double()).tolist() == 1.0


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_a_task_without_mean_changes_nothing(kind: str) -> None:
    task = Task(kind, 2)  # pyright: ignore[reportArgumentType]
    values = torch.tensor([1, 0])
    assert task.scaled(values) is values
    assert task.module()(values) is values


@pytest.mark.parametrize("form", [dict, tuple])
def test_each_head_has_its_own_units(form: type) -> None:
    task = Task("several", heads={"kind": Task("classification", 3), "prices": PRICES})
    kinds, prices = torch.tensor([2, 0]), torch.tensor([[12.0, -1.0], [10.0, 0.0]])
    given = {"kind": kinds, "prices": prices} if form is dict else (kinds, prices)
    learnt = task.scaled(given)
    parts = list(learnt.values()) if form is dict else learnt
    assert torch.equal(parts[0], kinds)
    assert torch.equal(parts[1], torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
    back = task.restored(learnt)
    assert torch.equal((list(back.values()) if form is dict else back)[1], prices)


def test_json_keeps_it() -> None:
    task = Task("several", heads={"kind": Task("classification", 2, ("a", "b")), "prices": PRICES})
    assert Task.from_json(task.to_json()) == task


def test_prepared_samples_hold_what_is_learnt_and_raw_ones_the_units() -> None:
    raw = TensorDataset(torch.zeros(2, 3), torch.tensor([[12.0, -1.0], [10.0, 0.0]]))
    samples = Prepared(raw, AsIs(), PRICES)
    assert samples[0][1].tolist() == [1.0, 0.0]
    assert samples[[0, 1]][1].tolist() == [[1.0, 0.0], [0.0, 2.0]]
    assert samples.raw[1][1].tolist() == [10.0, 0.0]


@pytest.mark.parametrize(
    ("kind", "mean", "std", "said"),
    [
        ("regression", (1.0,), (1.0,), r"has outputs \(2\)"),
        ("regression", (1.0, 2.0), (1.0, 0.0), "above 0"),
        ("classification", (1.0, 1.0), (1.0, 1.0), "as a regression"),
    ],
)
def test_what_does_not_fit_is_refused(kind: str, mean: tuple[float, ...], std: tuple[float, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Task(kind, 2, mean=mean, std=std)  # pyright: ignore[reportArgumentType]

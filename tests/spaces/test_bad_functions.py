"""Functions that make no space: one line that says why."""

import itertools
import random
import time
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from torch import nn

import untrained
from untrained.errors import InputError
from untrained.spaces import exploring
from untrained.spaces import function as function_module


def twice(trial: Any) -> nn.Module:
    trial.suggest_categorical("w", [8, 16])
    return nn.Linear(1, trial.suggest_categorical("w", [8, 32]))


def otherwise(trial: Any) -> nn.Module:
    kind = trial.suggest_categorical("kind", ["a", "b"])
    return nn.Linear(1, trial.suggest_int("w", 1, 2 if kind == "a" else 3))


def forgetful(trial: Any) -> None:
    nn.Linear(1, trial.suggest_int("w", 1, 2))


def endless(trial: Any) -> nn.Module:
    return nn.Sequential(*(nn.Linear(1, trial.suggest_int(f"w{i}", 1, 2)) for i in itertools.count()))


def dicing(trial: Any) -> nn.Module:
    return nn.Linear(trial.suggest_int("w", 1, 2), random.randrange(1, 10**6))


def numpys(trial: Any) -> nn.Module:
    return nn.Linear(trial.suggest_int("w", 1, 2), int(np.random.default_rng().integers(1, 10**6)))


def fickle(trial: Any) -> nn.Module:
    name = f"w{random.randrange(10**6)}"
    return nn.Linear(1, trial.suggest_int(name, 1, 2))


def raising(trial: Any) -> nn.Module:
    if trial.suggest_int("depth", 1, 4) == 3:
        raise ValueError("no third\nway")
    return nn.Identity()


def asking_nothing(trial: Any) -> nn.Module:
    return nn.Linear(1, 1)


def quitting(trial: Any) -> nn.Module:
    raise SystemExit("goodbye")


def modules(trial: Any) -> nn.Module:
    return trial.suggest_categorical("act", [nn.ReLU(), nn.GELU()])


def comma(trial: Any) -> nn.Module:
    return nn.Linear(1, trial.suggest_int("a,b", 1, 2))


def backwards(trial: Any) -> nn.Module:
    return nn.Linear(1, trial.suggest_int("w", 5, 2))


def text(trial: Any) -> nn.Module:
    return nn.Linear(1, len(trial.suggest_categorical("w", "abc")))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (twice, "decision 'w' is asked for as one of 8, 16 and as one of 8, 32: give each a name of its own"),
        (otherwise, "decision 'w' is asked for as int from 1 to 2 and as int from 1 to 3"),
        (forgetful, "returns nothing for 'w=1': return an nn.Module"),
        (lambda trial: trial.suggest_int("w", 1, 2), "returns 1 for 'w=1': return an nn.Module"),
        (endless, "more than 1000 decisions in one architecture"),
        (dicing, "another network of 'w=1' at a second run: take choices from the trial"),
        (numpys, "another network of 'w=1' at a second run"),
        (fickle, "asks for .*every choice must come from the trial"),
        (raising, "raises ValueError: no third for 'depth=3': raise optuna.TrialPruned"),
        (asking_nothing, "asks for nothing: use trial.suggest_int"),
        (quitting, "raises SystemExit: goodbye"),
        (modules, "choice .*ReLU.* of decision 'act'"),
        (comma, "'a,b'.*name"),
        (backwards, "raises ValueError"),
        (text, "decision 'w' has the choices 'abc': give a list"),
        (lambda trial, what: nn.Linear(1, 1), "needs what: untrained.space"),
    ],
    ids=lambda part: getattr(part, "__name__", ""),
)
def test_a_wrong_function_is_told_when_it_is_first_used(build: Any, words: str) -> None:
    uses: list[Any] = [lambda s: s.pool(1), lambda s: s.size, lambda s: s.sample(random.Random(0))]
    for use in uses:
        with pytest.raises(InputError, match=words) as caught:
            use(untrained.space(build))
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) <= 300


def test_a_function_that_does_not_come_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_module, "LONGEST_RUN", 0.2)

    def build(trial: Any) -> nn.Module:
        trial.suggest_int("w", 1, 2)
        while True:
            time.sleep(0.001)

    with pytest.raises(InputError, match=r"more than 0\.2 s for 'w=1'"):
        untrained.space(build).pool()


def test_a_function_that_is_too_slow_to_be_explored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exploring, "LONGEST", 0.1)

    def build(trial: Any) -> nn.Module:
        time.sleep(0.02)
        return nn.Linear(1, trial.suggest_int("w", 1, 1000))

    with pytest.raises(InputError, match=r"networks took 0\.1 s"):
        untrained.space(build).pool(1)


def test_nothing_of_the_function_is_left_behind() -> None:
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[union-attr]

    def build(trial: Any) -> nn.Module:
        random.random()
        np.random.rand()
        torch.rand(1)
        return nn.Linear(1, trial.suggest_int("w", 1, 3))

    untrained.space(build).pool()
    assert torch.equal(states[0], torch.get_rng_state())
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states[1:]  # type: ignore[union-attr]
    assert torch.zeros(1).device.type == "cpu"


def test_a_function_that_refuses_everything() -> None:
    def build(trial: Any) -> nn.Module:
        trial.suggest_int("w", 1, 3)
        raise optuna.TrialPruned

    with pytest.raises(InputError, match="no valid architecture"):
        untrained.space(build).pool()


def test_the_networks_of_a_random_function_do_not_pass_for_those_of_the_space() -> None:
    """Its decisions look steady while it is explored, and are others when a network is built."""
    calls = list[int]()

    def build(trial: Any) -> nn.Module:
        calls.append(1)
        return nn.Linear(1, trial.suggest_int("w" if len(calls) < 60 else "v", 1, 2))

    space = untrained.space(build)
    assert space.pool() == ["w=1", "w=2"]
    calls.extend([1] * 60)
    with pytest.raises(InputError, match="something else than before"):
        space.build("w=1")

"""A function of a trial as a space."""

import functools
import pickle
import random
import sys
from itertools import product
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from optuna.trial import FixedTrial
from torch import nn

import untrained
from spaces.functions import branches, large, layers
from untrained.errors import InputError
from untrained.samplers.decisions import INACTIVE, DecisionPool, encode
from untrained.spaces import SearchSpace, as_space, get_space, remade_space

LAYERS = [
    ",".join([f"depth={depth}", *(f"width{i}={w}" for i, w in enumerate(widths))])
    for depth in range(1, 5)
    for widths in product([8, 16], repeat=depth)
]


@pytest.fixture(scope="module")
def space() -> SearchSpace:
    return untrained.space(layers)


@pytest.fixture(scope="module")
def forked() -> SearchSpace:
    return untrained.space(branches)


@pytest.fixture(scope="module")
def vast() -> SearchSpace:
    return untrained.space(large)


def test_loops_are_counted_and_listed(space: SearchSpace) -> None:
    assert (space.size, len(LAYERS)) == (30, 30)
    assert list(space) == space.pool() == LAYERS
    assert space.conditional
    assert list(space.decisions) == ["depth", "width0", "width1", "width2", "width3"]
    assert sorted(space.pool(30, seed=3)) == sorted(LAYERS)
    assert space.pool(9, seed=3) == space.pool(20, seed=3)[:9]
    with pytest.raises(InputError, match="30 distinct"):
        space.pool(31)


def test_conditions_are_counted(forked: SearchSpace) -> None:
    assert forked.size == len(set(forked)) == 18
    assert "kind=conv,kernel=(1, 3),channels=8" in set(forked)
    assert "kind=mlp,width=3,deep=True,drop=0.2" in set(forked)
    assert forked.to_params("kind=conv,kernel=(1, 3),channels=8") == {"kind": "conv", "kernel": (1, 3), "channels": 8}


def test_strings_hold_the_decisions_that_are_taken(space: SearchSpace) -> None:
    arch = "depth=2,width0=8,width1=16"
    assert space.to_params(arch) == {"depth": 2, "width0": 8, "width1": 16}
    assert space.to_arch({"depth": 2, "width0": 8, "width1": 16, "width2": 8, "lr": 0.1}) == arch
    assert list(space.decisions_of(arch)) == list(space.study_distributions(arch)) == ["depth", "width0", "width1"]
    assert space.canonical(arch) == space.read(f" {arch}\n") == arch


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("depth=2,width0=8", "malformed .*'depth=2,width0=8'"),
        ("depth=1,width0=8,width1=8", "malformed"),
        ("width0=8,depth=1", "malformed"),
        ("depth=1,depth=1,width0=8", "malformed"),
        ("depth=5,width0=8", "depth='5' is not a int from 1 to 4"),
        ("depth=1,width0=9", "width0='9' is not one of 8, 16"),
        ("nonsense", "malformed"),
        ("", "malformed"),
    ],
)
def test_what_is_no_architecture(space: SearchSpace, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        space.to_params(text)
    with pytest.raises(InputError):
        space.build(text)


def test_networks_are_what_the_function_builds(space: SearchSpace) -> None:
    torch.manual_seed(0)
    ours = space.build("depth=2,width0=8,width1=16")
    after = torch.rand(1)
    torch.manual_seed(0)
    theirs = layers(FixedTrial({"depth": 2, "width0": 8, "width1": 16}))
    assert all(map(torch.equal, ours.state_dict().values(), theirs.state_dict().values()))
    assert torch.equal(after, torch.rand(1))  # neither looking at it nor building it draws more
    assert ours(torch.zeros(2, 1, 4, 4)).shape == (2, 3)


def test_mutation_changes_one_decision_and_keeps_the_rest(space: SearchSpace) -> None:
    rng = random.Random(0)
    seen = {space.mutate("depth=2,width0=8,width1=16", rng) for _ in range(300)}
    same_depth = {"depth=2,width0=16,width1=16", "depth=2,width0=8,width1=8"}
    deeper = {arch for arch in LAYERS if arch.startswith(("depth=3,width0=8,width1=16", "depth=4,width0=8,width1=16"))}
    assert seen == same_depth | {"depth=1,width0=8"} | deeper


def test_children_have_decisions_of_both(space: SearchSpace) -> None:
    rng = random.Random(0)
    seen = {space.crossover("depth=1,width0=8", "depth=2,width0=16,width1=16", rng) for _ in range(100)}
    shallow, deep = (
        ["depth=1,width0=8", "depth=1,width0=16"],
        ["depth=2,width0=8,width1=16", "depth=2,width0=16,width1=16"],
    )
    assert seen == {*shallow, *deep}


def test_a_trial_of_optuna_decides_as_in_the_function_itself(forked: SearchSpace) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    seen = set[str]()
    for _ in range(40):
        trial = study.ask()
        arch = forked.suggest(trial)
        assert arch == forked.arch_of_trial(trial.params)
        assert trial.params.keys() == forked.to_params(arch).keys()
        study.tell(trial, 0.0)
        seen.add(arch)
    assert len(seen) > 10
    assert seen <= set(forked)


def test_what_an_architecture_does_not_take_has_a_code_of_its_own(forked: SearchSpace) -> None:
    archs = tuple(forked)
    codes = DecisionPool(archs, forked).codes
    assert len(forked.decisions) == 6
    conv = encode(forked.to_params("kind=conv,kernel=(3, 3),channels=8"), forked.decisions)
    assert dict(zip(forked.decisions, conv, strict=True)) == {
        "kind": 0, "kernel": 1, "channels": 1, "width": INACTIVE, "deep": INACTIVE, "drop": INACTIVE,
    }  # fmt: skip
    assert len({tuple(row) for row in codes}) == 18


def test_neighbours_differ_in_one_decision_that_both_take(space: SearchSpace) -> None:
    pool = DecisionPool(tuple(LAYERS), space)
    assert set(pool.neighbours("depth=1,width0=8")) == {"depth=1,width0=16"} | {
        arch for arch in LAYERS if "width0=8" in arch and "depth=1" not in arch
    }


def test_a_space_too_large_to_list_is_sampled(vast: SearchSpace) -> None:
    assert vast.size is None
    assert len(vast.decisions) == 3 + 12 + 12  # `drop11` is asked for after depth=12 and act11=GELU
    pool = vast.pool(40)
    assert len(set(pool)) == 40
    assert pool == untrained.space(large).pool(50)[:40]
    rng = random.Random(0)
    for arch in pool[:20]:
        assert vast.to_arch(vast.to_params(arch)) == arch
        assert vast.to_params(vast.mutate(arch, rng))
        assert vast.to_params(vast.crossover(arch, pool[20], rng))
    with pytest.raises(InputError, match="too large"):
        vast.pool()


def test_a_decision_that_changes_nothing_is_seen(vast: SearchSpace) -> None:
    assert vast.canonical("unused=3,gain=1.0,depth=1,act0=ReLU") == "unused=0,gain=1.0,depth=1,act0=ReLU"
    assert vast.canonical("unused=0,gain=2.0,depth=1,act0=ReLU") == "unused=0,gain=2.0,depth=1,act0=ReLU"
    assert all(arch.startswith("unused=0") for arch in vast.pool(20))


def test_the_facts_of_the_data_are_options() -> None:
    def build(trial: Any, num_classes: int, in_channels: int = 1, *, bias: bool = True) -> nn.Module:
        return nn.Linear(in_channels, trial.suggest_int("w", 1, 2) * num_classes, bias=bias)

    space = untrained.space(build, num_classes=5)
    assert space.options == {"num_classes": 5, "in_channels": 1, "bias": True}
    assert space.build("w=2").weight.shape == (10, 1)
    data = {"num_classes": 7, "in_channels": 3, "image_size": 8}
    assert as_space(build, data).options == {"num_classes": 7, "in_channels": 3, "bias": True}
    assert as_space(build, data, num_classes=2).options["num_classes"] == 2
    with pytest.raises(InputError, match="needs num_classes"):
        untrained.space(build)
    with pytest.raises(InputError, match="no option 'classes': it has trial, num_classes"):
        untrained.space(build, classes=3)


OWN = """
from torch import nn

def build(trial, num_classes=10, in_channels=3):
    return nn.Linear(in_channels, num_classes * trial.suggest_categorical("w", [1, 2]))
"""


def test_a_function_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "own.py").write_text(OWN)
    space = get_space("own.py:build", {"num_classes": 4, "task": "jigsaw"}, in_channels=2)
    assert (space.name, space.options) == (f"{tmp_path}/own.py:build", {"num_classes": 4, "in_channels": 2})
    assert space.pool() == ["w=1", "w=2"]
    assert remade_space(space.name, space.options) == space
    again = pickle.loads(pickle.dumps(space))
    assert (again, again.pool()) == (space, ["w=1", "w=2"])


def test_spaces_of_one_function_are_equal() -> None:
    assert untrained.space(layers) == as_space(layers) != untrained.space(layers, num_classes=2)
    assert hash(untrained.space(layers)) == hash(as_space(layers))
    assert untrained.space(untrained.NASBench201, N=1) == untrained.NASBench201(N=1)
    assert untrained.space("nasbench201", N=1) == untrained.NASBench201(N=1)


def test_the_function_need_not_call_it_trial() -> None:
    space = untrained.space(lambda t: nn.Linear(t.suggest_int("w", 1, 3), 1))
    assert space.pool() == ["w=1", "w=2", "w=3"]


def test_numbers_of_tensors_may_be_read() -> None:
    def build(trial: Any) -> nn.Module:
        rates = torch.linspace(0, 0.5, trial.suggest_int("depth", 1, 3)).tolist()
        return nn.Sequential(*(nn.Dropout(rate) for rate in rates))

    space = untrained.space(build)
    assert space.pool() == ["depth=1", "depth=2", "depth=3"]
    assert [part.p for part in space.build("depth=3").children()] == [0.0, 0.25, 0.5]


def test_nothing_is_allocated_to_find_the_decisions() -> None:
    def build(trial: Any) -> nn.Module:
        return nn.Linear(10**6, 10 ** trial.suggest_int("digits", 6, 7))  # 3.6 TiB and ten times as much

    space = untrained.space(build)
    assert space.pool() == ["digits=6", "digits=7"]
    with pytest.raises(InputError, match="takes 3725 GiB: this machine has"):
        space.build("digits=6")


def test_what_is_pruned_is_no_architecture() -> None:
    def build(trial: Any) -> nn.Module:
        a, b = (trial.suggest_int(name, 0, 5) for name in "ab")
        if a + b != 5:
            raise optuna.TrialPruned("a and b must make 5")
        return nn.Linear(a + 1, b + 1)

    space, rng = untrained.space(build), random.Random(0)
    valid = [f"a={a},b={5 - a}" for a in range(6)]
    assert list(space) == space.pool() == valid
    assert space.size == 6
    assert {space.sample(rng) for _ in range(100)} == set(valid)
    assert space.mutate(valid[0], rng) == valid[0]
    assert not space.valid({"a": 0, "b": 0})
    with pytest.raises(InputError, match=r"'a=1,b=1' is not a valid architecture .*must make 5"):
        space.to_params("a=1,b=1")


def test_kinds_of_functions() -> None:
    """A class with a trial, an object, a function bound to arguments, one that takes the trial by position."""

    class Net(nn.Module):
        def __init__(self, trial: Any, num_classes: int = 10) -> None:
            super().__init__()
            self.head = nn.Linear(trial.suggest_int("w", 1, 2), num_classes)

    class Maker:
        def __call__(self, trial: Any) -> nn.Module:
            return nn.Linear(trial.suggest_int("w", 1, 2), 1)

    def by_position(trial: Any, /, num_classes: int = 3) -> nn.Module:
        return nn.Linear(trial.suggest_int("w", 1, 2), num_classes)

    for given in (Net, Maker(), functools.partial(Net, num_classes=4), by_position):
        assert untrained.space(given).pool() == ["w=1", "w=2"]
    assert untrained.space(functools.partial(Net, num_classes=4)).options == {"num_classes": 4}
    assert untrained.space(by_position, num_classes=2).build("w=2").weight.shape == (2, 2)


def test_modules_whose_shapes_are_still_to_come() -> None:
    space = untrained.space(lambda trial: nn.Sequential(nn.Flatten(), nn.LazyLinear(trial.suggest_int("w", 1, 2))))
    assert space.pool() == ["w=1", "w=2"]
    assert space.build("w=2")(torch.zeros(3, 2, 2)).shape == (3, 2)

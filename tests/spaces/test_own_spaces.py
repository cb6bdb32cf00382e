"""Spaces of a user's own: any kind of class, rules, wrong distributions, pools, studies."""

import json
import math
import pickle
import random
import statistics
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from torch import nn

from spaces.given import GRID, Given, Ruled
from toy import MLPs
from untrained.errors import InputError
from untrained.samplers.decisions import DecisionPool, encode
from untrained.spaces import (
    NASBench201,
    SearchSpace,
    TransNASMacro,
)


def test_lists_attributes_and_methods_will_do() -> None:
    given = {"w": [1, 2, 3], "act": ("ReLU", "GELU", "SiLU")}
    attribute = type("Attribute", (Given,), {"distributions": given})(None)
    method = type("Method", (Given,), {"distributions": lambda self: given})(None)
    for space in (attribute, method):
        assert space.size == 9
        assert space.pool()[0] == "w=1,act=ReLU"
        assert space.study_distributions()["w"] == CategoricalDistribution((1, 2, 3))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ([1, 2], "of type list"),
        (None, "of type NoneType"),
        ({}, "empty"),
        ({"w": 3}, "'w' is 3"),
        ({"w": "abc"}, "'w' is 'abc'"),
        ({"w": range(3)}, r"range\(0, 3\).*IntDistribution"),
        ({"w": (8, 64)}, r"\(8, 64\).*IntDistribution"),
        ({"w": (0.1, 0.5)}, "FloatDistribution"),
        ({"w": []}, r"'w' is \[\]"),
        ({"w": IntDistribution}, "'w' is <class"),
        ({"w": [nn.ReLU, nn.GELU]}, "choice .*ReLU.* of decision 'w'"),
        ({"w": [object()]}, "choice .*object"),
        ({"a,b": [1]}, "'a,b'.*name"),
        ({"a=b": [1]}, "'a=b'.*name"),
        ({"": [1]}, "''.*name"),
        ({"a\nb": [1]}, "name"),
        ({3: [1]}, "decision 3.*name"),
        ({"x" * 1000 + ",": [1]}, "name"),
    ],
)
def test_wrong_distributions_are_told_when_the_space_is_first_used(wrong: Any, words: str) -> None:
    uses: list[Any] = [
        lambda space: space.pool(1),
        lambda space: space.to_params("w=1"),
        lambda space: space.size,
        lambda space: space.sample(random.Random(0)),
        lambda space: space.study_distributions(),
    ]
    for use in uses:
        with pytest.raises(InputError, match=words) as caught:
            use(Given(wrong))
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) <= 300


def test_distributions_that_change_or_break() -> None:
    class Changing(Given):
        @property
        def distributions(self) -> dict[str, BaseDistribution]:
            return {"w": IntDistribution(1, random.randrange(2, 10**9))}

    class Broken(Given):
        @property
        def distributions(self) -> dict[str, BaseDistribution]:
            return {"w": IntDistribution(1, getattr(self, "nothing"))}  # noqa: B009

    with pytest.raises(InputError, match="something else at every call"):
        Changing(None).pool(2)
    with pytest.raises(InputError, match=r"distributions raises AttributeError: .*nothing"):
        Broken(None).pool(2)
    space = Given({"w": [1, 2]})
    assert space.pool() == ["w=1", "w=2"]
    space.given = {"w": [3]}  # the user's own change is seen
    assert space.pool() == ["w=3"]


def test_rules_hold_everywhere() -> None:
    space = Ruled(GRID, lambda p: p["a"] + p["b"] == 5)
    valid = [f"a={a},b={5 - a}" for a in range(6)]
    assert list(space) == space.pool() == valid
    assert space.size == 6
    rng = random.Random(0)
    assert {space.sample(rng) for _ in range(100)} == set(valid)
    assert set(space.pool(6, seed=1)) == set(valid)
    assert space.mutate(valid[0], rng) == valid[0]  # no valid one differs in one decision
    with pytest.raises(InputError, match="'a=1,b=1' is not a valid architecture"):
        space.to_params("a=1,b=1")
    with pytest.raises(InputError, match="6 distinct"):
        space.pool(7)
    even = Ruled(GRID, lambda p: (p["a"] + p["b"]) % 2 == 0)
    seen = {even.mutate("a=0,b=0", rng) for _ in range(200)}
    assert seen == {"a=2,b=0", "a=4,b=0", "a=0,b=2", "a=0,b=4"}
    pool = DecisionPool(tuple(even), even)
    assert set(pool.neighbours("a=0,b=0")) == seen
    assert pool.member("a=0,b=1") is None


def test_rules_of_spaces_too_large_to_count() -> None:
    large = {f"x{i}": IntDistribution(0, 99) for i in range(5)}
    space = Ruled(large, lambda p: p["x0"] < 50)
    assert space.size is None
    assert all(space.to_params(arch)["x0"] < 50 for arch in space.pool(100))
    nothing = Ruled(large, lambda p: False)
    with pytest.raises(InputError, match=r"none of .* draws is a valid"):
        nothing.pool(1)
    with pytest.raises(InputError, match="no valid architecture"):
        Ruled(GRID, lambda p: False).pool()


def test_a_skeleton_of_transnas_is_valid_by_its_rules() -> None:
    space = TransNASMacro()
    params = space.to_params("64-4111-basic")
    assert space.valid(params)
    assert not space.valid(params | {"layer_1": "1"})  # nothing doubles the channels or halves the resolution
    rng = random.Random(0)
    for _ in range(200):
        assert space.valid(space.to_params(space.mutate("64-4111-basic", rng)))


def test_logarithmic_integers_are_drawn_by_their_logarithm() -> None:
    """A number below sqrt(low * high) is as likely as one above; evenly drawn, 3 in 100 would be."""
    space = Given({"w": IntDistribution(4, 4096, log=True), "x": FloatDistribution(0, 1)})
    enumerable = Given({"w": IntDistribution(4, 4096, log=True), "x": list(range(100))})
    for each in (space, enumerable):
        widths = [each.to_params(arch)["w"] for arch in each.pool(200)]
        assert abs(sum(w <= 128 for w in widths) / 200 - 0.5) < 0.1
        assert min(widths) < 8
        assert max(widths) > 2048
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    theirs = [study.ask(space.study_distributions()).params["w"] for _ in range(100)]
    ours = [space.to_params(space.sample(random.Random(i)))["w"] for i in range(400)]
    assert math.log(statistics.median(ours)) == pytest.approx(math.log(statistics.median(theirs)), abs=0.8)
    # The least and the greatest are drawn as often as their share of the axis says.
    small = Given({"w": IntDistribution(1, 4, log=True)})
    rng = random.Random(0)
    drawn = [small.to_params(small.sample(rng))["w"] for _ in range(9000)]
    for w in range(1, 5):
        share = math.log((w + 0.5) / (w - 0.5)) / math.log(4.5 / 0.5)
        assert drawn.count(w) / 9000 == pytest.approx(share, abs=0.02)
    assert sorted(small.pool()) == sorted(small.pool(4)) == ["w=1", "w=2", "w=3", "w=4"]


def test_places_of_values() -> None:
    space = Given(
        {
            "log": IntDistribution(4, 64, log=True),
            "steps": FloatDistribution(0, 0.4, step=0.1),
            "one": IntDistribution(5, 5),
            "kind": [True, 1, "1", (1,)],
        }
    )
    params = {"log": 16, "steps": 0.1, "one": 5, "kind": "1"}
    assert encode(params, space.decisions) == pytest.approx([0.5, 0.25, 0, 2])
    assert [space.decisions["kind"].position(value) for value in (True, 1, "1", (1,))] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "space",
    [
        NASBench201(),
        TransNASMacro(),
        MLPs(),
        Given({"w": IntDistribution(1, 10**6), "x": FloatDistribution(0, 1)}),
        Given({"w": IntDistribution(1, 20, log=True), "x": [1, 2]}),
        Ruled(GRID, lambda p: p["a"] <= p["b"]),
    ],
    ids=lambda space: type(space).__name__,
)
def test_a_larger_pool_begins_with_the_smaller_one(space: SearchSpace) -> None:
    for seed in (0, 1):
        larger = space.pool(18, seed)
        assert len(set(larger)) == 18
        for n in (1, 5, 17):
            assert space.pool(n, seed) == larger[:n]


def test_pools_are_as_they_were() -> None:
    """The pool of the command line's default size is what Python's `sample` draws of all distinct cells."""
    everything = NASBench201().pool()
    assert NASBench201().pool(256) == random.Random(0).sample(everything, 256)


def test_a_whole_space_can_be_drawn() -> None:
    space = Given({"w": IntDistribution(1, 3000)})
    assert sorted(space.pool(3000), key=len) != space.pool()
    assert set(space.pool(3000)) == set(space)
    few = Given({"x": FloatDistribution(1, 1), "y": FloatDistribution(0, 1)})
    assert len(few.pool(3)) == 3
    single = Given({"x": FloatDistribution(1, 1)})
    with pytest.raises(InputError, match="gave 1, then none"):
        single.pool(2)
    assert single.pool(2, at_most=True) == ["x=1.0"]
    assert single.mutate("x=1.0", random.Random(0)) == "x=1.0"


def test_what_tells_instances_apart() -> None:
    class Plain(Given):
        def __init__(self, width: int, depth: int = 2) -> None:
            self.width, self._depth = width, depth
            self.label = "plain"

        @cached_property
        def expensive(self) -> int:
            return 1

    class Hidden(Given):
        def __init__(self, width: int) -> None:
            self._twice = 2 * width

    class Anything(Given):
        def __init__(self, **options: int) -> None:
            self._options = options

    plain = Plain(8)
    assert plain.options == {"width": 8, "depth": 2, "label": "plain"}
    assert (plain.expensive, plain.options) == (1, {"width": 8, "depth": 2, "label": "plain"})
    assert Hidden(8).options == {"_twice": 16}
    assert Anything(a=1).options == {"_options": {"a": 1}}
    assert MLPs(num_classes=5).options == {"num_classes": 5}
    objects = [Given(GRID, rule) for rule in (torch.ones(2), torch.zeros(2), torch.ones(2))]
    first, second, third = (json.dumps(space.options) for space in objects)
    assert first == third != second
    space = Given(GRID)
    before = space.options
    space.pool(2)
    assert space.options == before


@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution")
def test_tuples_survive_a_storage(tmp_path: Path) -> None:
    """Optuna keeps choices as JSON: a tuple comes back as a list, and would be refused at the second trial."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = Given({"kernel": [(3, 3), (5, (5, 5))], "w": IntDistribution(1, 2)})
    seen = set()
    for seed in range(6):
        storage, sampler = f"sqlite:///{tmp_path}/study.db", optuna.samplers.RandomSampler(seed)
        study = optuna.create_study(storage=storage, study_name="s", load_if_exists=True, sampler=sampler)
        trial = study.ask(space.study_distributions())
        seen.add(space.to_arch(trial.params))
        study.tell(trial, 0.0)
    assert seen <= set(space)
    assert len(seen) > 2
    choices: Any = ((3, 3), (5, (5, 5)))
    raw = CategoricalDistribution(choices)
    assert space.study_distributions()["kernel"] == raw  # of an objective that asks for the choices itself


def test_steps_of_a_trial_are_rounded() -> None:
    space = Given({"drop": FloatDistribution(0, 0.7, step=0.1), "k": [1, 2]})
    assert space.to_arch({"drop": 3 * 0.1, "k": 1}) == "drop=0.30000000000000004,k=1"
    assert space.arch_of_trial({"drop": 3 * 0.1, "k": 1, "learning_rate": 0.1}) == "drop=0.3,k=1"


def test_choices_that_are_one_to_optuna_are_refused_for_a_study() -> None:
    space = Given({"x": [1, "1", True]})
    assert space.size == 3
    with pytest.raises(InputError, match="cannot tell the choices 1 and True of 'x' apart: give them as strings"):
        space.study_distributions()
    assert Given({"x": [1, "1", None, "None", 2.5]}).study_distributions()


def test_attributes_that_hide_what_every_space_has() -> None:
    for hidden in ({"sizes": (1, 2)}, {"valid": True}, {"decisions": 3}, {"__annotations__": {"read": int}}):
        with pytest.raises(InputError, match=f"'{next(iter(hidden))}'|'read'"):
            type("Hiding", (SearchSpace,), hidden)


@dataclass(frozen=True)
class Frozen(SearchSpace):
    width: int = 8

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        return {"w": IntDistribution(1, self.width)}

    def build(self, arch: str) -> nn.Module:
        raise NotImplementedError


def test_spaces_are_copied_and_pickled_as_they_are() -> None:
    space = Frozen(3)
    assert space.pool() == ["w=1", "w=2", "w=3"]
    again = pickle.loads(pickle.dumps(space))
    assert again == space
    assert again.pool() == space.pool()
    assert hash(space) == hash(Frozen(3))


def test_a_child_has_each_decision_from_one_of_its_parents() -> None:
    space, rng = Given(GRID), random.Random(0)
    assert {space.crossover("a=0,b=1", "a=4,b=5", rng) for _ in range(50)} == {
        "a=0,b=1",
        "a=0,b=5",
        "a=4,b=1",
        "a=4,b=5",
    }
    ruled = Ruled(GRID, lambda p: p["a"] < p["b"])
    assert {ruled.crossover("a=0,b=1", "a=4,b=5", rng) for _ in range(50)} == {"a=0,b=1", "a=0,b=5", "a=4,b=5"}


def test_a_trial_is_asked_for_every_decision() -> None:
    space = Given({"drop": FloatDistribution(0, 0.7, step=0.1), "kernel": [(3, 3), (5, 5)]})
    assert space.suggest(optuna.trial.FixedTrial({"drop": 3 * 0.1, "kernel": (5, 5)})) == "drop=0.3,kernel=(5, 5)"
    assert space.completed({"kernel": (3, 3), "further": 1, "drop": 0.2}, random.Random(0)) == "drop=0.2,kernel=(3, 3)"

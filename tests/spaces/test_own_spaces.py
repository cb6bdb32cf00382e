"""Spaces of a user's own: any kind of class, rules, wrong distributions, pools, from files and packages."""

import json
import math
import pickle
import random
import statistics
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from torch import nn

from toy import MLPs, toy_batch
from untrained.errors import InputError
from untrained.samplers.decisions import DecisionPool, encode
from untrained.scoring.pool import compute_scores
from untrained.spaces import (
    ArchitectureList,
    NASBench201,
    SearchSpace,
    TransNASMacro,
    TransNASMicro,
    as_space,
    get_space,
    read_archs,
    remade_space,
)


class Given(SearchSpace):
    """A space with the distributions and the rule that it is given."""

    def __init__(self, distributions: Any, rule: Any = None) -> None:
        self.given = distributions
        self.rule = rule

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        return self.given

    def build(self, arch: str) -> nn.Module:
        raise NotImplementedError


class Ruled(Given):
    def valid(self, params: Any) -> bool:
        return self.rule(params)


GRID = {"a": list(range(6)), "b": list(range(6))}


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
        widths = [each.to_params(arch)["w"] for arch in each.pool(400)]
        assert abs(sum(w <= 128 for w in widths) / 400 - 0.5) < 0.1
        assert min(widths) < 8
        assert max(widths) > 2048
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    theirs = [study.ask(space.study_distributions()).params["w"] for _ in range(400)]
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


OWN = """
from dataclasses import dataclass
from optuna.distributions import IntDistribution
from torch import nn
from untrained import SearchSpace

class Plain(SearchSpace):
    def __init__(self, num_classes=10, in_channels=3, width=1):
        self.num_classes, self.in_channels, self.width = num_classes, in_channels, width

    @property
    def distributions(self):
        return {"w": IntDistribution(4, 8, step=4)}

    def build(self, arch):
        return nn.Linear(self.to_params(arch)["w"], self.num_classes)

class Needy(Plain):
    def __init__(self, width):
        super().__init__(width=width)

class Doubled(Plain):
    def __init__(self, width=1):
        super().__init__(width=2 * width)

class Refusing(Plain):
    def __init__(self):
        raise RuntimeError("no\\nway")

def factory(width=1):
    return Plain(width=width)

def wrong():
    return 3

ready = Plain(width=7)
number = 5
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path / "own.py"


def test_a_space_from_a_file(own: Path) -> None:
    space = get_space("own.py:Plain", {"num_classes": 4, "task": "jigsaw"}, width=2)
    assert space.options == {"num_classes": 4, "in_channels": 3, "width": 2}
    assert space.name == f"{own}:Plain"
    again = remade_space(space.name, space.options)
    assert (type(again), again.options) == (type(space), space.options)
    assert get_space("own.py:factory", width=3).options["width"] == 3
    assert get_space("own.py:ready").options["width"] == 7
    # It reaches a process that has not imported the file.
    (own.parent / "space.pkl").write_bytes(pickle.dumps(space))
    code = "import pickle; s = pickle.load(open('space.pkl', 'rb')); print(s.pool(), s.width)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "['w=4', 'w=8'] 2", done.stderr


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("own.py:Plain", {"widht": 2}, "no option 'widht': it has num_classes, in_channels, width"),
        ("own.py:Needy", {}, "cannot be made: .*width"),
        ("own.py:Refusing", {}, "cannot be made: RuntimeError: no$"),
        ("own.py:number", {}, "is 5: a space is a subclass of SearchSpace"),
        ("own.py:wrong", {}, "gives 3: a space is a subclass"),
        ("own.py:nn", {}, "a space is a subclass"),
        ("own.py:plain", {}, "did you mean 'Plain'"),
        ("untrained:Metric", {}, "the class Metric: a space is a subclass"),
        ("untrained:SearchSpace", {}, "cannot be made: .*abstract"),
        ("nasbench2O1", {}, "did you mean 'nasbench201'"),
        ("nasbench201", {"width": 2}, "no option 'width'"),
    ],
)
def test_what_is_no_space_is_one_line(own: Path, name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        get_space(name, **options)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 300


def test_a_space_that_cannot_be_made_again_says_so(own: Path) -> None:
    with pytest.raises(InputError, match="made again"):
        remade_space("own.py:Doubled", get_space("own.py:Doubled", width=1).options)


def test_what_stands_for_a_space(own: Path) -> None:
    assert as_space(MLPs) == MLPs()
    assert as_space(space := NASBench201(N=1)) is space
    assert as_space("transnas101-macro") == TransNASMacro()
    given: Any = MLPs
    table = compute_scores(given, MLPs().pool(2), ["params"], toy_batch())
    assert table.archs == tuple(MLPs().pool(2))
    with pytest.raises(InputError, match=r"Needy is a class: give Needy\(\.\.\.\).*width"):
        as_space(type(get_space("own.py:Needy", width=1)))
    for wrong in (3, int, None, ["a", "b"]):
        with pytest.raises(InputError, match="not a space: give an instance"):
            as_space(wrong)


def test_spaces_of_installed_packages(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = own.parent / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[untrained.spaces]\ntheirs = own:Plain\n")
    monkeypatch.syspath_prepend(own.parent)
    assert get_space("theirs", width=5).options["width"] == 5


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


def test_what_spaces_know_of_themselves() -> None:
    assert [space.opaque for space in (MLPs(), ArchitectureList(["a"]))] == [False, True]
    assert MLPs().sizes("width=4,depth=1,norm=True") == {}
    assert TransNASMicro().sizes("64-41414-1_02_333").keys() == {"params", "flops"}


@pytest.mark.parametrize(
    ("space", "text", "arch"),
    [
        (NASBench201(), "12", list(NASBench201())[12]),
        # NASLib numbers skip_connect, none, nor_conv_3x3, nor_conv_1x1, avg_pool_3x3; edges 01, 02, 03, 12, 13, 23.
        (
            NASBench201(),
            "(4, 3, 2, 0, 1, 0)",
            "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_3x3~0|none~1|skip_connect~2|",
        ),
        (
            NASBench201(),
            "[0, 0,0,0,0,4,]",
            "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|avg_pool_3x3~2|",
        ),
        (TransNASMicro(), "(1, 0, 2, 3, 3, 3)", "64-41414-1_02_333"),
        (TransNASMicro(), "0", "64-41414-0_00_000"),
        (TransNASMacro(), "(4, 1, 1, 1, 0, 0)", "64-4111-basic"),
        (TransNASMacro(), "\ufeff64-4111-basic\r\n", "64-4111-basic"),
        (MLPs(), " width=4,depth=1,norm=True ", "width=4,depth=1,norm=True"),
        (ArchitectureList(["a b", "c"]), "a b", "a b"),
    ],
)
def test_architectures_in_other_forms(space: SearchSpace, text: str, arch: str) -> None:
    assert space.read(text) == arch


@pytest.mark.parametrize(
    ("space", "text"),
    [
        (NASBench201(), "15625"),
        (NASBench201(), "-1"),
        (NASBench201(), "(4, 3, 2, 0, 1)"),
        (NASBench201(), "(5, 3, 2, 0, 1, 0)"),
        (NASBench201(), "()"),
        (NASBench201(), "1e3"),
        (TransNASMicro(), "(4, 0, 2, 3, 3, 3)"),
        (TransNASMicro(), "(1, 0, 2)"),
        (TransNASMacro(), "(1, 1, 1, 1, 0, 0)"),
        (TransNASMacro(), "3256"),
        (MLPs(), "12"),
        (ArchitectureList(["a"]), "0"),
    ],
)
def test_what_is_in_no_known_form(space: SearchSpace, text: str) -> None:
    with pytest.raises(InputError):
        space.read(text)


def test_lists_in_files(tmp_path: Path) -> None:
    path = tmp_path / "archs.txt"
    archs = list(NASBench201())
    path.write_text(f"\ufeff{archs[3]}\r\n\n 12 \n(4, 3, 3, 0, 0, 0)\n{archs[3]}\n", encoding="utf-8")
    assert read_archs(path, NASBench201()) == [archs[3], archs[12], NASBench201().read("(4, 3, 3, 0, 0, 0)")]
    path.write_text(f"{archs[0]}\nnonsense\n")
    with pytest.raises(InputError, match=r"archs.txt, line 2: malformed architecture 'nonsense'"):
        read_archs(path, NASBench201())
    for content, words in ((b"\xff\xfe\x00", "not a text file"), (b"\n \n", "names no architecture")):
        path.write_bytes(content)
        with pytest.raises(InputError, match=words):
            read_archs(path, NASBench201())
    with pytest.raises(InputError, match="no file"):
        read_archs(tmp_path / "other.txt", NASBench201())


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

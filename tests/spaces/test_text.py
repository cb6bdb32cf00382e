"""Strings of architectures: every value that Optuna's distributions can take comes back as it was."""

import math
import random
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from spaces.given import Given
from untrained.errors import InputError
from untrained.spaces.text import split, written

pytestmark = pytest.mark.filterwarnings("ignore:Choices for a categorical distribution", "ignore:The distribution is")


PRIMITIVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(("1", "True", "None", "1.0", "(1,)", "nan"))
)
CHOICES = st.recursive(
    PRIMITIVES, lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple), max_leaves=5
)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters=",="), min_size=1).filter(
    lambda name: name.isprintable() and name.strip() == name
)


@st.composite
def numbers(draw: st.DrawFn) -> tuple[BaseDistribution, Any]:
    """A distribution of numbers, and one of its values."""
    kind = draw(st.sampled_from(("int", "log int", "float", "log float", "steps")))
    if kind in ("int", "log int"):
        low = draw(st.integers(1, 10**6) if kind == "log int" else st.integers(-(10**20), 10**20))
        step = 1 if kind == "log int" else draw(st.integers(1, 10**6))
        k = draw(st.integers(0, 1000))
        dist = IntDistribution(low, low + step * draw(st.integers(k, 1000)), step=step, log=kind == "log int")
        return dist, low + step * k
    if kind == "steps":
        step = draw(st.sampled_from((0.1, 0.25, 0.3, 0.001, 1e-7, 7.0)))
        low = draw(st.integers(-1000, 1000)) * step
        k, count = draw(st.integers(0, 50)), 50
        return FloatDistribution(low, low + count * step, step=step), low + k * step
    low, value, high = sorted(
        draw(st.lists(st.floats(1e-300 if kind == "log float" else -1e300, 1e300), min_size=3, max_size=3))
    )
    return FloatDistribution(low, high, log=kind == "log float"), value


@st.composite
def categories(draw: st.DrawFn) -> tuple[BaseDistribution, Any]:
    choices: Any = draw(st.lists(CHOICES, min_size=1, max_size=6))
    return CategoricalDistribution(choices), draw(st.sampled_from(choices))


def exactly(value: Any) -> Any:
    """Equal for two values of the same types only: 1 is neither True nor 1.0, (1,) is not [1]."""
    parts = [exactly(part) for part in value] if isinstance(value, list | tuple) else value
    return type(value).__name__, parts


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(NAMES, numbers() | categories(), min_size=1, max_size=4), st.integers())
def test_every_value_comes_back(decided: dict[str, tuple[BaseDistribution, Any]], seed: int) -> None:
    space = Given({name: dist for name, (dist, _) in decided.items()})
    params = {name: value for name, (_, value) in decided.items()}
    arch = space.to_arch(params)
    assert len(arch.splitlines()) == 1
    assert arch == arch.strip()
    assert {n: exactly(v) for n, v in space.to_params(arch).items()} == {n: exactly(v) for n, v in params.items()}
    assert space.to_arch(space.to_params(arch)) == arch
    twin = space.canonical(arch)
    assert space.canonical(twin) == twin == space.read(f"\ufeff {twin}\r\n")
    for other in (space.sample(random.Random(seed)), space.mutate(arch, random.Random(seed))):
        assert space.to_arch(space.to_params(other)) == other


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(NAMES, numbers(), min_size=1, max_size=3), st.integers(0, 2**32 - 1))
def test_what_optuna_draws_comes_back(decided: dict[str, tuple[BaseDistribution, Any]], seed: int) -> None:
    space = Given({name: dist for name, (dist, _) in decided.items()})
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
    params = study.ask(space.study_distributions()).params
    assert space.to_params(space.to_arch(params)) == params


@pytest.mark.parametrize(
    ("choices", "texts"),
    [
        (("ReLU", "conv_3x3", "a=b", "C++", "été"), ["ReLU", "conv_3x3", "a=b", "C++", "été"]),
        ((True, False), ["True", "False"]),
        (("1", "2"), ["1", "2"]),
        ((1, "1"), ["1", '"1"']),
        ((1, 1.0, True, "True", None, "None"), ["1", "1.0", "True", '"True"', "None", '"None"']),
        (((3, 3), [3, 3], (5,), ()), ["(3, 3)", "[3, 3]", "(5,)", "()"]),
        (("conv,relu", "(64, 128)", "[", '"', "", " a"), ['"conv,relu"', '"(64, 128)"', '"["', '"\\""', '""', '" a"']),
        (("(1, 2)", (1, 2), ("1", 2)), ['"(1, 2)"', "(1, 2)", '("1", 2)']),
        (("two\nlines", "\u2028"), ['"two\\nlines"', '"\\u2028"']),
        (({"k": (3, 3), "s": None},), ['{"k": (3, 3), "s": None}']),
        ((math.inf, -0.0, 1e-7), ["inf", "-0.0", "1e-07"]),
    ],
)
def test_texts_are_plain_unless_they_could_be_mistaken(choices: tuple[Any, ...], texts: list[str]) -> None:
    space = Given({"x": list(choices), "w": [8]})
    assert [space.to_arch({"x": choice, "w": 8}) for choice in choices] == [f"x={text},w=8" for text in texts]
    assert list(space) == [f"x={text},w=8" for text in texts]
    for choice, text in zip(choices, texts, strict=True):
        assert exactly(space.to_params(f"x={text},w=8")["x"]) == exactly(choice)


def test_parts_of_an_architecture() -> None:
    assert split('a=1,b=(1, "x,)", [2]),c="\\",",d=a=b,e') == [
        ("a", "1"),
        ("b", '(1, "x,)", [2])'),
        ("c", '"\\","'),
        ("d", "a=b"),
        ("", "e"),
    ]
    assert split("") == [("", "")]
    assert split("a=(1,2") == [("a", "(1,2")]
    with pytest.raises(TypeError, match="type object"):
        written(object())


@pytest.mark.parametrize(
    ("dist", "count", "values"),
    [
        ((0.0, 0.3, 0.1), 4, [0.0, 0.1, 0.2, 0.3]),
        ((0.1, 0.7, 0.2), 4, [0.1, 0.3, 0.5, 0.7]),
        ((-0.2, 0.2, 0.1), 5, [-0.2, -0.1, 0.0, 0.1, 0.2]),
        ((0.0, 1.2, 0.4), 4, [0.0, 0.4, 0.8, 1.2]),
    ],
)
def test_steps_are_decimal_numbers(dist: tuple[float, float, float], count: int, values: list[float]) -> None:
    low, high, step = dist
    space = Given({"drop": FloatDistribution(low, high, step=step)})
    assert space.size == count
    assert space.pool() == [f"drop={value}" for value in values]
    # What binary arithmetic makes of a step is the same architecture, and comes back as it is.
    for k, value in enumerate(values):
        arch = space.to_arch({"drop": low + k * step})
        assert space.to_params(arch)["drop"] == low + k * step
        assert space.canonical(arch) == f"drop={value}"


def test_numbers_of_numpy_are_numbers() -> None:
    space = Given({"w": list(np.arange(2, 5)), "x": FloatDistribution(0, 1), "n": IntDistribution(1, 3)})
    assert space.to_arch({"w": np.int64(3), "x": np.float32(0.5), "n": np.int8(2)}) == "w=3,x=0.5,n=2"
    assert type(space.to_params("w=3,x=0.5,n=2")["w"]) is int


def test_what_a_storage_makes_of_a_choice_is_that_choice() -> None:
    space = Given({"k": [(3, (3, "a")), (5, (5, "b"))]})
    assert space.to_arch({"k": [5, [5, "b"]]}) == 'k=(5, (5, "b"))'
    assert space.to_params('k=(5, (5, "b"))') == {"k": (5, (5, "b"))}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("k=(4, 4),w=8", ["k='(4, 4)'", "(3, 3), (5, 5)"]),
        ("k=(3, 3),w=9", ["w='9'", "int from 8 to 16 in steps of 8"]),
        ("k=(3, 3),w=8.0", ["w='8.0'"]),
        ("k=(3, 3)", ["malformed", "k=...,w=..."]),
        ("w=8,k=(3, 3)", ["malformed"]),
        ("k=(3, 3),w=8,w=8", ["malformed"]),
        ("k=(3, 3),w=nan", ["w='nan'"]),
        ("x" * 5000, ["malformed"]),
        ("k=" + "x" * 5000 + ",w=8", ["is not one of"]),
    ],
)
def test_what_is_no_architecture_is_one_short_line(given: str, words: list[str]) -> None:
    space = Given({"k": [(3, 3), (5, 5)], "w": IntDistribution(8, 16, step=8)})
    with pytest.raises(InputError) as caught:
        space.to_params(given)
    assert len(str(caught.value)) <= 300
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize("params", [{"w": 9}, {"w": 8.5}, {"w": None}, {"w": "eight"}, {"w": [8]}, {}])
def test_parameters_of_another_space_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="w"):
        Given({"w": IntDistribution(8, 16, step=8)}).to_arch(params)
    with pytest.raises(InputError, match="w"):
        Given({"w": ["8", 16]}).to_arch(params)

"""Choices and repetitions within an ordinary network."""

import functools
from typing import Any

import pytest
import torch
from torch import nn

import untrained
from spaces.functions import Net
from untrained import choice, repeat
from untrained.errors import InputError


def test_a_class_of_modules_is_a_space() -> None:
    """depth=0 takes no `inner`: 2 x (1 + 2 x 2) = 10 architectures."""
    space = untrained.space(Net, num_classes=5)
    assert space.size == 10
    assert space.options == {"in_features": 16, "num_classes": 5}
    assert space.pool()[:4] == [
        "act=ReLU,depth=0",
        "act=ReLU,depth=1,inner=ReLU",
        "act=ReLU,depth=1,inner=Tanh",
        "act=ReLU,depth=2,inner=ReLU",
    ]
    net = space.build("act=GELU,depth=2,inner=Tanh")
    assert [type(m).__name__ for m in net.modules() if not list(m.children())] == [
        "Linear", "GELU", "Linear", "Tanh", "Linear", "Tanh", "Linear",
    ]  # fmt: skip
    assert net(torch.zeros(2, 1, 4, 4)).shape == (2, 5)


def test_outside_of_a_space_it_is_an_ordinary_network_of_the_first_choices() -> None:
    net = Net()
    assert isinstance(net.act, nn.ReLU)
    assert len(net.body) == 0
    assert net(torch.zeros(2, 16)).shape == (2, 3)


def test_a_function_without_a_trial_is_a_space() -> None:
    space = untrained.space(lambda: nn.Sequential(nn.Linear(4, 8), choice("act", nn.ReLU(), nn.GELU())))
    assert space.pool() == ["act=ReLU", "act=GELU"]
    assert isinstance(next(iter(space.build("act=GELU").children())), nn.Linear)


def test_options_are_named_after_what_they_are() -> None:
    def three() -> nn.Module:
        return nn.Identity()

    def build() -> nn.Module:
        return nn.Sequential(
            choice("a", nn.ReLU, nn.GELU(), three, functools.partial(nn.Softplus, 2.0), lambda: nn.Tanh()),
            choice("b", nn.Linear(1, 1), nn.Identity(), nn.Linear(1, 1, bias=False)),
            choice("c", wide=nn.Linear(1, 9), narrow=nn.Linear(1, 1)),
            nn.Linear(1, choice("d", 8, 16)),
            choice("e", None, nn.ReLU) or nn.Identity(),
        )

    space = untrained.space(build)
    dists = {name: list(decision.values or ()) for name, decision in space.decisions.items()}
    assert dists == {
        "a": ["ReLU", "GELU", "three", "Softplus", "option5"],
        "b": ["Linear-1", "Identity", "Linear-2"],
        "c": ["wide", "narrow"],
        "d": [8, 16],
        "e": [None, "ReLU"],
    }
    a, b, c, d, e = space.build("a=Softplus,b=Linear-2,c=narrow,d=16,e=None").children()
    assert (a.beta, b.bias, c.out_features, d.out_features, type(e)) == (2.0, None, 1, 16, nn.Identity)


def test_choices_within_what_is_not_chosen_are_not_taken() -> None:
    """Each of `a`'s options holds a choice of its own: 2 + 3 + 1 architectures, lazily or at once."""

    def lazily() -> nn.Module:
        return choice(
            "a",
            left=lambda: choice("b", nn.ReLU, nn.GELU),
            right=lambda: nn.Sequential(choice("c", nn.Tanh, nn.SiLU, nn.ELU)),
            none=nn.Identity,
        )

    def at_once() -> nn.Module:
        return choice(
            "a",
            left=choice("b", nn.ReLU(), nn.GELU()),
            right=nn.Sequential(choice("c", nn.Tanh(), nn.SiLU(), nn.ELU())),
            none=nn.Identity(),
        )

    one, other = untrained.space(lazily), untrained.space(at_once)
    taken = [("b", "ReLU", "left"), ("b", "GELU", "left"), *(("c", c, "right") for c in ("Tanh", "SiLU", "ELU"))]
    assert one.pool() == [*(f"a={a},{name}={inner}" for name, inner, a in taken), "a=none"]
    assert set(other.pool()) == {*(f"{name}={inner},a={a}" for name, inner, a in taken), "a=none"}
    assert one.size == other.size == 6
    assert isinstance(other.build("c=SiLU,a=right"), nn.Sequential)
    assert isinstance(other.build("a=none"), nn.Identity)
    assert other.to_params("b=GELU,a=left") == {"b": "GELU", "a": "left"}


def test_one_name_is_one_decision() -> None:
    def same() -> nn.Module:
        return repeat("depth", lambda: choice("act", nn.ReLU, nn.GELU), 1, 2)

    def own() -> nn.Module:
        return repeat("depth", lambda i: choice(f"act{i}", nn.ReLU, nn.GELU), 1, 2)

    assert untrained.space(same).size == 2 * 2
    assert untrained.space(own).size == 2 + 4
    net = untrained.space(own).build("depth=2,act0=ReLU,act1=GELU")
    assert [type(part) for part in net.children()] == [nn.ReLU, nn.GELU]


def test_copies_of_a_module_have_weights_of_their_own() -> None:
    space = untrained.space(lambda: repeat("depth", nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), 0, 3))
    assert space.pool() == ["depth=0", "depth=1", "depth=2", "depth=3"]
    first, second, third = (part[0].weight for part in space.build("depth=3").children())  # type: ignore[index]
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)
    assert len(list(space.build("depth=3").parameters())) == 12


class Bare(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: repeat("depth", Bare(), 1, 2), "repeat 'depth' cannot draw the weights of Bare anew: give a function"),
        (lambda: repeat("depth", 3, 1, 2), "repeat 'depth' of 3: give a function"),  # type: ignore[arg-type]
        (lambda: choice("act"), "choice 'act' has no options"),
        (lambda: choice("act", nn.ReLU, nn.Linear), r"choice 'act' needs 'in_features': give lambda: Linear\(...\)"),
        (
            lambda: nn.Sequential(choice("a", nn.ReLU, nn.GELU), choice("a", nn.ReLU, nn.SiLU)),
            "'a' is asked for as one of",
        ),
    ],
    ids=["bare parameters", "no module", "no options", "needs arguments", "two meanings"],
)
def test_wrong_choices_are_one_line(build: Any, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        untrained.space(build).pool()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 300


def test_a_network_that_is_already_built_has_no_choices_left() -> None:
    with pytest.raises(InputError, match="is a network, whose choices are made: give the function or class"):
        untrained.space(Net())

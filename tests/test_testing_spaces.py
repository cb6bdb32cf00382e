"""Checking a space finds what is wrong with it, and nothing if all is well."""

import random
import re
from typing import Any

import pytest
import torch
from optuna.distributions import IntDistribution
from torch import Tensor, nn

import untrained
from spaces.functions import Net, branches, layers
from spaces.given import Given
from toy import MLPs, toy_batch
from untrained.errors import InputError
from untrained.testing import SpaceReport, check_space


def failed(report: SpaceReport) -> list[str]:
    assert report.passed == all(check.passed is not False for check in report.checks)
    return [check.name for check in report.checks if check.passed is False]


def told(report: SpaceReport) -> str:
    return next(check.found for check in report.checks if check.passed is False)


@pytest.mark.parametrize("given", [layers, branches, Net, MLPs], ids=lambda given: given.__name__)
def test_good_spaces_pass(given: Any) -> None:
    report = check_space(given, batch=toy_batch())
    report.assert_passed()
    assert len(report.archs) >= 10
    assert all("\n" not in check.found for check in report.checks)


def test_a_space_of_this_package_passes() -> None:
    check_space(untrained.NASBench201(N=1, C=4, in_channels=1), pool=3).assert_passed()


class Two(Given):
    """Two widths, with networks."""

    def __init__(self) -> None:
        super().__init__({"w": [4, 8], "act": ["ReLU", "GELU"]})

    def build(self, arch: str) -> nn.Module:
        p = self.to_params(arch)
        return nn.Sequential(nn.Flatten(), nn.Linear(16, p["w"]), getattr(nn, p["act"])(), nn.Linear(p["w"], 3))


class Losing(Two):
    def to_arch(self, params: Any) -> str:
        return f"w={params['w']},act=ReLU"


class Straying(Two):
    def mutate(self, arch: str, rng: random.Random) -> str:
        return "w=9,act=ReLU"


class Stiff(Two):
    def mutate(self, arch: str, rng: random.Random) -> str:
        return arch


class Merging(Two):
    """Calls all networks of one activation twins, whatever their width."""

    def canonical(self, arch: str) -> str:
        return arch.replace("w=8", "w=4")


class Deaf(Two):
    """Asks for an activation and does not use it."""

    def build(self, arch: str) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(16, self.to_params(arch)["w"]), nn.ReLU())


class Broken(Two):
    def build(self, arch: str) -> nn.Module:
        if "GELU" in arch:
            raise RuntimeError("no GELU here")
        return super().build(arch)


class Dicing(Two):
    def build(self, arch: str) -> nn.Module:
        net = super().build(arch)
        with torch.no_grad():
            next(net.parameters()).add_(torch.rand((), generator=torch.Generator().manual_seed(id(net) % 2**31)))
        return net


class Endless(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) / torch.zeros(1)


class Infinite(Two):
    def build(self, arch: str) -> nn.Module:
        return nn.Sequential(super().build(arch), Endless())


class Frozen(Two):
    def build(self, arch: str) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Identity()).requires_grad_(False)


class Huge(Two):
    def build(self, arch: str) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 10**8 * self.to_params(arch)["w"]))


class Wide(Two):
    num_classes = 4

    @property
    def options(self) -> dict[str, Any]:
        return {"num_classes": 4}


@pytest.mark.parametrize(
    ("space", "check", "words"),
    [
        (
            Losing,
            "strings come back",
            "act='GELU' becomes 'ReLU' in w=[48],act=ReLU",
        ),
        (Straying, "mutation stays inside", "becomes w=9,act=ReLU: w='9' is not one of 4, 8"),
        (Stiff, "mutation stays inside", "ever changed"),
        (Merging, "twins are one network", "w=8,act=... uses 163 weights, w=4,act=... 83"),
        (Deaf, "every decision counts", "act changes nothing: w=4,act=ReLU and w=4,act=GELU are one network"),
        (Broken, "networks are built", "RuntimeError: no GELU here"),
        (Dicing, "a seed decides the weights", "has other weights each time"),
        (Infinite, "networks run", "numbers that are not finite"),
        (Frozen, "networks run", "does not require grad|no weight that its output depends on"),
        (Huge, "costs", "w=8,act=.* has 13,600 M parameters"),
        (Wide, "networks run", "gives 3 outputs for num_classes=4"),
        (Given({"w": [4]}), "has architectures", "only w=4: there is nothing to search"),
        (Given({}), "has architectures", "distributions is empty"),
        (Given({"w": IntDistribution(1, 2)}), "networks are built", "NotImplementedError"),
    ],
    ids=lambda part: getattr(part, "__name__", ""),
)
def test_what_is_wrong_is_told(space: Any, check: str, words: str) -> None:
    report = check_space(space, batch=toy_batch())
    assert check in failed(report)
    found = next(one.found for one in report.checks if one.name == check)
    assert re.search(words.replace("...", ".*"), found), found
    with pytest.raises(AssertionError, match=check):
        report.assert_passed()


def test_a_function_that_is_no_space_is_a_finding() -> None:
    def build(trial: Any) -> nn.Module:
        trial.suggest_categorical("w", [8, 16])
        return nn.Linear(1, trial.suggest_categorical("w", [8, 32]))

    report = check_space(build)
    assert failed(report) == ["has architectures"]
    assert told(report).startswith("decision 'w' is asked for as one of 8, 16 and as one of 8, 32")
    with pytest.raises(InputError, match="is not a space"):
        check_space(3)


def test_inputs_that_do_not_fit_are_told_apart_from_networks_that_fail() -> None:
    report = check_space(layers)  # for images of 4 x 4
    assert failed(report) == ["networks run"]
    assert re.match(r"with inputs 4 x 1 x 8 x 8 \(else give batch=\): .*shapes cannot be multiplied", told(report))


def test_nothing_is_left_behind() -> None:
    states = torch.get_rng_state(), random.getstate()
    check_space(Two, batch=toy_batch())
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == random.getstate()

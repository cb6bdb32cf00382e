"""Perceptrons for tables: counted by hand, twins, what the data fills in."""

import random

import pytest
import torch
from torch import nn

from spaces.networks import losses, measured, parameters
from untrained.errors import InputError
from untrained.spaces import MLPs, get_space, remade_space

SPACE = MLPs(num_classes=3, in_features=4)
PLAIN = "depth={},width={},shape={},act=relu,norm={},dropout=0.0,residual={}"


ONE = "depth=1,width=8,act=relu,norm=none,dropout=0.0"


@pytest.mark.parametrize(
    ("arch", "counted"),
    [
        ("depth=0", 4 * 3 + 3),
        (ONE, (4 * 8 + 8) + (8 * 3 + 3)),
        (PLAIN.format(2, 32, "funnel", "batch", False), (4 * 32 + 3 * 32) + (32 * 16 + 3 * 16) + (16 * 3 + 3)),
        (PLAIN.format(2, 32, "funnel", "layer", True), (4 * 32 + 96) + (2 * 32 * 16 + 48) + (16 * 3 + 3)),
        (PLAIN.format(2, 32, "block", "none", True), (4 * 32 + 32) + (32 * 32 + 32) + (32 * 3 + 3)),
        (PLAIN.format(3, 20, "funnel", "none", False), (4 * 20 + 20) + (20 * 10 + 10) + (10 * 8 + 8) + (8 * 3 + 3)),
    ],
    ids=["linear", "one layer", "funnel with BatchNorm", "residual funnel with LayerNorm", "residual block", "least 8"],
)
def test_parameters_counted_by_hand(arch: str, counted: int) -> None:
    assert parameters(SPACE, arch) == counted
    assert SPACE.sizes(arch)["params"] == counted / 1e6


def test_what_is_counted_is_what_the_networks_have() -> None:
    rows = torch.randn(5, 4)
    for arch in SPACE.pool(40, seed=1):
        net = SPACE.build(arch)
        assert net(rows).shape == (5, 3)
        assert measured(net, rows) == SPACE.sizes(arch)


def test_strings_have_the_decisions_with_an_effect() -> None:
    whole = {"width": 70, "shape": "funnel", "act": "silu", "norm": "batch", "dropout": 0.5, "residual": True}
    assert SPACE.to_arch(whole | {"depth": 0}) == "depth=0"
    assert SPACE.to_arch(whole | {"depth": 1}) == "depth=1,width=70,act=silu,norm=batch,dropout=0.5"
    assert SPACE.to_params("depth=0") == {"depth": 0}
    assert [*SPACE.decisions_of("depth=0")] == ["depth"]
    for wrong in ("", "width=8", "depth=0,width=8", ONE + ",residual=True", "depth=7", "depth=0,depth=0", "deep=1"):
        with pytest.raises(InputError):
            SPACE.to_params(wrong)
    with pytest.raises(InputError, match="parameter 'width' of space 'mlp' is missing"):
        SPACE.to_arch({"depth": 1})


def test_the_number_of_networks() -> None:
    """1,017 widths, 3 activations, 3 normalisations, 6 dropouts; from two layers on 2 shapes, with residual or not."""
    one = 1017 * 3 * 3 * 6
    assert SPACE.size == 1 + one + 5 * one * 4


def test_mutations_and_children_change_the_network() -> None:
    rng = random.Random(0)
    mutants = [SPACE.mutate("depth=0", rng) for _ in range(200)]
    assert {SPACE.to_params(arch)["depth"] for arch in mutants} == {1, 2, 3, 4, 5, 6}
    assert len({SPACE.to_params(arch)["act"] for arch in mutants}) == 3  # what gets an effect is drawn
    deep = PLAIN.format(6, 64, "funnel", "layer", True)
    for _ in range(100):
        arch = SPACE.sample(rng)
        assert SPACE.canonical(SPACE.mutate(arch, rng)) != SPACE.canonical(arch) == arch
        child = SPACE.to_params(SPACE.crossover(ONE, deep, rng))
        assert child.get("shape", "funnel") == "funnel"  # the one layer has none to give


def test_a_few_steps_lower_the_loss_of_classes_and_of_numbers() -> None:
    torch.manual_seed(0)
    rows, labels = torch.randn(24, 4), torch.arange(24) % 3
    before, after = losses(SPACE, PLAIN.format(3, 64, "block", "batch", True), rows, labels, steps=20)
    assert after < before / 2
    numbers = rows[:, :1] + rows[:, 1:2] ** 2
    for arch in MLPs(1, 4).pool(4, seed=2):
        before, after = losses(MLPs(1, 4), arch, rows, numbers, nn.functional.mse_loss, steps=30)
        assert after < before


def test_options_are_filled_from_the_data_and_remembered() -> None:
    space = get_space("mlp", {"num_classes": 1, "in_features": 13, "in_channels": 3})
    assert space == MLPs(1, 13) == remade_space("mlp", space.options)
    with pytest.raises(InputError, match="mlp option in_features=0: give a whole number"):
        MLPs(in_features=0)

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


@pytest.mark.parametrize(
    ("arch", "counted"),
    [
        (PLAIN.format(0, 8, "block", "none", False), 4 * 3 + 3),
        (PLAIN.format(1, 8, "block", "none", False), (4 * 8 + 8) + (8 * 3 + 3)),
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


def test_decisions_without_an_effect_make_twins() -> None:
    linear = SPACE.canonical("depth=0,width=70,shape=funnel,act=silu,norm=batch,dropout=0.5,residual=True")
    assert linear == "depth=0,width=8,shape=block,act=relu,norm=none,dropout=0.0,residual=False"
    one = SPACE.canonical("depth=1,width=70,shape=funnel,act=silu,norm=batch,dropout=0.5,residual=True")
    assert one == "depth=1,width=70,shape=block,act=silu,norm=batch,dropout=0.5,residual=False"
    assert SPACE.canonical(one) == one
    two = "depth=2,width=70,shape=funnel,act=silu,norm=batch,dropout=0.5,residual=True"
    assert SPACE.canonical(two) == two


def test_mutations_change_the_network() -> None:
    rng, linear = random.Random(0), "depth=0,width=8,shape=block,act=relu,norm=none,dropout=0.0,residual=False"
    children = [SPACE.mutate(linear, rng) for _ in range(200)]
    assert {SPACE.to_params(child)["depth"] for child in children} == {1, 2, 3, 4, 5, 6}
    assert len({SPACE.to_params(child)["act"] for child in children}) == 3  # what gets an effect is drawn
    for _ in range(200):
        arch = SPACE.sample(rng)
        child = SPACE.mutate(arch, rng)
        assert child == SPACE.canonical(child) != SPACE.canonical(arch)


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

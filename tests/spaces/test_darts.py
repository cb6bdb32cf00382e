"""DARTS: published networks and counts, genotypes, twins."""

import random
from itertools import combinations
from math import prod
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

from spaces.networks import losses, parameters
from untrained.errors import InputError
from untrained.spaces import DARTS, get_space, remade_space
from untrained.spaces.darts_network import DARTSNetwork, FactorizedReduce

DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)
ROBOT = """Genotype(normal=[('avg_pool_3x3', 1), ('sep_conv_5x5', 0), ('dil_conv_3x3', 2), ('sep_conv_3x3', 0),
    ('sep_conv_5x5', 3), ('avg_pool_3x3', 0), ('skip_connect', 1), ('sep_conv_3x3', 0)],
    normal_concat=range(2, 6), reduce=[('sep_conv_5x5', 1), ('max_pool_3x3', 0), ('sep_conv_5x5', 0),
    ('dil_conv_3x3', 2), ('max_pool_3x3', 2), ('skip_connect', 3), ('sep_conv_3x3', 3), ('sep_conv_3x3', 0)],
    reduce_concat=range(2, 6))"""
"""The cells that RoBoT finds on ImageNet, as its authors publish them."""
SPACE = DARTS()


def test_parameters_are_those_published() -> None:
    """3,349,342 on CIFAR-10 and 4,718,752 on ImageNet: what the authors' code prints of their second-order cells."""
    cifar, imagenet = DARTS(C=36, layers=20), DARTS(C=48, layers=14, num_classes=1000, image_size=224)
    arch = SPACE.read(DARTS_V2)
    assert parameters(cifar, arch) == 3_349_342
    assert parameters(imagenet, arch) == 4_718_752


def test_parameters_agree_with_nas_bench_suite_zeros(shared_data: Path) -> None:
    """725 cells with 32 channels and 8 layers; there, the BatchNorms of operations have no weights."""
    space = DARTS(C=32, layers=8)
    table = pq.read_table(shared_data / "nasbench301_metrics_subset.parquet", columns=["arch", "params"])
    assert table.num_rows == 725
    for row in random.Random(0).sample(table.to_pylist(), 20):
        arch = space.read(row["arch"])
        with torch.device("meta"):
            net = space.build(arch)
        assert isinstance(net, DARTSNetwork)
        norms = [m for cell in net.cells for m in cell.get_submodule("ops").modules() if isinstance(m, nn.BatchNorm2d)]
        without = sum(p.numel() for p in net.parameters()) - sum(2 * norm.num_features for norm in norms)
        assert without / 1e6 == row["params"]


@pytest.mark.parametrize("options", [{"image_size": 32}, {"image_size": 96}, {"C": 6, "layers": 1}], ids=str)
def test_what_is_counted_is_what_the_networks_have(options: dict[str, int]) -> None:
    space = DARTS(**options)
    for arch in space.pool(5):
        assert space.sizes(arch)["params"] == parameters(space, arch) / 1e6


def test_the_space_holds_what_its_decisions_say() -> None:
    """Node i has C(i, 2) pairs of sources and 7^2 pairs of operations; two cells: about 10^18 (Liu et al.)."""
    assert SPACE.size == prod(len([*combinations(range(node), 2)]) * 49 for node in (2, 3, 4, 5)) ** 2
    assert 1e18 < (SPACE.size or 0) < 1.1e18


def test_genotypes_are_read_and_written() -> None:
    arch = SPACE.read(DARTS_V2)
    assert SPACE.read(SPACE.genotype(arch)) == arch == SPACE.read(f" {arch}\n")
    params = SPACE.to_params(SPACE.read(ROBOT))
    assert (params["normal_2_first"], params["normal_2_second"]) == ("sep_conv_5x5", "avg_pool_3x3")
    assert (params["reduce_4_inputs"], params["reduce_4_second"]) == ("2-3", "skip_connect")
    rng = random.Random(0)
    for _ in range(50):
        arch = SPACE.mutate(SPACE.sample(rng), rng)
        assert SPACE.to_arch(SPACE.to_params(arch)) == arch


def test_the_order_of_nodes_makes_twins() -> None:
    one = "|skip_connect~0|sep_conv_3x3~1|+|avg_pool_3x3~0|dil_conv_3x3~2|+|{0}|+|max_pool_3x3~0|max_pool_3x3~1|"
    edges = "sep_conv_5x5~0|sep_conv_5x5~1"
    first = f"normal={one.format(edges)},reduce={one.format(edges)}"
    # Nodes 3 and 4 change places: neither uses the other.
    other = f"|skip_connect~0|sep_conv_3x3~1|+|{edges}|+|avg_pool_3x3~0|dil_conv_3x3~2|+|max_pool_3x3~0|max_pool_3x3~1|"
    second = first.replace(one.format(edges), other, 1)
    assert SPACE.canonical(first) == SPACE.canonical(second)
    assert SPACE.canonical(SPACE.canonical(first)) == SPACE.canonical(first)
    third = first.replace("dil_conv_3x3~2", "dil_conv_3x3~1", 1)
    assert SPACE.canonical(third) != SPACE.canonical(first)


def test_twins_are_equal_up_to_the_order_of_channels() -> None:
    """Each network with all its convolutions at a constant: the order of channels then does not count."""
    rng, images = random.Random(1), torch.rand(2, 3, 8, 8)
    space, twins = DARTS(C=2, layers=3), 0
    for _ in range(8):
        arch = space.sample(rng)
        twin = space.canonical(arch)
        twins += twin != arch
        outputs = []
        for each in (arch, twin):
            net = space.build(each).eval()
            for parameter in net.parameters():
                nn.init.constant_(parameter, 0.1)
            outputs.append(net(images))
        torch.testing.assert_close(*outputs)
    assert twins > 2


def test_odd_sides_are_rounded_up_and_even_ones_as_published() -> None:
    reduce = FactorizedReduce(1, 2).eval()
    nn.init.ones_(reduce.conv_1.weight)
    nn.init.ones_(reduce.conv_2.weight)
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    found = reduce(image) * (1 + 1e-5) ** 0.5
    torch.testing.assert_close(found[0], torch.stack([image[0, 0, ::2, ::2], image[0, 0, 1::2, 1::2]]))
    assert reduce(torch.zeros(1, 1, 5, 7)).shape == (1, 2, 3, 4)
    assert DARTS(C=4, layers=3, in_channels=1).build(SPACE.read(ROBOT))(torch.randn(2, 1, 9, 7)).shape == (2, 10)


def test_dropped_paths_keep_their_mean() -> None:
    space = DARTS(C=4, layers=1, drop_path=0.5)
    net, images = space.build(SPACE.read(DARTS_V2)), torch.randn(2, 3, 8, 8)
    assert not torch.equal(net(images), net(images))
    assert torch.equal(net.eval()(images), net(images))


@pytest.mark.parametrize(
    "arch",
    [
        "",
        "normal=,reduce=",
        "[[(0, 0)], [(0, 0)]]",
        "[[(0, 99)",
        DARTS_V2.replace("dil_conv_3x3', 2", "dil_conv_3x3', 0"),
        DARTS_V2.replace("'dil_conv_3x3'", "'conv'"),
        DARTS_V2.replace("('skip_connect', 0), ", "", 1),
    ],
)
def test_bad_strings_are_named(arch: str) -> None:
    with pytest.raises(InputError, match="malformed architecture") as refusal:
        SPACE.read(arch)
    assert len(str(refusal.value)) <= 300


def test_impossible_options_are_named() -> None:
    with pytest.raises(InputError, match="C=7: give an even number"):
        DARTS(C=7)
    with pytest.raises(InputError, match=r"drop_path=1\.5"):
        DARTS(drop_path=1.5)


def test_a_few_steps_lower_the_loss() -> None:
    torch.manual_seed(0)
    images, labels = torch.randn(16, 1, 8, 8), torch.arange(16) % 4
    before, after = losses(DARTS(4, 3, 4, 1, 8), SPACE.read(ROBOT), images, labels)
    assert after < before / 2


def test_options_are_filled_from_the_data_and_remembered() -> None:
    space = get_space("darts", {"num_classes": 4, "in_channels": 1, "image_size": (8, 12)})
    assert space == DARTS(num_classes=4, in_channels=1, image_size=(8, 12)) == remade_space("darts", space.options)

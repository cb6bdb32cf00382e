"""DARTS: published networks and counts, genotypes, twins."""

import random
from itertools import combinations
from math import prod
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

from spaces.networks import losses, parameters
from untrained.errors import InputError
from untrained.spaces import DARTS, get_space, remade_space
from untrained.spaces.darts_network import AuxiliaryHead, DARTSNetwork, FactorizedReduce

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
P_DARTS = """Genotype(normal=[('skip_connect', 0), ('dil_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 1),
    ('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3', 0), ('dil_conv_5x5', 4)], normal_concat=range(2, 6),
    reduce=[('avg_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('dil_conv_5x5', 2), ('max_pool_3x3', 0),
    ('dil_conv_3x3', 1), ('dil_conv_3x3', 1), ('dil_conv_5x5', 3)], reduce_concat=range(2, 6))"""
PC_DARTS = """Genotype(
    normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 0), ('dil_conv_3x3', 1), ('sep_conv_5x5', 0),
            ('sep_conv_3x3', 1), ('avg_pool_3x3', 0), ('dil_conv_3x3', 1)], normal_concat=range(2, 6),
    reduce=[('sep_conv_5x5', 1), ('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_5x5', 2), ('sep_conv_3x3', 0),
            ('sep_conv_3x3', 3), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2)], reduce_concat=range(2, 6))"""
PC_DARTS_IMAGE = """Genotype(
    normal=[('skip_connect', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 0), ('skip_connect', 1), ('sep_conv_3x3', 1),
            ('sep_conv_3x3', 3), ('sep_conv_3x3', 1), ('dil_conv_5x5', 4)], normal_concat=range(2, 6),
    reduce=[('sep_conv_3x3', 0), ('skip_connect', 1), ('dil_conv_5x5', 2), ('max_pool_3x3', 1), ('sep_conv_3x3', 2),
            ('sep_conv_3x3', 1), ('sep_conv_5x5', 0), ('sep_conv_3x3', 3)], reduce_concat=range(2, 6))"""
SPACE = DARTS()
CIFAR, IMAGENET = DARTS(C=36, layers=20), DARTS(C=48, layers=14, num_classes=1000, image_size=224)


def _operations(arch: str, *, pools: bool = False) -> float:
    """Of a network for ImageNet, millions of multiply-adds of convolutions and linear layers, 2 a number of BatchNorm's
    and 1 of ReLU's; and 1 for each number that is pooled, if pools are counted.
    """
    counted = 0

    def count(module: nn.Module, inputs: Any, y: torch.Tensor) -> None:
        nonlocal counted
        match module:
            case nn.Conv2d():
                counted += y.numel() * module.weight[0].numel()
            case nn.Linear():
                counted += module.weight.numel()
            case nn.BatchNorm2d():
                counted += 2 * y.numel()
            case nn.ReLU():
                counted += y.numel()
            case nn.MaxPool2d() | nn.AvgPool2d() | nn.AdaptiveAvgPool2d() if pools:
                counted += inputs[0].numel()

    with torch.device("meta"):
        net = IMAGENET.build(arch).eval()
        for module in net.modules():
            module.register_forward_hook(count)
        net(torch.zeros(1, 3, 224, 224))
    return counted / 1e6


def test_parameters_are_those_published() -> None:
    """3,349,342 on CIFAR-10 and 4,718,752 on ImageNet: what the authors' code prints of their second-order cells."""
    arch = SPACE.read(DARTS_V2)
    assert parameters(CIFAR, arch) == 3_349_342
    assert parameters(IMAGENET, arch) == 4_718_752


@pytest.mark.parametrize(
    ("genotype", "cifar", "imagenet", "operations"),
    [(P_DARTS, 3.4, 4.9, 557), (PC_DARTS, 3.6, 5.3, 586), (PC_DARTS_IMAGE, None, 5.3, 597)],
    ids=["P-DARTS", "PC-DARTS", "PC-DARTS on ImageNet"],
)
def test_what_later_papers_print_of_their_cells(
    genotype: str, cifar: float | None, imagenet: float, operations: int
) -> None:
    """Chen et al. (ICCV 2019) and Xu et al. (ICLR 2020): parameters and multiply-adds in millions."""
    arch = SPACE.read(genotype)
    assert cifar in (None, round(CIFAR.sizes(arch)["params"], 1))
    assert round(IMAGENET.sizes(arch)["params"], 1) == imagenet
    assert round(_operations(arch)) == operations


def test_operations_of_darts_own_cells_are_what_others_count() -> None:
    """544.59 M, by flops-counter.pytorch on the authors' code (quark0/darts, issue 46); the paper prints 574 M."""
    assert round(_operations(SPACE.read(DARTS_V2), pools=True), 2) == 544.59


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
    with pytest.raises(InputError, match=r"auxiliary=-1"):
        DARTS(auxiliary=-1)


def test_a_few_steps_lower_the_loss() -> None:
    torch.manual_seed(0)
    images, labels = torch.randn(16, 1, 8, 8), torch.arange(16) % 4
    before, after = losses(DARTS(4, 3, 4, 1, 8), SPACE.read(ROBOT), images, labels)
    assert after < before / 2


@pytest.mark.parametrize(
    ("side", "weights"),
    [(32, 128 * (16 * 6 + 2) + 768 * (4 * 128 + 2)), (96, 128 * (16 * 6 + 2) + 768 * 4 * 128), (7, None)],
)
def test_an_auxiliary_head_looks_behind_two_thirds(side: int, weights: int | None) -> None:
    """Counted by hand: 16 C channels come out of the cell; of two convolutions, both have BatchNorm on small images."""
    space, arch = DARTS(6, 5, 10, 1, side, auxiliary=0.4), SPACE.read(DARTS_V2)
    torch.manual_seed(0)
    net = space.build(arch)
    assert isinstance(net, DARTSNetwork)
    head = net.auxiliary_head
    assert head is not None
    if weights is not None:
        assert sum(p.numel() for p in head.parameters()) == weights + (768 + 1) * 10
    assert space.sizes(arch) == DARTS(6, 5, 10, 1, side).sizes(arch)
    seen = dict[str, torch.Tensor]()
    head.register_forward_pre_hook(lambda _, inputs: seen.update(head=inputs[0]))
    net.cells[4].register_forward_pre_hook(lambda _, inputs: seen.update(cell=inputs[1]))  # what cell 3 gave
    outputs, auxiliary = net.forward_with_auxiliary(torch.randn(2, 1, side, side))
    assert outputs.shape == auxiliary.shape == (2, 10)
    assert torch.equal(seen["head"], seen["cell"])
    assert net(torch.randn(2, 1, side, side)).shape == (2, 10)  # the head has no part in what others see


@pytest.mark.parametrize(("large", "side", "starts"), [(False, 8, (0, 3)), (True, 7, (0, 2))])
def test_auxiliary_heads_pool_as_published(large: bool, side: int, starts: tuple[int, int]) -> None:
    """Windows of 5 x 5 pixels, three or two pixels apart: 2 x 2 of them on the maps of CIFAR's and ImageNet's nets."""
    head, maps, seen = AuxiliaryHead(3, 4, large=large).eval(), torch.rand(2, 3, side, side), list[torch.Tensor]()
    head.reduce.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    head(maps)
    windows = [[maps[:, :, i : i + 5, j : j + 5].mean((2, 3)) for j in starts] for i in starts]
    torch.testing.assert_close(seen[0], torch.stack([torch.stack(row, -1) for row in windows], -2))


def test_options_are_filled_from_the_data_and_remembered() -> None:
    space = get_space("darts", {"num_classes": 4, "in_channels": 1, "image_size": (8, 12)})
    assert space == DARTS(num_classes=4, in_channels=1, image_size=(8, 12)) == remade_space("darts", space.options)

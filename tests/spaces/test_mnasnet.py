"""Accel-NASBench's mobile networks: the published parameters and multiply-accumulates, images of any size."""

import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from spaces.networks import losses, measured, parameters
from untrained.errors import InputError
from untrained.spaces import MnasNets, get_space, remade_space
from untrained.spaces.mnasnet import STRIDES
from untrained.spaces.mobile import fitting_strides

IMAGENET = MnasNets(num_classes=1000, image_size=224)
SMALL = "e1k3l1s0|e4k5l1s1|e1k3l2s0|e1k3l1s0|e1k3l1s0|e1k3l4s0|e1k5l1s1"


def test_all_published_parameters_and_macs_are_reproduced(shared_data: Path) -> None:
    rows = pq.read_table(shared_data / "accelnas_imagenet.parquet", columns=["arch", "params", "macs"]).to_pylist()
    assert len(rows) == 5125
    for row in rows:
        assert IMAGENET.to_arch(IMAGENET.to_params(row["arch"])) == row["arch"]
        found = (IMAGENET.sizes(row["arch"])["params"], IMAGENET.macs(row["arch"]))
        assert found == (row["params"], row["macs"]), row["arch"]
    for row in random.Random(0).sample(rows, 5):
        assert parameters(IMAGENET, row["arch"]) == round(1e6 * row["params"])


def test_the_space_holds_what_its_decisions_say() -> None:
    assert MnasNets().size == (3 * 2 * 3 * 2) ** 6 * (3 * 2 * 4 * 2)


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 32), (1, (5, 40)), (2, 1)], ids=str)
def test_networks_run_on_images_of_any_size_and_cost_what_is_counted(
    channels: int, size: int | tuple[int, int]
) -> None:
    space, rng = MnasNets(num_classes=5, in_channels=channels, image_size=size), random.Random(0)
    images = torch.randn(2, channels, *((size, size) if isinstance(size, int) else size))
    arch = space.mutate(space.sample(rng), rng)
    net = space.build(arch)
    assert net(images).shape == (2, 5)
    assert measured(net, images) == space.sizes(arch)


def test_the_last_maps_have_four_pixels_a_side_or_more() -> None:
    def last(side: int) -> int:
        for stride in fitting_strides(STRIDES, (side, side)):
            side = -(-side // stride)
        return side

    assert fitting_strides(STRIDES, (224, 300)) == list(STRIDES)
    assert [last(side) for side in (224, 112, 64, 32, 28, 8, 5, 2)] == [7, 4, 4, 4, 4, 4, 5, 2]


def test_a_few_steps_lower_the_loss() -> None:
    torch.manual_seed(0)
    images, labels = torch.randn(16, 1, 8, 8), torch.arange(16) % 4
    before, after = losses(MnasNets(4, 1, 8), SMALL, images, labels)
    assert after < before / 2


@pytest.mark.parametrize(
    "arch",
    ["", SMALL[1:], SMALL + "|", SMALL.replace("k3", "k7"), SMALL.replace("l1", "l4"), SMALL.replace("l4", "l5")],
)
def test_bad_strings_are_named(arch: str) -> None:
    with pytest.raises(InputError, match=r"malformed architecture .*: expected seven stages"):
        IMAGENET.to_params(arch)


def test_options_are_filled_from_the_data_and_remembered() -> None:
    space = get_space("mnasnet", {"num_classes": 4, "in_channels": 1, "image_size": (8, 12)})
    assert space == MnasNets(4, 1, (8, 12)) == remade_space("mnasnet", space.options)

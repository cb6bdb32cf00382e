"""NATS-Bench's size space: its order, its published parameters."""

import pytest
import torch

from spaces.networks import losses, parameters
from untrained.errors import InputError
from untrained.spaces import NATSBenchSize, get_space, remade_space

SPACE = NATSBenchSize()


@pytest.mark.parametrize(
    ("arch", "published"), [("8:8:8:8:8", 11_714), ("8:8:16:40:40", 107_826), ("64:64:64:64:64", 713_674)]
)
def test_parameters_are_those_of_the_benchmark(arch: str, published: int) -> None:
    assert parameters(SPACE, arch) == published
    assert SPACE.sizes(arch) == {"params": published / 1e6}


def test_what_is_counted_is_what_the_networks_have() -> None:
    space = NATSBenchSize(num_classes=7, in_channels=1)
    for arch in space.pool(10):
        assert space.sizes(arch)["params"] == parameters(space, arch) / 1e6
        assert space.build(arch)(torch.randn(2, 1, 9, 12)).shape == (2, 7)


def test_the_order_is_the_benchmarks() -> None:
    archs = list(SPACE)
    assert len(archs) == len(set(archs)) == SPACE.size == 32768
    assert [archs[i] for i in (0, 1, 8, -1)] == ["8:8:8:8:8", "8:8:8:8:16", "8:8:8:16:8", "64:64:64:64:64"]
    assert SPACE.read(" 8 ") == "8:8:8:16:8"
    assert all(SPACE.to_arch(SPACE.to_params(arch)) == arch for arch in archs[::97])


@pytest.mark.parametrize("arch", ["", "8:8:8:8", "8:8:8:8:8:8", "8:8:8:8:9", "8:8:8:8:8\n"])
def test_bad_strings_are_named(arch: str) -> None:
    with pytest.raises(InputError, match="malformed architecture"):
        SPACE.to_params(arch)


def test_a_few_steps_lower_the_loss() -> None:
    torch.manual_seed(0)
    images, labels = torch.randn(16, 1, 8, 8), torch.arange(16) % 4
    before, after = losses(NATSBenchSize(4, 1), "8:8:8:8:16", images, labels)
    assert after < before / 2


def test_options_are_filled_from_the_data_and_remembered() -> None:
    space = get_space("natsbench-size", {"num_classes": 4, "in_channels": 1, "image_size": 8})
    assert space == NATSBenchSize(4, 1) == remade_space("natsbench-size", space.options)

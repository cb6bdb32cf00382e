"""Residual networks: the published ones, by hand and by name; images of any size."""

import random

import pytest
import torch

from spaces.networks import losses, measured, parameters
from untrained.errors import InputError
from untrained.spaces import ResNets, get_space, remade_space

IMAGENET = ResNets(num_classes=1000, image_size=224)


def arch(block: str, width: int, *depths: int) -> str:
    return ",".join([f"block={block},width={width}", *(f"depth{i}={d}" for i, d in enumerate(depths, start=1))])


@pytest.mark.parametrize(
    ("name", "published"),
    [
        (arch("basic", 64, 2, 2, 2, 2), 11_689_512),
        (arch("basic", 64, 3, 4, 6, 3), 21_797_672),
        (arch("bottleneck", 64, 3, 4, 6, 3), 25_557_032),
    ],
    ids=["ResNet-18", "ResNet-34", "ResNet-50"],
)
def test_parameters_are_those_published_for_imagenet(name: str, published: int) -> None:
    assert parameters(IMAGENET, name) == published
    assert IMAGENET.sizes(name)["params"] == published / 1e6


def test_resnet_20_of_cifar_has_the_published_parameters() -> None:
    """Three stages of 16, 32 and 64 channels (He et al., table 6: 0.27 M), with 1 x 1 convolutions as shortcuts.

    stem 3*16*9 + 32 = 464; stage 1: 6 (16^2*9 + 32) = 14,016; stage 2: 16*32*9 + 64 + 5 (32^2*9 + 64) + 16*32 + 64
    = 51,648; stage 3: 32*64*9 + 128 + 5 (64^2*9 + 128) + 32*64 + 128 = 205,696; classifier 650. Sum 272,474.
    """
    assert parameters(ResNets(), arch("basic", 16, 3, 3, 3, 0)) == 272_474


def test_the_space_holds_what_its_decisions_say() -> None:
    space = ResNets()
    assert space.size == 2 * 7 * 4 * 4 * 6 * 5 == len(set(space.pool()))


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (1, 28), (3, 32), (2, (5, 9)), (3, (96, 70)), (1, 1)], ids=str)
def test_networks_run_on_images_of_any_size_and_cost_what_is_counted(channels: int, size: int) -> None:
    space, rng = ResNets(num_classes=5, in_channels=channels, image_size=size), random.Random(0)
    height, width = (size, size) if isinstance(size, int) else size
    for _ in range(3):
        name = space.mutate(space.sample(rng), rng)
        net, images = space.build(name), torch.randn(2, channels, height, width)
        assert net(images).shape == (2, 5)
        assert measured(net, images) == space.sizes(name)


def test_maps_shrink_as_published_and_small_ones_stay() -> None:
    def sides(image: int) -> list[int]:
        net, found = ResNets(image_size=image).build(arch("basic", 8, 1, 1, 1, 1)), list[int]()
        for i in range(1, 5):
            net.get_submodule(f"layer{i}").register_forward_hook(lambda _m, _i, out: found.append(out.shape[-1]))
        net(torch.zeros(2, 3, image, image))
        return found

    assert sides(224) == [56, 28, 14, 7]
    assert sides(32) == [32, 16, 8, 4]
    assert sides(8) == [8, 4, 4, 4]


def test_weights_are_drawn_as_he_et_al_do() -> None:
    torch.manual_seed(0)
    weight = ResNets().build(arch("basic", 64, 1, 1, 1, 1)).get_parameter("layer4.0.conv2.weight")
    assert weight.std().item() == pytest.approx((2 / (512 * 9)) ** 0.5, rel=0.01)


def test_a_few_steps_lower_the_loss() -> None:
    torch.manual_seed(0)
    images, labels = torch.randn(16, 1, 8, 8), torch.arange(16) % 4
    for block in ("basic", "bottleneck"):
        before, after = losses(ResNets(4, 1, 8), arch(block, 8, 1, 1, 1, 0), images, labels)
        assert after < before / 2


def test_options_are_filled_from_the_data_and_remembered() -> None:
    facts = {"num_classes": 4, "in_channels": 1, "image_size": (8, 12), "length": 3}
    space = get_space("resnet", facts)
    assert space == ResNets(4, 1, (8, 12)) == remade_space("resnet", space.options)
    assert ResNets(image_size=(8, 8)) == ResNets(image_size=8)


@pytest.mark.parametrize(
    "options",
    [{"num_classes": 0}, {"in_channels": True}, {"image_size": 0}, {"image_size": (8, 8, 8)}, {"image_size": "8"}],
    ids=str,
)
def test_impossible_options_are_named(options: dict[str, object]) -> None:
    with pytest.raises(InputError, match=f"resnet option {next(iter(options))}=.*: give"):
        get_space("resnet", **options)

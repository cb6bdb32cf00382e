"""U-Nets: the published count, counts by hand, masks of any size."""

import pytest
import torch

from spaces.networks import losses, parameters
from untrained.errors import InputError
from untrained.spaces import UNets, get_space, remade_space


def arch(depth: int, width: int, convs: int, block: str) -> str:
    return f"depth={depth},width={width},convs={convs},block={block}"


def test_the_published_network_has_its_published_parameters() -> None:
    """31,037,633: U-Net with BatchNorm and padding, of 3 channels and one class, in public implementations."""
    space = UNets(num_classes=1, image_size=512)
    assert parameters(space, arch(4, 64, 2, "plain")) == 31_037_633


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        # down: 2*8*9 + 16, 8*16*9 + 32; up: 16*8*4 + 8, 16*8*9 + 16; head 8*3 + 3
        (arch(1, 8, 1, "plain"), 160 + 1184 + 520 + 1168 + 27),
        # each level has a 1 x 1 convolution with BatchNorm beside it: 2*8 + 16, 8*16 + 32, 16*8 + 16
        (arch(1, 8, 1, "residual"), 160 + 1184 + 520 + 1168 + 27 + 32 + 160 + 144),
        # and a second convolution: 8*8*9 + 16, 16*16*9 + 32, 8*8*9 + 16
        (arch(1, 8, 2, "plain"), 160 + 1184 + 520 + 1168 + 27 + 592 + 2336 + 592),
    ],
)
def test_parameters_counted_by_hand(name: str, counted: int) -> None:
    space = UNets(num_classes=3, in_channels=2)
    assert parameters(space, name) == counted


def test_what_is_counted_is_what_the_networks_have() -> None:
    space = UNets(num_classes=3, in_channels=1)
    assert space.size == 4 * 7 * 3 * 2
    assert all(space.sizes(name)["params"] == parameters(space, name) / 1e6 for name in space)


@pytest.mark.parametrize("size", [(4, 4), (5, 9), (17, 30), (32, 32)], ids=str)
def test_masks_are_as_large_as_the_images(size: tuple[int, int]) -> None:
    space = UNets(num_classes=3, in_channels=1, image_size=size)
    for name in space.pool(3, seed=1):
        assert space.build(name)(torch.randn(2, 1, *size)).shape == (2, 3, *size)


@pytest.mark.parametrize(("side", "deepest"), [(4, 1), (8, 2), (28, 4), (512, 4)])
def test_the_smallest_maps_have_two_pixels(side: int, deepest: int) -> None:
    # 4 -> 2; 8 -> 4 -> 2; 28 -> 14 -> 7 -> 4 -> 2
    assert {UNets(image_size=side).to_params(name)["depth"] for name in UNets(image_size=side)} == set(
        range(1, deepest + 1)
    )


def test_a_few_steps_lower_the_loss_of_masks() -> None:
    torch.manual_seed(0)
    images = torch.randn(4, 1, 9, 12)
    masks = (images[:, 0] > 0).long()
    for block in ("plain", "residual"):
        before, after = losses(UNets(2, 1, (9, 12)), arch(2, 16, 1, block), images, masks, steps=12)
        assert after < before / 2


def test_options_are_filled_from_the_data_and_remembered() -> None:
    space = get_space("unet", {"num_classes": 4, "in_channels": 1, "image_size": (8, 12)})
    assert space == UNets(4, 1, (8, 12)) == remade_space("unet", space.options)
    with pytest.raises(InputError, match=r"unet option image_size=3: .* at least 4 pixels"):
        UNets(image_size=3)

"""Vision transformers: published counts, the number of networks, strings, images of any size."""

import random

import pytest
import torch

from spaces.networks import losses, parameters
from untrained.errors import InputError
from untrained.spaces import ViTs, get_space, remade_space
from untrained.spaces.vit import SCALES

SMALL = "e64;h2,3;m1.0,2.0"


def equal_layers(width: int, depth: int, heads: int, ratio: float) -> str:
    return f"e{width};h{','.join([str(heads)] * depth)};m{','.join([str(ratio)] * depth)}"


@pytest.mark.parametrize(
    ("scale", "arch", "published"),
    [
        ("tiny", equal_layers(192, 12, 3, 4.0), 5_717_416),
        ("small", equal_layers(384, 12, 6, 4.0), 22_050_664),
    ],
    ids=["DeiT-Ti/16", "ViT-S/16"],
)
def test_parameters_are_those_published_for_imagenet(scale: str, arch: str, published: int) -> None:
    space = ViTs(1000, image_size=224, scale=scale)
    assert parameters(space, arch) == published
    assert space.sizes(arch) == {"params": published / 1e6}


def test_parameters_counted_by_hand() -> None:
    """Width 64 on images of 8 x 8 x 1, patches of 2 pixels, heads of 32.

    patches 4*64 + 64, first token 64, places 17*64 = 1,088; first layer: norms 256, queries, keys and values
    64*192 + 192, projection 64*64 + 64, MLP 64*64 + 64 + 64*64 + 64, in all 25,216; second: norms 256,
    64*288 + 288, 96*64 + 64, MLP 64*128 + 128 + 128*64 + 64, in all 41,760; last norm 128, head 64*3 + 3.
    """
    space = ViTs(3, 1, 8)
    assert parameters(space, SMALL) == 320 + 64 + 1088 + 25_216 + 41_760 + 128 + 195


@pytest.mark.parametrize("scale", SCALES)
def test_what_is_counted_is_what_the_networks_have(scale: str) -> None:
    space, rng = ViTs(5, 2, (30, 45), scale), random.Random(0)
    for _ in range(5):
        arch = space.mutate(space.sample(rng), rng)
        assert space.to_arch(space.to_params(arch)) == arch == space.canonical(arch)
        assert space.sizes(arch)["params"] == parameters(space, arch) / 1e6


def test_the_bounds_are_autoformers() -> None:
    """Chen et al., table 1; a layer of the base scale has 2 x 3 choices, so its space 3 (6^14 + 6^15 + 6^16)."""
    space = ViTs(scale="base")
    assert space.size == 3 * (6**14 + 6**15 + 6**16)
    assert {d.count for name, d in space.decisions.items() if name.startswith("ratio")} == {3}
    assert list(ViTs(scale="tiny").decisions["width"].values or ()) == [192, 216, 240]


@pytest.mark.parametrize("size", [1, 8, 28, (30, 45)], ids=str)
def test_networks_run_on_images_of_any_size(size: int | tuple[int, int]) -> None:
    net = ViTs(3, 1, size).build(SMALL)
    height, width = (size, size) if isinstance(size, int) else size
    assert net(torch.randn(2, 1, height, width)).shape == (2, 3)
    with pytest.raises(ValueError, match=r"images of \(9, 9\) pixels: this network was made for"):
        net(torch.randn(2, 1, 9, 9))


@pytest.mark.parametrize("arch", ["", SMALL[1:], "e64;h2;m1.0,2.0", "e64;h2;m1.0", "e64;h2,,3;m1.0,2.0"])
def test_malformed_strings_are_named(arch: str) -> None:
    with pytest.raises(InputError, match=r"heads_2='' is not|malformed architecture .*: expected the form e192;h3"):
        ViTs().to_params(arch)


def test_wrong_values_and_options_are_named() -> None:
    with pytest.raises(InputError, match=r"ratio_2=.*9.0.* is not a float from 1.0 to 4.0"):
        ViTs().to_params("e64;h2,3;m1.0,9.0")
    with pytest.raises(InputError, match="vit option scale='huge': choose from micro, tiny"):
        ViTs(scale="huge")


def test_a_few_steps_lower_the_loss() -> None:
    torch.manual_seed(0)
    images, labels = torch.randn(16, 1, 8, 8), torch.arange(16) % 4
    before, after = losses(ViTs(4, 1, 8), SMALL, images, labels, steps=20)
    assert after < before / 2


def test_options_are_filled_from_the_data_and_remembered() -> None:
    space = get_space("vit", {"num_classes": 4, "in_channels": 1, "image_size": (8, 12)})
    assert space == ViTs(4, 1, (8, 12)) == remade_space("vit", space.options)

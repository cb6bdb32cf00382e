"""Vision transformers: published counts, the number of networks, strings, images of any size."""

import random
from typing import Any, cast

import pytest
import torch

from spaces.networks import losses, parameters
from untrained.errors import InputError
from untrained.spaces import ViTs, get_space, remade_space
from untrained.spaces.relative import Relative, RelativeAttention
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
    space = ViTs(1000, image_size=224, scale=scale, relative=False)
    assert parameters(space, arch) == published
    assert space.sizes(arch) == {"params": published / 1e6}


@pytest.mark.parametrize(
    ("scale", "arch", "published"),
    [
        ("small", "e384;h6,6,5,7,5,5,5,6,6,7,7,6,7;m3,3.5,3,3.5,4,4,4,4,4,4,4,3.5,4", 22.9),
        ("base", "e576;h9,9,9,9,9,10,9,9,10,9,10,9,9,10;m3.5,3.5,4,3.5,4,3.5,3.5,3,4,4,3,4,3,3.5", 53.7),
    ],
)
def test_autoformers_networks_have_the_published_parameters(scale: str, arch: str, published: float) -> None:
    """Chen et al., table 2 and their list of models; without relative positions they would be 22.8 and 53.6 M."""
    space = ViTs(1000, image_size=224, scale=scale)
    arch = space.read(arch)
    assert round(parameters(space, arch) / 1e6, 1) == round(space.sizes(arch)["params"], 1) == published
    plain = ViTs(1000, image_size=224, scale=scale, relative=False).sizes(arch)["params"]
    assert round(10 * plain) == round(10 * published) - 1


def test_autoformers_tiny_network_is_larger_than_printed() -> None:
    """The paper says 5.7 M, its list of models 5.8 M. By hand, with width 192, 13 layers and 40 heads in all:

    patches 192*769, first token 192, places 197*192, last norm 384, head 193*1000 = 379,048 in all; a layer has norms
    768, biases of the projection and of the MLP's end 384 and relative positions 4*30*64, in all 8,832, a head of
    64 x (4*192 + 3), and a feature of the MLP 2*192 + 1, of which ratios of 46 in all make 8,832.
    """
    space = ViTs(1000, image_size=224, scale="tiny")
    arch = space.read("e192;h3,3,3,3,3,3,3,3,3,3,4,3,3;m3.5,3.5,3,3.5,3,3,4,4,3.5,4,3.5,4,3.5")
    assert parameters(space, arch) == 379_048 + 13 * 8832 + 40 * 64 * 771 + 8832 * 385 == 5_867_944


def test_relative_attention_adds_features_of_the_distance_to_keys_and_values() -> None:
    """Shaw et al., equations 3 and 4, pair by pair: the features of a pair are those of its rows and its columns."""
    torch.manual_seed(0)
    module, x = RelativeAttention(6, 2, 4, (2, 3)).eval(), torch.randn(2, 7, 6)
    query, key, value = module.qkv(x).view(2, 7, 3, 2, 4).unbind(2)

    def pair(table: Relative, i: int, j: int) -> torch.Tensor:
        if 0 in (i, j):  # the first token is no patch
            return table.vertical.weight[0] + table.horizontal.weight[0]
        (row, column), (other_row, other_column) = divmod(i - 1, 3), divmod(j - 1, 3)
        return table.vertical.weight[other_row - row + 4] + table.horizontal.weight[other_column - column + 4]

    expected = torch.zeros(2, 7, 2, 4)
    for i in range(7):
        keys = torch.stack([key[:, j] + pair(module.keys, i, j) for j in range(7)], 1)
        values = torch.stack([value[:, j] + pair(module.values, i, j) for j in range(7)], 1)
        weights = ((query[:, None, i] * keys).sum(-1) / 2).softmax(1)
        expected[:, i] = (weights[..., None] * values).sum(1)
    torch.testing.assert_close(module(x), module.proj(expected.flatten(2)))


def test_parameters_counted_by_hand() -> None:
    """Width 64 on images of 8 x 8 x 1, patches of 2 pixels, heads of 32.

    patches 4*64 + 64, first token 64, places 17*64 = 1,088; first layer: norms 256, queries, keys and values
    64*192 + 192, projection 64*64 + 64, MLP 64*64 + 64 + 64*64 + 64, in all 25,216; second: norms 256,
    64*288 + 288, 96*64 + 64, MLP 64*128 + 128 + 128*64 + 64, in all 41,760; last norm 128, head 64*3 + 3.
    """
    space = ViTs(3, 1, 8)
    assert parameters(space, SMALL) == 320 + 64 + 1088 + 25_216 + 41_760 + 128 + 195


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("relative", [False, True])
def test_what_is_counted_is_what_the_networks_have(scale: str, relative: bool) -> None:
    space, rng = ViTs(5, 2, (30, 45), scale, relative), random.Random(0)
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


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("size", [1, 8, 28, (30, 45)], ids=str)
def test_networks_run_on_images_of_any_size(size: int | tuple[int, int], relative: bool) -> None:
    net = ViTs(3, 1, size, relative=relative).build(SMALL)
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
    with pytest.raises(InputError, match="vit option relative='yes': give True or False"):
        ViTs(relative=cast(Any, "yes"))


@pytest.mark.parametrize("relative", [False, True])
def test_a_few_steps_lower_the_loss(relative: bool) -> None:
    torch.manual_seed(0)
    images, labels = torch.randn(16, 1, 8, 8), torch.arange(16) % 4
    before, after = losses(ViTs(4, 1, 8, relative=relative), SMALL, images, labels, steps=20)
    assert after < before / 2


def test_options_are_filled_from_the_data_and_remembered() -> None:
    space = get_space("vit", {"num_classes": 4, "in_channels": 1, "image_size": (8, 12)})
    assert space == ViTs(4, 1, (8, 12)) == remade_space("vit", space.options)
    for scale, relative in (("micro", False), ("tiny", True)):
        space = ViTs(scale=scale)
        assert space.options["relative"] is relative
        assert space == remade_space("vit", space.options)

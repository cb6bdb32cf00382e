"""Mobile networks of Once-for-All's kind: MobileNetV3-Large, the published number of networks, strings."""

import random

import pytest
import torch

from spaces.networks import losses, measured
from untrained.errors import InputError
from untrained.spaces import MobileNets, get_space, remade_space
from untrained.spaces.mobilenet_network import Layer, MobileNet, shape_of

SMALL = "w0.2|k3e3-k3e3|k5e3-k3e4|k3e3-k7e3|k3e3-k3e3|k3e3-k3e3-k3e3"
LARGE = [
    [(3, 4), (3, 3)],
    [(5, 3), (5, 3), (5, 3)],
    [(3, 6), (3, 2.5), (3, 2.3), (3, 2.3)],
    [(3, 6), (3, 6)],
    [(5, 6), (5, 6), (5, 6)],
]
"""Kernel and expansion of the layers of MobileNetV3-Large (Howard et al., table 1)."""


def test_mobilenet_v3_large_has_the_published_parameters() -> None:
    shape = shape_of([[Layer(*layer) for layer in stage] for stage in LARGE], 1.0, (224, 224))
    # Table 1's column of expanded channels, the first block's 16 included.
    assert [b.hidden for b in shape.blocks] == [16, 64, 72, 72, 120, 120, 240, 200, 184, 184, 480, 672, 672, 960, 960]
    with torch.device("meta"):
        net = MobileNet(shape, 1000, 3)
    assert sum(p.numel() for p in net.parameters()) == 5_483_032


def test_there_are_as_many_networks_of_a_width_as_published() -> None:
    """(9^2 + 9^3 + 9^4)^5, about 2 x 10^19 (Cai et al., section 3.1): each stage has 2 to 4 layers of 9 kinds."""
    assert MobileNets().size == 6 * 7371**5
    assert 7371 == 9**2 + 9**3 + 9**4
    assert 2e19 < 7371**5 < 3e19


def test_large_images_leave_a_choice_of_the_resolution() -> None:
    """Once-for-All's are 128 to 224 pixels in steps of 4, 25 of them, each with as many networks (Cai et al., 3.1)."""
    space, same = MobileNets(image_size=224), MobileNets(image_size=160)
    assert space.size == 25 * 6 * 7371**5
    assert list(space.decisions["resolution"].values or ()) == list(range(128, 225, 4))
    assert [MobileNets(image_size=side).size for side in (32, 128, (128, 640))] == [6 * 7371**5] * 3
    arch = SMALL.replace("w0.2", "w0.2r160")
    assert space.to_params(arch) == space.to_params(SMALL) | {"resolution": 160}
    assert space.to_params(SMALL)["resolution"] == 224  # what was written before there was a choice
    assert space.read(SMALL.replace("w0.2", "w0.2r224")) == SMALL == space.to_arch(space.to_params(SMALL))
    assert space.sizes(arch) == same.sizes(SMALL) != space.sizes(SMALL)
    with pytest.raises(InputError, match=r"resolution='130' is not a int from 128 to 224 in steps of 4"):
        space.to_params(SMALL.replace("w0.2", "w0.2r130"))
    with pytest.raises(InputError, match="has the resolution '128': images of 32 pixels a side are too small"):
        MobileNets().to_params(SMALL.replace("w0.2", "w0.2r128"))


def test_images_are_made_smaller_inside_the_network() -> None:
    """A ramp from 0 to 255 becomes, by a filter that is symmetric, one of half the steps: 0.5, 2.5, 4.5, ..."""
    space = MobileNets(3, 1, (256, 300))
    net = space.build(SMALL.replace("w0.2", "w0.2r128")).eval()
    seen = list[torch.Tensor]()
    assert isinstance(net, MobileNet)
    net.stem.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    ramp = torch.arange(256.0)[:, None].expand(2, 1, 256, 300)
    assert net(ramp).shape == (2, 3)
    assert seen[0].shape == (2, 1, 128, 150)
    torch.testing.assert_close(seen[0][0, 0, 1:-1, 7], torch.arange(1.0, 127) * 2 + 0.5)


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 32), (1, (5, 40)), (3, 100), (1, (133, 150))], ids=str)
def test_networks_run_on_images_of_any_size_and_cost_what_is_counted(
    channels: int, size: int | tuple[int, int]
) -> None:
    space, rng = MobileNets(num_classes=5, in_channels=channels, image_size=size), random.Random(0)
    images = torch.randn(2, channels, *((size, size) if isinstance(size, int) else size))
    arch = space.mutate(space.sample(rng), rng)
    net = space.build(arch)
    assert net(images).shape == (2, 5)
    assert measured(net, images) == space.sizes(arch)


def test_strings_say_what_has_an_effect() -> None:
    space, rng = MobileNets(), random.Random(0)
    params = space.to_params(SMALL)
    assert (params["width"], params["depth_1"], params["depth_5"], params["kernel_3_2"]) == (0.2, 2, 3, 7)
    assert space.to_arch(params | {"kernel_1_3": 7, "expansion_2_4": 6}) == SMALL
    assert "kernel_1_3" not in params
    assert {*space.decisions_of(SMALL)} == {*params}
    for _ in range(100):
        arch = space.sample(rng)
        assert space.to_arch(space.to_params(arch)) == arch == space.canonical(arch)
        assert space.mutate(arch, rng) != arch
    deeper = {space.mutate(SMALL, rng) for _ in range(5000)}
    assert {part[-4:] for part in (arch.split("|")[1] for arch in deeper) if part.count("-") == 2} == {
        f"k{k}e{e}" for k in (3, 5, 7) for e in (3, 4, 6)
    }


def test_children_take_layers_that_a_parent_has() -> None:
    space, rng = MobileNets(), random.Random(0)
    deep = "w0.4|" + "|".join(["k7e6-k7e6-k7e6-k7e6"] * 5)
    for _ in range(100):
        child = space.to_params(space.crossover(SMALL, deep, rng))
        # Layers 4, and 3 of the first stage, are the deep parent's alone, if the child has them.
        assert {child[f"kernel_{i}_4"] for i in range(1, 6) if child[f"depth_{i}"] == 4} <= {7}
        assert child["depth_1"] < 4 or child["expansion_1_3"] == 6


@pytest.mark.parametrize(
    "arch",
    [
        "",
        SMALL[1:],
        SMALL + "|k3e3-k3e3",
        SMALL.replace("w0.2", "w0.2r"),
        SMALL.replace("w0.2", "w0.3"),
        SMALL.replace("e4", "e5"),
    ],
)
def test_bad_strings_are_named(arch: str) -> None:
    with pytest.raises(InputError, match=r"malformed architecture .*: expected w1.0"):
        MobileNets().to_params(arch)


def test_a_few_steps_lower_the_loss() -> None:
    torch.manual_seed(0)
    images, labels = torch.randn(16, 1, 8, 8), torch.arange(16) % 4
    before, after = losses(MobileNets(4, 1, 8), SMALL, images, labels)
    assert after < before / 2


def test_options_are_filled_from_the_data_and_remembered() -> None:
    space = get_space("mobilenet", {"num_classes": 4, "in_channels": 1, "image_size": (8, 12)})
    assert space == MobileNets(4, 1, (8, 12)) == remade_space("mobilenet", space.options)

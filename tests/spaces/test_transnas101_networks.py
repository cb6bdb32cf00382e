"""TransNAS-Bench-101's networks: the published parameters, shapes, operations, heads, images of any size."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.networks import losses, measured, parameters
from untrained.data import as_data
from untrained.errors import InputError
from untrained.spaces import TransNASMacro, TransNASMicro, get_space, remade_space
from untrained.spaces.transnas101 import KINDS, TASKS
from untrained.spaces.transnas101_heads import steps_up
from untrained.spaces.transnas101_network import Encoder, Reduce, Zero, cell
from untrained.testing import check_space

Kind = type[TransNASMicro] | type[TransNASMacro]
KINDS_OF_SPACE = pytest.mark.parametrize("kind", [TransNASMicro, TransNASMacro], ids=["micro", "macro"])
SMALL = {TransNASMicro: "64-41414-2_00_100", TransNASMacro: "64-2311-basic"}


@pytest.mark.parametrize("task", TASKS)
@KINDS_OF_SPACE
def test_parameters_are_those_of_the_table(kind: Kind, task: str, shared_data: Path) -> None:
    """Of every 200th architecture; `experiments/parity/transnas101.py` builds all."""
    space = kind(task)
    columns = ["arch", "metric_subset_params"]
    table = pq.read_table(shared_data / f"{space.name.replace('-', '_')}_{task}.parquet", columns=columns)
    known = [(arch, n) for arch, n in zip(*(table[c].to_pylist() for c in columns), strict=True) if n is not None]
    assert len(known) > 600
    for arch, published in known[::200]:
        assert parameters(space, arch) / 1e6 == published, arch


@pytest.mark.parametrize("task", TASKS)
def test_outputs_of_the_benchmark(task: str) -> None:
    """As published; on the meta device, where nothing is computed."""
    wanted: dict[str, tuple[int, ...]] = {
        "class_object": (100,),
        "class_scene": (63,),
        "jigsaw": (1000,),
        "room_layout": (9,),
        "segmentsemantic": (17, 256, 256),
        "normal": (3, 256, 256),
        "autoencoder": (3, 256, 256),
    }
    images = (2, 9, 3, 64, 64) if task == "jigsaw" else (2, 3, 256, 256)
    with torch.device("meta"):
        assert TransNASMacro(task).build("64-144331-basic")(torch.zeros(images)).shape == (2, *wanted[task])


@pytest.mark.parametrize(
    ("macro", "shapes"),
    [
        ("41414", [(128, 32), (128, 32), (256, 16), (256, 16), (512, 8)]),
        ("2341", [(128, 64), (128, 32), (256, 16), (256, 16)]),
        ("133433", [(64, 64), (64, 32), (64, 16), (128, 8), (128, 4), (128, 2)]),
    ],
)
def test_maps_behind_each_layer(macro: str, shapes: list[tuple[int, int]]) -> None:
    """Of images of 256 pixels: 64 channels of 64 x 64 behind the stem; a layer is two blocks."""
    with torch.device("meta"):
        encoder, found = Encoder(macro, None, 3, (2, 2)), list[tuple[int, int]]()
        x = encoder.stem(torch.zeros(1, 3, 256, 256))
        assert x.shape == (1, 64, 64, 64)
        for k, block in enumerate(encoder.layers):
            x = block(x)
            found += [(x.shape[1], x.shape[2])] * (k % 2)
    assert found == shapes
    assert (encoder.channels, 2**encoder.halvings) == (shapes[-1][0], 256 // shapes[-1][1])


def test_a_skip_that_changes_the_shape_sees_the_pixels_of_both_diagonals() -> None:
    """It is one 2 x 2 convolution of stride 2: half of the channels see its first pixel, half the last one."""
    module, x = Reduce(3, 4, 2).eval(), torch.randn(2, 3, 5, 8)
    here, further = (weight.detach() for weight in module.convs.parameters())
    weights = torch.zeros(4, 3, 2, 2)
    weights[:2, :, :1, :1], weights[2:, :, 1:, 1:] = here, further
    padded = F.pad(x.relu(), (0, 0, 0, 1))  # the odd side
    torch.testing.assert_close(module(x), F.conv2d(padded, weights, stride=2) / (1 + 1e-5) ** 0.5)


def test_none_has_the_shape_of_the_others_and_a_zero_gradient() -> None:
    x = torch.randn(2, 4, 5, 6, requires_grad=True)
    for c_out, stride, shape in (
        (4, 1, (2, 4, 5, 6)),
        (4, 2, (2, 4, 3, 3)),
        (8, 2, (2, 8, 3, 3)),
        (8, 1, (2, 8, 5, 6)),
    ):
        y = Zero(4, c_out, stride)(x)
        assert y.shape == shape
        assert not y.any()
        (grad,) = torch.autograd.grad(y.sum(), x)
        assert not grad.any()


def test_a_cell_is_the_sum_that_its_string_says() -> None:
    ops = list(TransNASMicro().to_params("64-41414-1_02_313").values())
    module, x = cell(ops, 4, 8, 2).eval(), torch.randn(2, 4, 6, 6)
    to_1, _, from_1_to_2, to_3, _, from_2_to_3 = module.layers
    first = to_1(x)
    assert isinstance(to_1, Reduce)
    torch.testing.assert_close(module(x), to_3(x) + first + from_2_to_3(from_1_to_2(first)))


def test_weights_are_drawn_as_the_benchmark_draws_them() -> None:
    """The encoder's as He et al. do, by the outputs; those of heads as torch does, between -1 and 1 by sqrt(inputs)."""
    torch.manual_seed(0)
    net: Any = TransNASMacro("segmentation", image_size=8).build("64-2311-basic")
    first = net.encoder.layers[2].conv_b.op[1].weight
    assert first.std().item() == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.01)
    wide = net.decoder[0].weight
    assert wide.abs().max().item() == pytest.approx((1 / (128 * 9)) ** 0.5, rel=0.01)


def test_steps_up() -> None:
    """By hand from the published decoders: with all six doublings, and with the two that the stem alone asks for."""
    assert steps_up("segmentation", 6) == [
        *((1024, False), (512, True), (256, True), (128, True), (64, True), (32, True), (32, True))
    ]
    for doublings in range(7):
        for kind in ("segmentation", "generation"):
            assert sum(doubles for _, doubles in steps_up(kind, doublings)) == doublings
    assert [k for k, (_, doubles) in enumerate(steps_up("generation", 2), 1) if doubles] == [11, 13]
    assert [k for k, (_, doubles) in enumerate(steps_up("generation", 5), 1) if doubles] == [5, 7, 9, 11, 13]


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (2, (5, 50)), (3, (30, 14))], ids=str)
@KINDS_OF_SPACE
def test_networks_of_any_size_cost_what_is_counted(kind: Kind, channels: int, size: int | tuple[int, int]) -> None:
    space = kind(num_classes=5, in_channels=channels, image_size=size)
    height, width = (size, size) if isinstance(size, int) else size
    for arch in (SMALL[kind], space.sample(random.Random(channels))):
        net, images = space.build(arch), torch.randn(2, channels, height, width)
        assert net(images).shape == (2, 5)
        assert measured(net, images) == space.sizes(arch)


@pytest.mark.parametrize(
    ("side", "strides"), [(256, (2, 2)), (97, (2, 2)), (64, (1, 2)), (49, (1, 2)), (48, (1, 1)), (16, (1, 1))]
)
def test_the_stem_shrinks_large_images_only(side: int, strides: tuple[int, int]) -> None:
    """Three halvings leave 4 pixels of 97, 49 and 25 if these are quartered, halved and kept: 97, 49, 25, 13, 7, 4."""
    with torch.device("meta"):
        images: Any = TransNASMicro(image_size=side).build(SMALL[TransNASMicro]).encoder
        pieces: Any = TransNASMicro("jigsaw", image_size=-(-side // 4)).build(SMALL[TransNASMicro]).encoder
    for encoder in (images, pieces):
        assert (encoder.stem[0].stride[0], encoder.stem[2].op[1].stride[0]) == strides


def test_pixels_have_outputs_whatever_the_size_of_their_image() -> None:
    for task, size in (("segmentation", (9, 6)), ("normal", (7, 12))):
        space = TransNASMacro(task, num_classes=2, in_channels=1, image_size=size)
        found = space.build("64-3213-basic")(torch.randn(2, 1, *size))
        assert found.shape == (2, 2, *size)
        assert (found.abs().max() <= 1) == (task == "normal")
        assert space.sizes("64-3213-basic").keys() == {"params"}


def test_skeletons_that_are_one_network_on_images_of_few_pixels() -> None:
    """8, 4, 2, 1 pixels: where a fourth layer would halve one pixel, 4 is 2 with the very same weights."""
    first, second = "64-3334-basic", "64-3332-basic"
    assert TransNASMacro(image_size=8).canonical(first) == second
    for other in (TransNASMacro(image_size=9), TransNASMacro(), TransNASMacro("segmentation", image_size=8)):
        assert other.canonical(first) == first
    one, two = (TransNASMacro(num_classes=3, image_size=8).build(arch) for arch in (first, second))
    two.load_state_dict(one.state_dict())
    images = torch.randn(4, 3, 8, 8)
    torch.testing.assert_close(one.eval()(images), two.eval()(images))
    larger = torch.randn(4, 3, 9, 9)
    assert not torch.allclose(one(larger), two(larger))
    # 3 is not 1: its shortcut is a convolution.
    assert TransNASMacro(image_size=8).canonical("64-4333-basic") == "64-4333-basic"


def test_the_checks_of_spaces_pass() -> None:
    check_space(TransNASMacro("segmentation", num_classes=3, image_size=4), pool=2).assert_passed()


def test_a_layer_does_not_follow_an_absent_one() -> None:
    space = TransNASMacro()
    params = space.to_params("64-41114-basic")
    assert not space.valid(params | {"layer_5": "-", "layer_6": "4"})
    assert space.valid(params | {"layer_6": "1"})


@pytest.mark.parametrize(
    ("task", "targets", "loss"),
    [
        ("classification", torch.tensor([0, 1, 2, 0]), F.cross_entropy),
        ("regression", torch.tensor([[0.5, 1.0], [-1.0, 0.0], [2.0, 0.3], [-0.4, 1.0]]), F.mse_loss),
        ("segmentation", None, F.cross_entropy),
        ("jigsaw", torch.tensor([0, 1, 1, 0]), F.cross_entropy),
    ],
)
def test_a_few_steps_lower_the_loss(
    task: str, targets: Tensor | None, loss: Callable[[Tensor, Tensor], Tensor]
) -> None:
    torch.manual_seed(0)
    images = torch.randn(4, 9, 1, 4, 4) if task == "jigsaw" else torch.randn(4, 1, 4, 4)
    targets = (images[:, 0] > 0).long() if targets is None else targets
    space = TransNASMacro(task, num_classes=2 if task == "regression" else 3, in_channels=1, image_size=4)
    before, after = losses(space, "64-2311-basic", images, targets, loss, steps=6)
    assert after < before / 2


def facts_of(images: Tensor, targets: Tensor) -> dict[str, Any]:
    return as_data({"train": (images, targets), "valid": (images, targets)}).facts


def test_data_decide_the_head() -> None:
    images, labels = torch.randint(0, 255, (20, 1, 4, 6), dtype=torch.uint8), torch.arange(20) % 2
    masks = (images[:, 0] > 99).long()
    of_masks = get_space("transnas101-macro", facts_of(images, masks))
    assert of_masks == TransNASMacro("segmentsemantic", 2, 1, (4, 6)) == remade_space(of_masks.name, of_masks.options)
    for targets, outputs in ((labels, 2), (torch.randn(20, 3), 3)):  # classes and numbers have one kind of head
        found = get_space("transnas101-micro", facts_of(images, targets))
        assert found == TransNASMicro("class_object", outputs, 1, (4, 6))
    assert {kind: get_space("transnas101-macro", task=kind).options["task"] for kind in KINDS} == KINDS


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"image_size": 3}, r"transnas101-macro option image_size=3: .* at least 4 pixels"),
        ({"task": "jigsaw", "image_size": (64, 2)}, r"image_size=\(64, 2\): .* of such pieces"),
        ({"num_classes": 0}, r"transnas101-macro option num_classes=0: give a whole number of at least 1"),
        ({"in_channels": True}, "in_channels=True"),
        ({"task": "painting"}, "unknown TransNAS-Bench-101 task 'painting': choose from class_object, "),
    ],
)
def test_impossible_options_are_named(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        TransNASMacro(**options)

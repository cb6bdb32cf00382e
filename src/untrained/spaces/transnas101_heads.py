"""The heads of TransNAS-Bench-101's networks, one for each of its seven tasks (Duan et al., CVPR 2021, section 3).

The image tasks were trained with a discriminator beside the network, which is no part of it.
"""

from dataclasses import dataclass
from typing import Literal

from torch import nn

WIDEST = 1024
PIECES = 9
"""Pieces of a jigsaw: 3 x 3 of an image."""


@dataclass(frozen=True)
class Head:
    """What a task asks of a network.

    Args:
        kind: "linear": numbers for an image; "pieces": for the pieces of one; "segmentation", "generation": for each
            pixel.
        outputs: how many numbers.
        side: of the images, or of the pieces, in pixels.
    """

    kind: Literal["linear", "pieces", "segmentation", "generation"]
    outputs: int
    side: int = 256


HEADS = {
    "class_object": Head("linear", 100),
    "class_scene": Head("linear", 63),
    "jigsaw": Head("pieces", 1000, 64),
    "room_layout": Head("linear", 9),
    "segmentsemantic": Head("segmentation", 17),
    "normal": Head("generation", 3),
    "autoencoder": Head("generation", 3),
}
"""Task -> its head."""

GENERATED = (1024, 1024, 512, 512, 256, 128, 64, 64, 32, 32, 16, 32, 16)
"""Channels of the steps from maps to an image."""
DOUBLING = {2: 6, 4: 5, 6: 4, 8: 3, 10: 2, 12: 1}
"""Step -> how many doublings there must be for it to be one of them."""


def steps_up(kind: str, doublings: int) -> list[tuple[int, bool]]:
    """The steps of a head from maps to pixels, which double the sides as late as they can.

    Args:
        kind: "segmentation" or "generation".
        doublings: how many steps double the sides, 0 to 6.

    Returns:
        Of each step, its channels, and whether it doubles the sides.

    Example:
        >>> steps_up("segmentation", 2)
        [(1024, False), (512, False), (256, False), (128, False), (64, False), (32, True), (32, True)]
    """
    if kind == "generation":
        return [(width, doublings >= DOUBLING.get(k, 7)) for k, width in enumerate(GENERATED)]
    halved = [WIDEST >> min(k, 5) for k in range(1, 7)]
    return [(WIDEST, False), *((width, k >= 6 - doublings) for k, width in enumerate(halved))]


def decoder(head: Head, channels: int, halvings: int, outputs: int) -> nn.Module:
    """The head itself.

    Args:
        head: its kind.
        channels: of the encoder's maps.
        halvings: how often the encoder halves the sides.
        outputs: numbers for an image, or for each pixel.

    Returns:
        n x channels x h x w -> n x outputs, or n x outputs x 2^halvings h x 2^halvings w; of pieces, there are nine
        times as many channels. Images are between -1 and 1.
    """
    if head.kind in ("linear", "pieces"):
        seen = channels * (PIECES if head.kind == "pieces" else 1)
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(seen, outputs))
    layers = list[nn.Module]()
    for width, doubles in steps_up(head.kind, halvings):
        if doubles:
            layers.append(nn.ConvTranspose2d(channels, width, 3, stride=2, padding=1, output_padding=1))
        else:
            layers.append(nn.Conv2d(channels, width, 3, padding=1))
        layers += [nn.BatchNorm2d(width), nn.LeakyReLU(0.2)]
        channels = width
    layers.append(nn.Conv2d(channels, outputs, 3, padding=1))
    return nn.Sequential(*layers, *([nn.Tanh()] if head.kind == "generation" else []))

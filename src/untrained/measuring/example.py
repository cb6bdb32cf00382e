"""An input for the networks of a space, if there are no data."""

from typing import Any

import torch

from untrained.errors import InputError
from untrained.spaces import SearchSpace
from untrained.spaces.facts import sides

PUBLISHED = 32
"""The side of images that the networks of spaces without an option for it are published with."""


def example_for(space: SearchSpace) -> Any:
    """Makes a random input from the options of a space that describe data: the same one each time.

    Args:
        space: The space.

    Returns:
        A batch of one: an image (1 x `in_channels` x h x w), a row of a table (1 x `in_features`) or tokens
        (1 x `length`).

    Raises:
        InputError: Its options do not say what its networks take.

    Example:
        >>> from untrained.spaces import MLPs
        >>> example_for(MLPs(in_features=4)).shape
        torch.Size([1, 4])
    """
    options, generator = space.options, torch.Generator().manual_seed(0)
    if "in_channels" in options:
        size = sides(options.get("image_size", PUBLISHED))
        return torch.randn(1, options["in_channels"], *size, generator=generator)
    if "in_features" in options:
        return torch.randn(1, options["in_features"], generator=generator)
    if {"vocabulary", "length"} <= options.keys():
        return torch.randint(options["vocabulary"], (1, options["length"]), generator=generator)
    raise InputError(f"space {space.name!r} does not say what its networks take: give data")

"""Options of the built-in spaces that describe the data: how they are checked, and in what form they are kept."""

from typing import Any

from untrained.errors import InputError, shown

Size = int | tuple[int, int]
"""The size of an image: one number for both sides, or (height, width)."""


def check_whole(space: str, **options: Any) -> None:
    """Refuses options that are not whole numbers of at least 1.

    Args:
        space: the name of the space.
        options: name -> value.

    Raises:
        InputError: if a value is another thing.
    """
    for name, value in options.items():
        if not is_whole(value):
            raise InputError(f"{space} option {name}={shown(value)}: give a whole number of at least 1")


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number of at least 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def image_size(space: str, given: Any) -> Size:
    """The size of an image in the form in which spaces keep it: the side of a square, else (height, width).

    Args:
        space: the name of the space.
        given: a number, or a pair of numbers; JSON makes a list of it.

    Raises:
        InputError: if it is another thing.

    Example:
        >>> image_size("resnet", [8, 8]), image_size("resnet", [8, 12])
        (8, (8, 12))
    """
    pair = (given, given) if is_whole(given) else given
    if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(map(is_whole, pair)):
        raise InputError(f"{space} option image_size={shown(given)}: give the side in pixels, or (height, width)")
    height, width = pair
    return height if height == width else (height, width)


def sides(size: Size) -> tuple[int, int]:
    """Height and width."""
    return (size, size) if isinstance(size, int) else size

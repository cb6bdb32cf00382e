"""Other forms in which people have the architectures of a published space: tuples of digits, and indices."""

import re
from collections.abc import Sequence

from untrained.errors import InputError

AROUND = "\ufeff \t\r\n"
"""What may stand around an architecture in a file: a byte order mark, spaces, ends of lines."""


def digits_in(text: str) -> list[int] | None:
    """The numbers of a tuple or list such as `(4, 3, 3, 0, 0, 0)`; None if the text is no such thing."""
    return (
        [int(n) for n in re.findall(r"\d+", text)]
        if re.fullmatch(r"[(\[][\d\s,]*\d[\d\s,]*[)\]]", text, re.A)
        else None
    )


def is_index(text: str) -> bool:
    """Whether the text is a whole number."""
    return re.fullmatch(r"\d+", text, re.ASCII) is not None


def at_index(archs: Sequence[str], text: str, space: str) -> str:
    """The architecture at an index of a published table.

    Raises:
        InputError: if the index is too large.
    """
    if int(text) >= len(archs):
        raise InputError(f"index {text}: space {space!r} has architectures 0 to {len(archs) - 1}")
    return archs[int(text)]

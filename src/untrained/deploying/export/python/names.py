"""Names of variables, as a person would give them."""

import keyword
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

SIZES = {1: "n", 2: "nc", 3: "ntc", 4: "nchw", 5: "ncdhw"}
"""Dimensions of a batch -> the names of their sizes."""
RESERVED = {"self", "nn", "torch", "F", "math", "sum", "super", "range"}
PLAIN = re.compile(
    r"_?(conv|bn|norm|relu|act|layer|block|op|fc|linear|cell|body|net|network|features|model|pool|drop|proj)\w*|\d+"
)
"""Modules whose result has no name of its own."""


def fresh(wanted: str, taken: Collection[str]) -> str:
    """`wanted`, or the first of other plain names that is not taken."""
    for name in _choices(wanted):
        if name not in taken and name not in RESERVED and not keyword.iskeyword(name):
            return name
    raise AssertionError("there are endless names")


def _choices(wanted: str) -> Iterator[str]:
    if wanted in ("out", ""):
        yield from ("x", "out", "a", "b", "c", "d", "e", "y", "z")
        wanted = "out"
    if wanted == "a":
        yield from "abdefg"
    yield wanted
    number = 2
    while True:
        yield f"{wanted}{number}"
        number += 1


def of_module(path: str) -> str:
    """A name for the result of a module; "" if its own name says nothing."""
    last = path.rpartition(".")[2]
    return "" if PLAIN.fullmatch(last) or not last.isidentifier() else last


def identifier(name: str, taken: Collection[str]) -> str:
    """Makes an identifier of any name, capitals kept."""
    clean = re.sub(r"\W", "", name).lstrip("_0123456789") or "Block"
    while clean in taken or keyword.iskeyword(clean) or clean in RESERVED:
        base, number = re.fullmatch(r"(.*?)(\d*)", clean, re.DOTALL).groups()  # pyright: ignore[reportOptionalMemberAccess]
        clean = f"{base}{int(number or 1) + 1}"
    return clean


def singular(name: str) -> str:
    """The name of one of many: "cells" -> "cell"."""
    return name[:-1] if name.endswith("s") and len(name) > 2 and not name.endswith("ss") else "layer"


def of_parts(value: Sequence[Any] | Tensor) -> tuple[str, ...]:
    """Names of the parts of a tuple: of three tensors of one shape, query, key and value."""
    if isinstance(value, torch.Size):
        return tuple(SIZES.get(len(value), "abdefg"[: len(value)]))
    if all(isinstance(part, Tensor) and part.shape == value[0].shape and part.ndim > 2 for part in value):
        return ("q", "k", "v") if len(value) == 3 else ("a",) * len(value)
    if len(value) == 2 and isinstance(value[0], Tensor) and isinstance(value[1], tuple):
        return "out", ""
    return ("a",) * len(value)

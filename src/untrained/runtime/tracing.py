"""Following the forward pass of a module as a program of `torch.export`."""

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.utils._pytree import tree_map

from untrained.errors import InputError, one_line

SAMPLES = 3
"""Of the batch that is traced: batches of 1 are taken for a constant."""


def traced(module: nn.Module, batch: tuple[Any, ...], format: str) -> ExportedProgram:
    """Traces a module for any batch size.

    Args:
        module: The module.
        batch: Its arguments, `SAMPLES` x ... each.
        format: What messages call the file that is made of it.

    Raises:
        InputError: Its code cannot be traced.
    """
    shapes = tree_map(lambda _: {0: Dim.AUTO}, batch)
    try:
        with torch.no_grad(), replaced(module.modules(), {"len": length}):
            return torch.export.export(module, batch, dynamic_shapes=shapes, strict=False)
    except Exception as error:  # torch.export raises whatever the network's code raises
        raise InputError(f"the network cannot be exported as {format}: {one_line(error)}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Silences warnings and logs of exporters: what is wrong with a file, a comparison finds."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def replaced(modules: Iterable[nn.Module], functions: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
    """Replaces built-in functions in the files that the code of modules is from, except in torch itself.

    Args:
        modules: The modules.
        functions: Name -> what is called instead.
    """
    changed = list[tuple[dict[str, Any], str]]()
    for module in modules:
        names = getattr(type(module).forward, "__globals__", {})
        if str(names.get("__name__", "torch")).split(".")[0] == "torch":
            continue
        for name, function in functions.items():
            if name not in names:
                names[name] = function
                changed.append((names, name))
    try:
        yield
    finally:
        for names, name in changed:
            del names[name]


def length(x: Any) -> Any:
    """`len`, which of a tensor is its first size: `len` itself gives a number that an export takes for a constant."""
    return x.shape[0] if isinstance(x, Tensor) else len(x)

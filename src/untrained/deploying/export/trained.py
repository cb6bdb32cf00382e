"""The network of a search as an export takes it."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from untrained.data import Task
from untrained.data.tabular.preparation import UNKNOWN, TableColumn, TablePreparation
from untrained.deploying.export.exportable import Exportable
from untrained.errors import InputError
from untrained.searching.trained import TrainedNetwork

EXAMPLES = 8
"""Samples of the example batch."""


def exportable_of(
    network: TrainedNetwork,
    *,
    example: Any = None,
    size: tuple[int, int] | None = None,
    about: Mapping[str, str] | None = None,
) -> Exportable:
    """Takes what an export must know from the network of a search.

    Args:
        network: From `load_network` or `Result.network`.
        example: A raw batch; None to make one of the form that the search's data have.
        size: Height and width of the raw images, in pixels: if the search resized its images, these are resized in the
            exported file. None for the size that the network takes.
        about: More to say of the network in the exported file.

    Returns:
        The network with its preprocessing.

    Raises:
        InputError: The search does not say what its networks take, or their inputs are not images.

    Example:
        >>> from untrained.searching.interface import Interface
        >>> from untrained import load_data
        >>> digits = TrainedNetwork(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), Interface.of(load_data("digits")))
        >>> exportable_of(digits).inputs
        {'images': 'uint8 n x 1 x 8 x 8'}
    """
    preparation, task = network.interface.preparation, network.task
    if example is None:
        rows = isinstance(preparation, TablePreparation)
        example = _rows(preparation) if rows else network.example(EXAMPLES)
    if size is not None:
        example = _resized(example, size)
    value = {} if network.value is None else {"value": f"{network.value:.6g}"}
    known = {"architecture": network.architecture, **value, "weights": f"of {network.source}"}
    if isinstance(preparation, TablePreparation):
        known["columns"] = f"{', '.join(map(_said, preparation.columns))}; numbers are nan if they are missing"
    return Exportable(
        network.prepare,
        network.network,
        example,
        network.classes,
        task.kind,
        heads={name: head.kind for name, head in task.heads.items()},
        restore=network.restore if _is_scaled(task) else None,
        about={**(about or {}), **{name: text for name, text in known.items() if text}},
        preparation=preparation.to_json(),
    )


def _said(column: TableColumn) -> str:
    """A column and what its raw inputs mean."""
    if column.holds != "text":
        return column.name + {"boolean": " (0 or 1)", "date": " (days since 1970)"}.get(column.holds, "")
    codes = [f"{code} {category or 'missing'}" for code, category in enumerate(column.categories)]
    return f"{column.name} ({', '.join(codes)}, {UNKNOWN:g} any other)"


def _is_scaled(task: Task) -> bool:
    return bool(task.mean) or any(map(_is_scaled, task.heads.values()))


def _rows(preparation: TablePreparation) -> Tensor:
    """Rows of a table: numbers around their means, one of them missing, and one category after the other."""
    generator = torch.Generator().manual_seed(0)
    columns = list[Tensor]()
    for place, column in enumerate(preparation.columns):
        if column.holds == "text":
            codes = [UNKNOWN, *map(float, range(len(column.categories)))]
            columns.append(torch.tensor([codes[(row + place) % len(codes)] for row in range(EXAMPLES)]))
        else:
            numbers = column.mean + column.std * torch.randn(EXAMPLES, generator=generator)
            numbers[place % EXAMPLES] = torch.nan
            columns.append(numbers)
    return torch.stack(columns, 1)


def _resized(example: Any, size: tuple[int, int]) -> Tensor:
    if not isinstance(example, Tensor) or example.ndim != 4 or min(size) < 1:
        raise InputError(f"an image size of {size[1]} x {size[0]}: the inputs are no images, or it is not above 0")
    generator = torch.Generator().manual_seed(0)
    shape = (*example.shape[:2], *size)
    if example.dtype.is_floating_point:
        return torch.rand(shape, generator=generator).to(example.dtype)
    return torch.randint(int(example.max()) + 1, shape, generator=generator).to(example.dtype)

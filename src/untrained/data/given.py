"""Data from whatever a user gives for it."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, Dataset, IterableDataset

from untrained.data import huggingface
from untrained.data.base import Data
from untrained.data.datasets import DatasetData
from untrained.data.load import load_data
from untrained.data.own.opened import is_arrays
from untrained.data.source import SPLITS
from untrained.data.tabular import load_table
from untrained.errors import InputError, listed, one_line, shown
from untrained.runtime.lookup import referred
from untrained.runtime.seeding import seeded

TAKEN = "give a file, a folder, a data set of PyTorch, arrays (x, y), or {'train': ..., 'valid': ...} of these"


def as_data(given: Any, **options: Any) -> Data:
    """Makes data of what a user gave.

    Args:
        given: One of

            - `Data`;
            - a name, a file or a folder, as `load_data` takes;
            - `file.py:make_data` or `package.module:make_data`, a function without arguments that returns any of these,
              or such a function itself;
            - a data frame of pandas or polars, or a table of pyarrow;
            - a map-style data set, a `DataLoader`, or a pair of arrays (n x ..., n), which is split;
            - {"train": ..., "valid": ..., "test": ...} of these, "valid" and "test" if there are such; or data sets or
              loaders as a tuple (train, valid) or (train, valid, test);
            - a `Dataset` or `DatasetDict` of Hugging Face's `datasets`.
        **options: What `load_data`, `DatasetData` or, of tables, `load_data` takes beside it, such as `target`, `task`,
            `inputs`, `resize` and `subset`; None for those that are not given.

    Returns:
        The data.

    Raises:
        InputError: It is none of these, cannot be used, or does not take one of the options.

    Example:
        >>> as_data("digits").name
        'digits'
        >>> as_data((torch.randn(20, 3), torch.arange(20) % 2), subset=10).facts  # doctest: +SKIP
        {'num_classes': 2, 'in_features': 3}
    """
    options = {name: value for name, value in options.items() if value is not None}
    if isinstance(given, Data):
        if options:
            raise InputError(f"{next(iter(options))}= belongs to how data is read, and {given.name} is read already")
        return given
    if isinstance(given, str) and ":" in given and not Path(given).exists():
        return _made(referred("data", given), given, options)
    if isinstance(given, str) or hasattr(given, "__fspath__"):
        return _called(load_data, given, options)
    if huggingface.is_given(given):
        return _called(huggingface.from_huggingface, given, options)
    if hasattr(given, "__arrow_c_stream__") or hasattr(given, "__dataframe__"):
        return _called(load_table, given, options)
    if isinstance(given, Mapping):
        return _of_splits(given, options)
    if isinstance(given, tuple) and len(given) in (2, 3) and all(isinstance(p, Dataset | DataLoader) for p in given):
        return _of_splits(dict(zip(("train", "valid", "test"), given, strict=False)), options)
    if isinstance(given, tuple) and len(given) == 2 and any(isinstance(p, tuple) and not is_arrays(p) for p in given):
        raise InputError(f"a tuple of {listed(type(part).__name__ for part in given)} is no data: {TAKEN}")
    if isinstance(given, Dataset | DataLoader | tuple | list) or _is_dataset(given):
        return _called(DatasetData, given, options)
    if callable(given) and not isinstance(given, type):
        return _made(given, getattr(given, "__qualname__", type(given).__name__), options)
    raise InputError(f"{shown(given)} is no data: {TAKEN}")


def _is_dataset(given: Any) -> bool:
    return not isinstance(given, type | bytes | IterableDataset) and all(
        hasattr(given, method) for method in ("__len__", "__getitem__")
    )


def _of_splits(given: Mapping[str, Any], options: dict[str, Any]) -> Data:
    parts = {SPLITS.get(str(name), str(name)): part for name, part in given.items()}
    if len(parts) < len(given) or not {"train"} <= parts.keys() <= {"train", "valid", "test"}:
        raise InputError(
            f"data of the splits {listed(given)}: give 'train', 'valid' and 'test', of which 'train' at least"
        )
    if all(map(huggingface.is_given, parts.values())):
        return _called(huggingface.from_huggingface, parts, options)
    return _called(DatasetData, parts.pop("train"), {**parts, **options})


def _made(make: Any, called: str, options: dict[str, Any]) -> Data:
    """What a function of the user's returns, as data."""
    if isinstance(make, Data) or not callable(make):
        made = make
    else:
        try:
            with seeded(0):  # a random split inside is the same in every run
                made = make()
        except InputError:
            raise
        except (Exception, SystemExit) as error:  # whatever the user's code raises
            raise InputError(f"data {called!r} raised {one_line(error)}") from error
    if made is None or (isinstance(made, str) and ":" in made) or (callable(made) and not _is_dataset(made)):
        raise InputError(
            f"data {called!r} gave {shown(made, 60)}: let it return a data set, or a dict of 'train' and 'valid'"
        )
    try:
        data = as_data(made, **options)
    except InputError as error:
        raise InputError(f"data {called!r}: {error}") from error
    if isinstance(data, DatasetData) and data.name == "arrays":
        data.name = called
    return data


def _called(make: Callable[..., Data], given: Any, options: Mapping[str, Any]) -> Data:
    takes = inspect.signature(make).parameters
    unknown = [name for name in options if name not in takes]
    if unknown:
        what = given if isinstance(given, str) else type(given).__name__
        raise InputError(f"data {shown(what, 60)} takes no {unknown[0]}=: it takes {listed(list(takes)[1:], 12)}")
    return make(given, **options)

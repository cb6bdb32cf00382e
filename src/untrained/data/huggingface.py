"""Data sets of Hugging Face's `datasets`: objects, and folders written by `save_to_disk`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from untrained.data.base import Data
from untrained.data.datasets import DatasetData
from untrained.data.own.samples import TARGET_KEYS, Names
from untrained.data.source import SPLITS
from untrained.data.tabular import load_table
from untrained.data.tabular.load import SPLIT
from untrained.data.task import Task
from untrained.errors import InputError, listed, one_line

MARKS = ("dataset_dict.json", "dataset_info.json")
"""One of these files stands in each folder that `save_to_disk` wrote."""


def is_saved(path: Path) -> bool:
    """Tells whether a folder was written by `save_to_disk`."""
    return any((path / mark).is_file() for mark in MARKS)


def is_given(given: Any) -> bool:
    """Tells whether something is a data set of `datasets`, without importing it."""
    return any(kind.__module__.split(".")[0] == "datasets" for kind in type(given).__mro__)


def load_saved(path: Path) -> Any:
    """Reads a folder written by `save_to_disk`.

    Raises:
        InputError: The package is missing, or the folder is broken.
    """
    try:
        from datasets import load_from_disk
    except ImportError as error:
        raise InputError(f"{path} was saved by datasets: pip install 'untrained[huggingface]'") from error
    try:
        return load_from_disk(str(path))
    except Exception as error:  # whatever a broken folder makes it raise
        raise InputError(f"{path} cannot be read as a data set of Hugging Face: {one_line(error)}") from error


def from_huggingface(
    given: Any,
    test: Any = None,
    *,
    inputs: Names = None,
    target: Names = None,
    task: Task | str | None = None,
    resize: Any = None,
    subset: int | None = None,
    name: str = "huggingface",
) -> Data:
    """Makes data of a `Dataset` or `DatasetDict`.

    One that has nothing but numbers, text and classes in its columns is a table.

    Args:
        given: The data set.
        test: Another for testing.
        inputs: Columns that are the input; found if None, and of a table all that tell something.
        target: The column that is the target; found if None.
        task: What is to be predicted, or its kind.
        resize: The size of all pictures.
        subset: How many samples are used at most.
        name: What studies call the data.

    Returns:
        The data, with the names of classes that its features tell.

    Raises:
        InputError: It is a stream, or has no training split or no such columns.
    """
    parts = _parts(given)
    if test is not None:
        parts["test"] = test
    features = parts["train"].features
    if all(_is_cell(feature) for feature in features.values()):
        goal = target if target is not None else next((key for key in TARGET_KEYS if key in features), None)
        kind = task.kind if isinstance(task, Task) else task
        return load_table(_table(parts), target=goal, task=kind, inputs=inputs, subset=subset, name=name)
    goal = target if isinstance(target, str) else next((key for key in TARGET_KEYS if key in features), None)
    names = tuple(getattr(features.get(goal), "names", None) or ())
    options = {"inputs": inputs, "target": target, "task": task, "resize": resize, "subset": subset, "classes": names}
    # A transform of the user's own may augment; all else reads the same samples each time.
    pictures = any(type(feature).__name__ == "Image" for feature in features.values())
    same = all(part.format["type"] != "custom" for part in parts.values())
    return DatasetData(**parts, name=name, **options, keep=pictures and same)


def _parts(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        _check(given)
        return {"train": given}
    parts = {SPLITS[name]: part for name, part in given.items() if name in SPLITS}
    if "train" not in parts:
        if len(given) == 1:
            parts = {"train": next(iter(given.values()))}
        else:
            raise InputError(f"a data set of Hugging Face with the splits {listed(given)}: one must be called train")
    for part in parts.values():
        _check(part)
    return parts


def _check(part: Any) -> None:
    if not hasattr(part, "__len__"):
        raise InputError(f"a {type(part).__name__} of Hugging Face is a stream: load it without streaming=True")


def _is_cell(feature: Any) -> bool:
    """Whether a column holds a number, a text or a class in each row."""
    kind = type(feature).__name__
    return kind == "ClassLabel" or (kind == "Value" and feature.dtype not in ("binary", "large_binary"))


def _table(parts: Mapping[str, Any]) -> pa.Table:
    """All splits, with names for classes, and a column that says of which split a row is."""
    tables = list[pa.Table]()
    for part, data in parts.items():
        table = data.with_format("arrow")[:]
        for place, (name, feature) in enumerate(data.features.items()):
            if type(feature).__name__ == "ClassLabel":
                numbers = table[name].to_pylist()
                texts = [None if n is None or n < 0 else feature.names[n] for n in numbers]
                table = table.set_column(place, name, pa.array(texts, pa.string()))
        tables.append(table if len(parts) == 1 else table.append_column(SPLIT, pa.array([part] * len(table))))
    return pa.concat_tables(tables, promote_options="default").replace_schema_metadata()

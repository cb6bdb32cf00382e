"""JSON in the layouts in which tables of architectures are published and saved.

- `{architecture: {figure: number}}`: NAS-Bench-Macro;
- one or two levels above it, `{task: ...}` or `{space: {task: ...}}`: NAS-Bench-Suite-Zero and NASLib, whose metrics
  may be `{"score": number, "time": seconds}`, of which the score is taken;
- `[{"arch": architecture, figure: number}, ...]`: records;
- `{"arch": [...], figure: [...]}`: columns.

An architecture may be a list of numbers: `[0, 2, 1]` is read as `(0, 2, 1)`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from untrained.data.tables.delimited import text_of
from untrained.data.tables.file import ARCH, TableFile, first_twice, in_memory
from untrained.data.tables.numbers import parse_values
from untrained.errors import InputError, listed, one_line, shown

LAYOUT = "expected {architecture: {figure: number}}, {task: {architecture: {figure: number}}} or a list of records"
DEEPEST = 4
"""Levels of tasks above the architectures."""

Rows = tuple[list[str], list[Mapping[str, Any]]]
"""n architectures, and what is known of each."""


def open_document(path: Path, arch_column: str = ARCH, task: str | None = None) -> TableFile:
    """Reads a JSON file of one of the layouts above.

    Args:
        path: the file.
        arch_column: the key that names the architecture, in records.
        task: which table to take if the file has several: `cifar10`, or `nasbench101/cifar10` if that is on two levels.

    Returns:
        The table, with the columns of numbers as float64.

    Raises:
        InputError: the file is no JSON, of another layout, or has no such task.
    """
    document = _parsed(path)
    groups: dict[str, Rows] = {"": _records(path, document, arch_column)} if _is_records(document, arch_column) else {}
    groups = groups or {"/".join(keys): (list(rows), list(rows.values())) for keys, rows in _groups(path, document, ())}
    tasks = tuple(name for name in groups if name)
    archs, rows = groups[_chosen(path, tasks, task)] if tasks else groups[""]
    if not rows:
        raise InputError(f"{path} holds no architectures: {LAYOUT}")
    names = dict.fromkeys(name for row in rows for name in row if name not in (ARCH, arch_column))
    parsed = {name: parse_values([_figure(row.get(name)) for row in rows]) for name in names}
    texts = {name: [_text(row.get(name)) for row in rows] for name in names if parsed[name].numbers is None}
    return in_memory(path, pa.array(archs, pa.string()), parsed, texts, tasks)


def _parsed(path: Path) -> Any:
    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise InputError(f"{path}: {shown(first_twice(key for key, _ in pairs))} stands twice in one object")
        return found

    try:
        return json.loads(text_of(path, "JSON"), object_pairs_hook=distinct)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a readable JSON file: {one_line(error)}") from error


def _is_records(document: Any, arch_column: str) -> bool:
    columns = isinstance(document, dict) and isinstance(document.get(arch_column), list)
    return isinstance(document, list) or columns


def _records(path: Path, document: Any, arch_column: str) -> Rows:
    """Of a list of records, or of one list a column."""
    if isinstance(document, dict):
        lengths = {len(column) if isinstance(column, list) else None for column in document.values()}
        if lengths != {len(document[arch_column])}:
            raise InputError(f"{path}: its columns are not lists of {len(document[arch_column])} values each")
        document = [dict(zip(document, row, strict=True)) for row in zip(*document.values(), strict=True)]
    archs = list[str]()
    for place, record in enumerate(document, 1):
        if not isinstance(record, dict) or record.get(arch_column) in (None, "", []):
            has = f"it has {listed(record)}" if isinstance(record, dict) else f"it is {shown(record, 40)}"
            raise InputError(f"{path}: record {place} names no architecture {arch_column!r}: {has}")
        archs.append(_text(record[arch_column]) or "")
    return archs, document


def _groups(path: Path, document: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """The tables in a document, each with the keys that lead to it."""
    if not isinstance(document, dict) or not all(isinstance(value, dict) for value in document.values()):
        raise InputError(f"{path} is not laid out as a table: {LAYOUT}")
    if len(keys) > DEEPEST:
        raise InputError(f"{path} is nested too deep: {LAYOUT}")
    if all(_is_row(value) for value in document.values()):
        yield keys, document
        return
    for key, value in document.items():
        yield from _groups(path, value, (*keys, key))


def _is_row(value: Mapping[str, Any]) -> bool:
    """Whether the values are figures, not rows of them."""
    return bool(value) and all(not isinstance(entry, dict) or "score" in entry for entry in value.values())


def _chosen(path: Path, tasks: Sequence[str], task: str | None) -> str:
    if task is None:
        if len(tasks) == 1:
            return tasks[0]
        raise InputError(f"{path}: give one task (untrained data import --task): it has {listed(tasks)}")
    found = [name for name in tasks if name == task] or [name for name in tasks if task in name.split("/")]
    if len(found) == 1:
        return found[0]
    which = f"task {task!r} is any of {listed(found)}" if found else f"no task {task!r}: it has {listed(tasks)}"
    raise InputError(f"{path}: {which}")


def _figure(entry: Any) -> Any:
    return entry["score"] if isinstance(entry, dict) and "score" in entry else entry


def _text(value: Any) -> str | None:
    """A value as text: None stays, a list of numbers becomes NASLib's `(0, 2, 1)`."""
    if value is None or isinstance(value, str):
        return value
    return f"({', '.join(map(str, value))})" if isinstance(value, list) else json.dumps(value)

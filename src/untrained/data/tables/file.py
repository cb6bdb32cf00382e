"""An opened table: which columns it has, and how to read some of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from untrained.data.tables.numbers import Parsed, pc
from untrained.errors import InputError, InputWarning, listed, one_line, shown, warn

ARCH = "arch"
"""The column that names the architectures."""


@dataclass(frozen=True, eq=False)
class TableFile:
    """A file with a row for each architecture, of which only the header was read if the format has one.

    Args:
        path: the file.
        numeric: the columns of numbers, in the file's order.
        others: every other column, and why it does not count as numbers.
        load: gives the named columns, `arch` among them, as a table; each as the file has it, or as float64.
        notes: columns that can be read in two ways -> which was taken.
        tasks: the tasks that the file has tables of, if it can hold several.
        metadata: what else the file says of itself (Parquet only).
        rows: how many rows it has, if that is known before it is read (Parquet only).
    """

    path: Path
    numeric: tuple[str, ...]
    others: Mapping[str, str]
    load: Callable[[list[str]], pa.Table]
    notes: Mapping[str, str] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()
    metadata: Mapping[bytes, bytes] = field(default_factory=dict)
    rows: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every column beside the architectures."""
        return (*self.numeric, *self.others)

    def read(self, columns: Sequence[str], texts: Sequence[str] = ()) -> pa.Table:
        """Reads the architectures and the named columns, and no other.

        Args:
            columns: columns of numbers.
            texts: columns that need not be numbers, which come as they are.

        Returns:
            `arch` (strings, each once) and the columns in the order asked for: `columns` as float64, null if missing. A
            warning tells of columns that can be read in two ways.

        Raises:
            InputError: a column is missing or holds no numbers, the file is damaged, or an architecture stands twice.
        """
        for name in (*columns, *texts):
            if name == ARCH:
                numbers = listed(self.numeric)
                raise InputError(f"{self.path}: column {name!r} names the architectures: choose from {numbers}")
            if name not in self.names:
                raise InputError(f"{self.path} has no column {name!r}: it has {listed((ARCH, *self.names))}")
        for name in columns:
            if name in self.others:
                raise InputError(f"{self.path}: column {name!r} is not numbers: {self.others[name]}")
            if name in self.notes:
                warn(f"{self.path}: {name}: {self.notes[name]}", InputWarning)
        table = self.load(list(dict.fromkeys((ARCH, *columns, *texts))))
        archs = _architectures(self.path, table[ARCH])
        arrays = {name: _floats(table[name]) if name in columns else table[name] for name in table.column_names}
        return pa.table(arrays | {ARCH: archs}).replace_schema_metadata(dict(self.metadata))


def in_memory(
    path: Path,
    archs: pa.Array | pa.ChunkedArray,
    columns: Mapping[str, Parsed],
    texts: Mapping[str, Any],
    tasks: tuple[str, ...] = (),
) -> TableFile:
    """The table of a file that was read whole.

    Args:
        path: the file.
        archs: its n architectures.
        columns: name -> what became of the column as numbers.
        texts: name -> the n cells as strings, of the columns that are not numbers at least.
        tasks: the tasks that the file has tables of.
    """
    numeric = {name: column.numbers for name, column in columns.items() if column.numbers is not None}
    others = {name: column.why for name, column in columns.items() if column.numbers is None}
    table = pa.table({ARCH: archs, **numeric, **{name: texts[name] for name in others}})
    notes = {name: column.note for name, column in columns.items() if column.note}
    return TableFile(path, tuple(numeric), others, table.select, notes, tasks)


def first_twice(names: Iterable[str]) -> str | None:
    """The first name that stood before, None if all are distinct.

    Example:
        >>> first_twice("abcb"), first_twice("abc")
        ('b', None)
    """
    seen = set[str]()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _architectures(path: Path, column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if column.null_count or not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise InputError(f"{path}: column {ARCH!r} must hold one string in every row")
    column = column.cast(pa.string())
    try:
        column.validate(full=True)  # Parquet's strings are not checked when they are read
    except pa.ArrowInvalid as error:
        raise InputError(f"{path}: column {ARCH!r} is damaged: {one_line(error)}") from error
    if pc.count_distinct(column).as_py() < len(column):
        raise InputError(f"{path}: architecture {shown(first_twice(column.to_pylist()))} stands twice")
    return column


def _floats(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """float64; integers beyond 2^53, which have no exact one, become the nearest."""
    return column.cast(pa.float64(), safe=False)

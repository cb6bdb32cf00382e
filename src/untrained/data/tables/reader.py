"""Opening a table by what its name ends in."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from untrained.data.tables.delimited import open_delimited
from untrained.data.tables.document import open_document
from untrained.data.tables.file import ARCH, TableFile, first_twice
from untrained.errors import InputError, listed, printable

FORMATS = "a Parquet, CSV or JSON file"


def open_table(path: str | Path | TableFile, *, task: str | None = None, arch_column: str = ARCH) -> TableFile:
    """Opens a table of architectures: `.csv` and `.tsv`, `.json`, any other name as Parquet.

    Args:
        path: the file, or one that is opened already, which is returned.
        task: which of several tables to take, in a JSON file that holds several.
        arch_column: the column that names the architectures.

    Returns:
        The opened file. Of Parquet only the footer is read here; CSV and JSON are read whole.

    Raises:
        InputError: the file is missing, broken, of a layout that is not known, or has no such column or task.

    Example:
        >>> open_table("accuracy.csv").numeric  # doctest: +SKIP
        ('val_acc', 'test_acc')
    """
    if isinstance(path, TableFile):
        return path
    path = Path(path)
    if not path.is_file():
        what = f"{str(path)!r} is a folder" if path.is_dir() else f"no file {str(path)!r}"
        raise InputError(f"{what}: give {FORMATS}")
    try:
        if path.suffix.lower() in (".csv", ".tsv"):
            return open_delimited(path, arch_column)
        if path.suffix.lower() == ".json":
            return open_document(path, arch_column, task)
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror or error}") from error
    except UnicodeEncodeError as error:  # JSON can name half a character, "\\ud800"
        raise InputError(f"{str(path)!r} holds text that is not Unicode: {error.reason}") from error
    return _open_parquet(path, arch_column)


def read_table(path: str | Path, columns: Sequence[str]) -> pa.Table:
    """Reads the architectures and some columns of numbers from a Parquet, CSV or JSON file.

    Args:
        path: the file; see `open_table`.
        columns: the columns to read, and no other.

    Returns:
        `arch` (strings, each once) and the columns as float64, null if missing.

    Raises:
        InputError: the file or a column is missing or cannot be read, or an architecture stands twice.

    Example:
        >>> read_table("accuracy.parquet", ["val_acc"]).column_names  # doctest: +SKIP
        ['arch', 'val_acc']
    """
    return open_table(path).read(columns)


def _open_parquet(path: Path, arch_column: str) -> TableFile:
    schema: pa.Schema = _opened(path, pq.read_schema)
    if twice := first_twice(schema.names):
        raise InputError(f"{path}: column {twice!r} stands twice")
    if arch_column not in schema.names:
        raise InputError(f"{path} has no column {arch_column!r}: it has {listed(schema.names)}")

    def load(names: list[str]) -> pa.Table:
        there = [arch_column if name == ARCH else name for name in names]
        table = _opened(path, lambda file: pq.read_table(file, columns=there, page_checksum_verification=True))
        return table.select(there).rename_columns(names)

    fields = [field for field in schema if field.name not in (arch_column, ARCH)]
    return TableFile(
        path,
        tuple(field.name for field in fields if _is_number(field.type)),
        {field.name: f"it holds {field.type}" for field in fields if not _is_number(field.type)},
        load,
        metadata=schema.metadata or {},
        rows=_opened(path, pq.read_metadata).num_rows,
    )


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)


def _opened(path: Path, read: Callable[[Path], Any]) -> Any:
    try:
        return read(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        why = printable((str(error).splitlines() or [type(error).__name__])[0])[:200]
        raise InputError(f"{str(path)!r} is not a readable Parquet file: {why}") from error

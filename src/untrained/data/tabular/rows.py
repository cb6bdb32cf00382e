"""Rows from a CSV or Parquet file: columns of text, or of what Parquet says that they hold."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from untrained.data.tables.delimited import UNNAMED, read_delimited
from untrained.errors import InputError, listed, one_line, shown

CSV = (".csv", ".tsv")
PARQUET = (".parquet", ".pq")


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table.

    Args:
        name: What messages call the table, the path as it was given.
        columns: Name -> its n cells: text from CSV, and anything from Parquet.
        decimal_comma: Numbers with a comma that could be the decimal sign have it, as in files with ";".
    """

    name: str
    columns: dict[str, pa.ChunkedArray]
    decimal_comma: bool = False

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def column(self, name: str) -> pa.ChunkedArray:
        """A column by its name.

        Raises:
            InputError: There is no such column.
        """
        if name not in self.columns:
            raise InputError(f"{self.name} has no column {shown(name, 40)}: it has {listed(self.columns)}")
        return self.columns[name]


def is_table(path: Path) -> bool:
    """Tells by its ending whether a file may be a table."""
    return path.suffix.lower() in (*CSV, *PARQUET)


def read_rows(path: Path) -> Rows:
    """Reads all rows of a CSV or Parquet file.

    Args:
        path: The file. CSV needs a header; its cells stand between commas, semicolons or tabs.

    Raises:
        InputError: It cannot be read, or has no rows.
    """
    if path.suffix.lower() not in (*CSV, *PARQUET):
        raise InputError(f"{path} is no table: give a .csv or .parquet file")
    if not path.is_file():
        raise InputError(f"no file {str(path)!r}: give a .csv or .parquet file")
    try:
        if path.suffix.lower() in CSV:
            table, delimiter = read_delimited(path)
        else:
            table, delimiter = pq.read_table(path), ","
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a table: {one_line(error)}") from error
    return rows_of(str(path), table, delimiter == ";")


def rows_of(name: str, table: Any, decimal_comma: bool = False) -> Rows:
    """The rows of a table in memory.

    Args:
        name: What messages call it.
        table: A pyarrow table, or a data frame of pandas or polars.
        decimal_comma: As of `Rows`.

    Raises:
        InputError: It has no rows, no columns, or two of one name.
    """
    try:
        table = table if isinstance(table, pa.Table) else pa.table(table)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InputError(f"{name} cannot be read as a table: {one_line(error)}") from error
    names = table.column_names
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        raise InputError(f"{name}: column {shown(twice)} stands twice")
    columns = {one: table[one] for one in names if not one.startswith((UNNAMED, "__index_level_"))}
    if len(table) == 0 or not columns:
        raise InputError(f"{name} has no {'rows' if columns else 'columns'}: a table has a header, and a row a sample")
    return Rows(name, columns, decimal_comma)

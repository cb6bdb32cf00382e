"""A table of file names and labels: CSV or Parquet."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from untrained.data.columns import SPLIT_COLUMN, chosen_targets, rows_of_splits, targets_in
from untrained.data.picture import ENDINGS
from untrained.data.picture_files import Files, content_of
from untrained.data.pictures import Pictures
from untrained.data.source import Source, Wanted
from untrained.data.tables.delimited import UNNAMED, read_delimited
from untrained.data.tables.numbers import parse_texts, pc
from untrained.errors import InputError, InputWarning, listed, one_line, shown, warn


def read_file_names(path: Path, wanted: Wanted) -> Source:
    """Reads a column of file names, relative to the table, one of targets, and one called `split` if there is one.

    Args:
        path: The table: .csv, .tsv or .parquet.
        wanted: What the user says of it.

    Raises:
        InputError: It is broken, has no such columns, or names files that are missing.
    """
    table = _table(path)
    name = str(path)
    column = _file_column(name, table, wanted.image)
    files = _names(name, table[column])
    paths = [path.parent / file for file in files]
    missing = [shown(file) for file, there in zip(files, paths, strict=True) if not there.is_file()]
    if missing:
        where = f"they are looked for in {str(path.parent)!r}"
        raise InputError(f"{path} names {len(missing):,} files that are not there: {listed(missing, 3)}: {where}")
    if twice := [file for file, count in Counter(files).items() if count > 1]:
        warn(f"{path} names {len(twice):,} files twice: {listed(twice, 3)}", InputWarning)
    columns = chosen_targets(name, table.schema, wanted, column)
    values, names = targets_in(name, table, columns, wanted)
    splits: Mapping = {}
    if SPLIT_COLUMN in table.column_names and SPLIT_COLUMN not in columns:
        splits = rows_of_splits(name, table[SPLIT_COLUMN])
    encoded = Files(paths, files)
    return Source(
        name,
        Pictures(name, encoded, wanted.resize),
        values,
        lambda: content_of(paths, files),
        splits,
        classes=names,
        files=files,
        called=lambda row: f"row {row} ({files[row]})",
    )


def names_pictures(path: Path) -> bool:
    """Tells whether a table has a column of names of pictures.

    Args:
        path: The table.

    Raises:
        InputError: It is broken.
    """
    if path.suffix.lower() == ".parquet":
        schema = pq.read_schema(path)
        texts = [
            field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        ]
        table = pq.read_table(path, columns=texts)
    else:
        table, _ = read_delimited(path)
    return any(_are_names(table[name]) for name in table.column_names)


def _table(path: Path) -> pa.Table:
    """The table; of CSV, columns of which each cell is a number become numbers."""
    if path.suffix.lower() == ".parquet":
        return _parquet(path)
    texts, delimiter = read_delimited(path)
    if len(texts) == 0:
        raise InputError(f"{path} has a header and no rows")
    columns = dict[str, pa.Array | pa.ChunkedArray]()
    for name in texts.column_names:
        if name.startswith(UNNAMED):
            continue
        numbers = parse_texts(texts[name], delimiter == ";").numbers
        cells = texts[name].to_pylist()
        columns[name] = pa.array([cell.strip() or None for cell in cells], pa.string()) if numbers is None else numbers
    return pa.table(columns)


def _file_column(name: str, table: pa.Table, wanted: str | None) -> str:
    if wanted is not None:
        if wanted not in table.column_names:
            raise InputError(f"{name} has no column {wanted!r}: it has {listed(table.column_names)}")
        return wanted
    found = [column for column in table.column_names if _are_names(table[column])]
    if any(_is_picture(column) for column in table.column_names):
        raise InputError(f"{name} has no header: give its columns names in the first line, as file,label")
    if not found:
        raise InputError(
            f"{name} has no column of names of pictures, as cat/1.png: it has {listed(table.column_names)}"
        )
    if len(found) > 1:
        raise InputError(f"{name}: which column names the pictures, {listed(found)}? give --image-column")
    return found[0]


def _are_names(column: pa.ChunkedArray) -> bool:
    """Whether the first cells, and most of all, are names of pictures."""
    if not _is_text(column.type):
        return False
    endings = "|".join(map(re.escape, ENDINGS))
    names = pc.match_substring_regex(column, rf"(?:{endings})\s*$", ignore_case=True)
    return 2 * (pc.sum(names).as_py() or 0) > len(column)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _parquet(path: Path, columns: list[str] | None = None) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns).replace_schema_metadata()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {one_line(error)}") from error


def _is_picture(text: str) -> bool:
    return text.strip().lower().endswith(ENDINGS)


def _names(name: str, column: pa.ChunkedArray) -> list[str]:
    cells = column.to_pylist()
    for row, cell in enumerate(cells):
        if not isinstance(cell, str) or not cell.strip():
            raise InputError(f"{name}: row {row} of {len(cells):,} names no file")
    return [cell.strip().replace("\\", "/") for cell in cells]

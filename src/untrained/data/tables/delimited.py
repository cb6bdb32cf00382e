"""CSV: cells between commas, semicolons or tabs, in any of the usual encodings."""

import codecs
import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

from untrained.data.tables.file import ARCH, TableFile, first_twice, in_memory
from untrained.data.tables.numbers import parse_texts
from untrained.errors import InputError, listed, one_line, shown

ENCODINGS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order mark -> encoding; the longer mark first if one begins with another."""


UNNAMED = "\0"
"""What the name of a column begins with that has none in the file."""

MOST_HEADER = 1_000_000
"""Characters in which the header must end."""


def open_delimited(path: Path, arch_column: str = ARCH) -> TableFile:
    """Reads a CSV file with a header; its cells may stand between `,`, `;` or tabs, whichever its header has most of.

    Args:
        path: the file.
        arch_column: the column that names the architectures.

    Returns:
        The table, with the columns of numbers as float64 and the others as text.

    Raises:
        InputError: the file is broken, has no rows or no such column, or a row names no architecture.
    """
    table, delimiter = read_delimited(path)
    names = [name for name in table.column_names if not name.startswith(UNNAMED)]
    if arch_column not in names:
        raise InputError(f"{path} has no column {arch_column!r}: it has {listed(names)}")
    if len(table) == 0:
        raise InputError(f"{path} has a header and no rows")
    archs = table[arch_column].to_pylist()
    if "" in archs:
        raise InputError(f"{path}: row {archs.index('') + 1} names no architecture")
    figures = {name: table[name] for name in names if name not in (ARCH, arch_column)}
    parsed = {name: parse_texts(column, delimiter == ";") for name, column in figures.items()}
    return in_memory(path, table[arch_column], parsed, figures)


def read_delimited(path: Path) -> tuple[pa.Table, str]:
    """Reads a CSV file with a header, whatever it is a table of.

    Args:
        path: the file.

    Returns:
        All cells as text, and what stands between them. A column without a name is called `UNNAMED` and its place.

    Raises:
        InputError: the file is broken, or two columns have one name.
    """
    text = text_of(path, "CSV").lstrip("\r\n")
    header, delimiter = _header(path, text)
    names = [name.strip() for name in header]
    if twice := first_twice(name for name in names if name):
        raise InputError(f"{path}: column {shown(twice)} stands twice")
    return _table(path, text, [name or f"{UNNAMED}{place}" for place, name in enumerate(names)], delimiter), delimiter


def text_of(path: Path, what: str) -> str:
    """The text of a file: UTF-8, what its byte order mark says, else Latin-1.

    Args:
        path: the file.
        what: the format, for the message.

    Raises:
        InputError: the file is not text.
    """
    content = path.read_bytes()
    encoding = next((name for mark, name in ENCODINGS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise InputError(f"{path} is not a readable {what} file: {error}") from error
        text = content.decode("latin-1")
    if "\0" in text:
        raise InputError(f"{path} is not a readable {what} file: it holds zero bytes")
    return text


def _header(path: Path, text: str) -> tuple[list[str], str]:
    """The first line that is not empty, and what stands between its cells."""
    rows = dict[str, list[str]]()
    try:
        for delimiter in ",;\t":
            lines = csv.reader(io.StringIO(text[:MOST_HEADER]), delimiter=delimiter)
            rows[delimiter] = next((row for row in lines if row), [])
    except csv.Error as error:
        raise InputError(f"{path} is not a readable CSV file: {error}") from error
    delimiter = max(rows, key=lambda given: len(rows[given]))
    if not rows[delimiter]:
        raise InputError(f"{path} is not a readable CSV file: it is empty")
    return rows[delimiter], delimiter


def _table(path: Path, text: str, names: list[str], delimiter: str) -> pa.Table:
    longest = 4 * max(map(len, io.StringIO(text)))  # bytes of a line, which must fit into a block
    try:
        return pc.read_csv(
            io.BytesIO(text.encode() + b"\n" * (not text.endswith("\n"))),
            pc.ReadOptions(column_names=names, skip_rows_after_names=1, block_size=max(2**20, 2 * longest)),
            pc.ParseOptions(delimiter=delimiter, newlines_in_values='"' in text),
            pc.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except (pa.ArrowException, UnicodeError) as error:
        raise InputError(f"{path} is not a readable CSV file: {one_line(error)}") from error

"""Images in Parquet: encoded pictures beside their targets, as Hugging Face's data sets have them."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from untrained.data.columns import SPLIT_COLUMN, chosen_targets, rows_of_splits, targets_in
from untrained.data.picture import in_bytes
from untrained.data.pictures import Pictures
from untrained.data.source import SPLITS, Rows, Source, Wanted, check_memory, hash_of
from untrained.errors import InputError, listed, one_line
from untrained.runtime.files import parsed

IMAGE = ("image", "img")
"""What the column of pictures may be called; the first that is there is taken, else the only one of bytes."""


def holds_pictures(path: Path) -> bool:
    """Tells whether a Parquet file has a column of bytes, which must be pictures then.

    Args:
        path: The file.

    Raises:
        InputError: It is broken.
    """
    return any(_is_bytes(field.type) for field in _schema(path))


def read_parquet(paths: Sequence[Path], wanted: Wanted, folder: Path | None = None) -> Source:
    """Reads a column of encoded pictures (bytes, or Hugging Face's struct of bytes and path) and one of targets.

    Args:
        paths: The files. If there are several, the names may begin with those of splits, as train-00000-of-00002.
        wanted: What the user says of them.
        folder: The folder that they stand in, if it was given instead of them.

    Raises:
        InputError: One is broken, has no such columns, or rows without a target.
    """
    name = str(folder or paths[0])
    schema = _schema(paths[0])
    image = _image_column(name, schema, wanted.image)
    targets = chosen_targets(name, schema, wanted, image)
    split = [SPLIT_COLUMN] if SPLIT_COLUMN in schema.names and SPLIT_COLUMN not in targets else []
    tables = [_read(path, [image, *targets, *split]) for path in paths]
    table = pa.concat_tables([table.drop_columns([image]) for table in tables])
    encoded = ParquetPictures(paths, image, tuple(map(len, tables)))
    encoded.take([table[image] for table in tables])
    values, names = targets_in(name, table, targets, wanted)
    splits = rows_of_splits(name, table[SPLIT_COLUMN]) if split else _splits(paths, tables)
    return Source(
        name,
        Pictures(name, encoded, wanted.resize),
        values,
        encoded.content,
        splits,
        classes=names or _classes(schema, targets[0]),
    )


class ParquetPictures:
    """The encoded pictures of Parquet files. In another process they are read again.

    Args:
        paths: The files.
        column: The column of pictures.
        lengths: The rows of each file.
    """

    def __init__(self, paths: Sequence[Path], column: str, lengths: Sequence[int]) -> None:
        self._paths = paths
        self._column = column
        self._starts = np.concatenate([[0], np.cumsum(lengths)])

    @cached_property
    def _parts(self) -> list[Any]:
        return [_bytes(path, _read(path, [self._column])[self._column]) for path in self._paths]

    def take(self, columns: Sequence[pa.ChunkedArray]) -> None:
        """Takes columns that were read already."""
        pairs = zip(self._paths, columns, strict=True)
        vars(self)["_parts"] = [_bytes(path, column) for path, column in pairs]

    def __len__(self) -> int:
        return int(self._starts[-1])

    def open(self, row: int) -> BinaryIO:
        part, place = self._place(row)
        return in_bytes(self._parts[part][place].as_py())

    def called(self, row: int) -> str:
        part, place = self._place(row)
        return f"the image of row {place}" + (f" of {self._paths[part].name}" if len(self._paths) > 1 else "")

    def content(self) -> str:
        """A hash of all pictures."""
        return hash_of(*(value.as_buffer() or b"" for part in self._parts for value in part))

    def _place(self, row: int) -> tuple[int, int]:
        part = int(np.searchsorted(self._starts, row, side="right")) - 1
        return part, row - int(self._starts[part])

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_parts"}


def _schema(path: Path) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as images in Parquet: {one_line(error)}") from error


def _read(path: Path, columns: list[str]) -> pa.Table:
    try:
        check_memory(path.stat().st_size, f"{path}: its pictures")
        return pq.read_table(path, columns=columns).select(columns).replace_schema_metadata()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as images in Parquet: {one_line(error)}") from error


def _is_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        if kind.get_field_index("path") >= 0:
            return True
        kind = kind.field("bytes").type
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _image_column(name: str, schema: pa.Schema, wanted: str | None) -> str:
    there = [field.name for field in schema if _is_bytes(field.type)]
    if wanted is not None:
        if wanted not in schema.names:
            raise InputError(f"{name} has no column {wanted!r}: it has {listed(schema.names)}")
        if wanted not in there:
            kind = schema.field(wanted).type
            raise InputError(f"{name}: column {wanted!r} holds {kind}, not the bytes of pictures (JPEG, PNG, ...)")
        return wanted
    named = [column for column in IMAGE if column in there] or there
    if not named:
        raise InputError(f"{name} has no column of pictures' bytes: it has {listed(schema.names)}")
    if len(named) > 1 and named[0] not in IMAGE:
        raise InputError(f"{name} has {len(there)} columns of bytes, {listed(there)}: name one, with --image-column")
    return named[0]


def _bytes(path: Path, column: pa.ChunkedArray) -> Any:
    if pa.types.is_struct(column.type):
        column = pyarrow.compute.struct_field(column, "bytes")  # pyright: ignore[reportAttributeAccessIssue] - made on import
    if column.null_count == len(column) > 0:
        raise InputError(f"{path}: no row has the bytes of a picture (a column of file names would do, too)")
    return column


def _splits(paths: Sequence[Path], tables: Sequence[pa.Table]) -> Mapping[str, Rows]:
    """Those that the names of the files begin with."""
    parts = [SPLITS.get(path.stem.split("-")[0].lower(), "") for path in paths]
    if "train" not in parts or not all(parts) or set(parts) == {"train"}:
        return {}
    of = np.repeat(parts, [len(table) for table in tables])
    return {part: np.flatnonzero(of == part) for part in dict.fromkeys(parts)}


def _classes(schema: pa.Schema, label: str) -> tuple[str, ...]:
    """The names that the metadata give the classes: Hugging Face's, or a JSON list under `names`."""
    metadata = schema.metadata or {}
    try:
        if b"huggingface" in metadata:
            names = parsed(metadata[b"huggingface"])["info"]["features"][label]["names"]
        else:
            names = parsed(metadata[b"names"])
    except (KeyError, TypeError, ValueError):
        return ()
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else ()

"""Images in Parquet: encoded pictures beside their labels, as Hugging Face's data sets have them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from numpy.typing import NDArray

from untrained.data.pictures import Pictures
from untrained.data.source import Source, hash_of
from untrained.errors import InputError, listed, one_line

IMAGE = ("image", "img")
LABEL = ("label", "labels", "class", "target")
"""What the columns may be called; the first that is there is taken."""


def read_parquet(path: Path) -> Source:
    """Reads a column of encoded pictures (bytes, or Hugging Face's struct of bytes and path) and one of labels.

    Args:
        path: the file.

    Raises:
        InputError: it is broken, has no such columns, or rows without a label.
    """
    try:
        schema = pq.read_schema(path)
        image, label = (_column(path, schema, names) for names in (IMAGE, LABEL))
        table = pq.read_table(path, columns=[image, label])
        labels = _labels(path, label, table[label])
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as images in Parquet: {one_line(error)}") from error
    encoded = _bytes(path, image, table[image])
    pictures = Pictures(str(path), len(table), lambda row: encoded[row].as_py(), lambda row: f"the image of row {row}")
    return Source(
        str(path),
        pictures,
        labels,
        lambda: hash_of(*(value.as_buffer() or b"" for value in encoded)),
        classes=_classes(schema, label),
    )


def has_pictures(path: Path) -> bool:
    """Tells whether a file has a column that images may stand in.

    Args:
        path: a file of any kind.
    """
    if path.suffix.lower() != ".parquet" or not path.is_file():
        return False
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError):
        return True  # `read_parquet` says what is wrong
    binary = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_struct)
    return any(field.name in IMAGE or any(holds(field.type) for holds in binary) for field in schema)


def _column(path: Path, schema: pa.Schema, names: tuple[str, ...]) -> str:
    for name in names:
        if schema.names.count(name) == 1:
            return name
    raise InputError(f"{path} has no column {' or '.join(map(repr, names[:2]))}: it has {listed(schema.names)}")


def _bytes(path: Path, name: str, column: pa.ChunkedArray) -> Any:
    kind = column.type
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        column = pyarrow.compute.struct_field(column, "bytes")  # pyright: ignore[reportAttributeAccessIssue] - made on import
    if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        raise InputError(f"{path}: column {name!r} holds {kind}: it must hold the bytes of pictures (JPEG, PNG, ...)")
    return column


def _labels(path: Path, name: str, column: pa.ChunkedArray) -> NDArray[Any]:
    if column.null_count:
        raise InputError(f"{path} has {column.null_count} rows without a label: every image needs one")
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return np.array(column.cast(pa.string()).to_pylist(), dtype=object)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise InputError(f"{path}: column {name!r} holds {kind}: labels must be 0, 1, 2, ... or names")
    return np.asarray(column.cast(kind).to_numpy())


def _classes(schema: pa.Schema, label: str) -> tuple[str, ...]:
    """The names that Hugging Face's metadata gives the classes, if there are any."""
    try:
        names = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"][label]["names"]
    except (KeyError, TypeError, ValueError):
        return ()
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else ()

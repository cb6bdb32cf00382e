"""Tables as users have them, brought to Parquet: NAS-Bench-Suite-Zero's JSON, and CSV."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from untrained.errors import InputError
from untrained.runtime.files import written_whole
from untrained.spaces import NASBench201, SearchSpace, TransNASMacro, TransNASMicro
from untrained.spaces.cell import EDGES, format_cell

FAILED = -1e8
"""What NASLib writes for a score that could not be computed."""

NASLIB_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
NASLIB_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
"""The order in which NASLib numbers the edges and operations of NAS-Bench-201."""


def import_table(
    path: str | Path,
    out: str | Path,
    *,
    space: SearchSpace | None = None,
    task: str | None = None,
    arch_column: str = "arch",
) -> pa.Table:
    """Writes a table of architectures as Parquet, and returns it.

    path: a `zc_*.json` of NAS-Bench-Suite-Zero ({task: {architecture: {metric: {"score": ..., "time": ...}}}}), of
    which `task` is taken; or a `.csv` with a header, whose `arch_column` names the architectures.
    space: its architectures may be written as here, or as NASLib's tuples of digits. Where the table has `params` that
    the space can count, they must agree: another numbering would give a score to the wrong architecture.

    Scores of -1e8, NaN and infinite ones become empty. Raises `InputError` for a file that is missing, broken or of
    another layout, and for an architecture that is not one of the space or stands twice.
    """
    path, out = Path(path), Path(out)
    if out.suffix != ".parquet":
        raise InputError(f"{str(out)!r} is not a .parquet file")
    if not path.is_file():
        raise InputError(f"no file {str(path)!r}: give a .json or .csv file")
    if path.suffix == ".json":
        archs, columns = _read_json(path, task)
    elif path.suffix == ".csv":
        if task is not None and not isinstance(space, TransNASMicro | TransNASMacro):
            raise InputError(f"task {task!r}: a .csv file is of one task; only a .json file has several")
        archs, columns = _read_csv(path, arch_column)
    else:
        raise InputError(f"{str(path)!r} is neither a .json nor a .csv file")
    if space is not None:
        read = reader(space)
        try:
            archs = [read(arch) for arch in archs]
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        _check_params(path, space, archs, columns.get("params"))
    if len(set(archs)) < len(archs):
        twice = next(arch for i, arch in enumerate(archs) if arch in archs[:i])
        raise InputError(f"{path}: architecture {twice!r} stands twice")
    table = pa.table({"arch": pa.array(archs, pa.string()), **columns})
    with written_whole(out) as temporary:
        pq.write_table(table, temporary)
    return table


def reader(space: SearchSpace) -> Callable[[str], str]:
    """How to read an architecture of `space`, written as here or as a tuple of digits, `(0, 2, 3, 2, 3, 1)`."""

    def read(text: str) -> str:
        digits = re.findall(r"\d+", text) if re.fullmatch(r"\s*[(\[][\d\s,]+[)\]]\s*", text) else None
        arch = text if digits is None else _from_digits(space, text, [int(digit) for digit in digits])
        space.to_params(arch)
        return arch

    return read


def _from_digits(space: SearchSpace, text: str, digits: Sequence[int]) -> str:
    if isinstance(space, TransNASMicro) and len(digits) == len(EDGES):
        a, b, c, d, e, f = digits
        return f"64-41414-{a}_{b}{c}_{d}{e}{f}"
    if isinstance(space, TransNASMacro):
        return f"64-{''.join(str(digit) for digit in digits if digit)}-basic"
    if isinstance(space, NASBench201) and len(digits) == len(EDGES) and max(digits) < len(NASLIB_OPERATIONS):
        operation = dict(zip(NASLIB_EDGES, digits, strict=True))
        return format_cell([NASLIB_OPERATIONS[operation[edge]] for edge in EDGES])
    raise InputError(f"{text!r} is not an architecture of space {space.name!r}")


def _read_json(path: Path, task: str | None) -> tuple[list[str], dict[str, pa.Array]]:
    try:
        document: Any = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path} is not a readable JSON file: {error}") from error
    layout = 'expected {task: {architecture: {metric: {"score": ...}}}}'
    if not isinstance(document, dict) or not all(isinstance(rows, dict) for rows in document.values()):
        raise InputError(f"{path} is not laid out as a zc_*.json: {layout}")
    if task is None and len(document) == 1:
        (task,) = document
    if task not in document:
        which = "give one task" if task is None else f"no task {task!r}"
        raise InputError(f"{path}: {which}: it has {', '.join(document)}")
    rows: Mapping[str, Any] = document[task]
    if not rows or not all(isinstance(row, dict) for row in rows.values()):
        raise InputError(f"{path}: task {task!r} is not laid out as in a zc_*.json: {layout}")
    # A metric is {"score": ..., "time": ...}; figures such as val_accuracy are plain numbers.
    names = dict.fromkeys(n for row in rows.values() for n, entry in row.items() if _number(entry) is not None)
    columns = {name: _column([_number(row.get(name)) for row in rows.values()]) for name in names}
    return list(rows), columns


def _number(entry: Any) -> float | None:
    value = entry.get("score") if isinstance(entry, dict) else entry
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _read_csv(path: Path, arch_column: str) -> tuple[list[str], dict[str, pa.Array]]:
    try:
        table = pc.read_csv(path, convert_options=pc.ConvertOptions(column_types={arch_column: pa.string()}))
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a readable CSV file: {str(error).splitlines()[0]}") from error
    if arch_column not in table.column_names:
        raise InputError(f"{path} has no column {arch_column!r}: it has {', '.join(table.column_names)}")
    if twice := [name for i, name in enumerate(table.column_names) if name in table.column_names[:i]]:
        raise InputError(f"{path}: column {twice[0]!r} stands twice")
    if len(table) == 0:
        raise InputError(f"{path} has a header and no rows")
    archs = table[arch_column].to_pylist()
    if None in archs or "" in archs:
        raise InputError(f"{path}: row {next(i for i, a in enumerate(archs) if not a) + 1} names no architecture")
    columns = {name: _numbers(path, name, table[name]) for name in table.column_names if name not in ("", arch_column)}
    columns = {name: column for name, column in columns.items() if column is not None}
    if not columns:
        raise InputError(f"{path} has no column of numbers beside {arch_column!r}")
    return archs, columns


def _numbers(path: Path, name: str, column: pa.ChunkedArray) -> pa.Array | None:
    """A column as numbers, None where it holds none at all (names, dates)."""
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type):
        return _column(column.cast(pa.float64()).to_pylist())
    texts = [str(text) for text in column.to_pylist() if text is not None]
    bad = [text for text in texts if not re.fullmatch(r"\s*[-+]?[\d.]+(e[-+]?\d+)?\s*", text, re.IGNORECASE)]
    if len(bad) == len(texts):
        return None
    raise InputError(f"{path}: column {name!r} holds {bad[0]!r} among its numbers: leave a cell without a value empty")


def _column(values: Sequence[float | None]) -> pa.Array:
    return pa.array([None if v is None or v == FAILED or not math.isfinite(v) else v for v in values], pa.float64())


def _check_params(path: Path, space: SearchSpace, archs: Sequence[str], params: pa.Array | None) -> None:
    if params is None or not isinstance(space, TransNASMicro | TransNASMacro):
        return
    for arch, found in zip(archs, params.to_pylist(), strict=True):
        if found is not None and abs(found - (counted := space.sizes(arch)["params"])) > 1e-6:
            raise InputError(
                f"{path}: {arch!r} has {counted} M parameters for task {space.task!r}, not {found}: "
                "the file is of another task, or numbers its operations otherwise"
            )

"""Tables as users have them, brought to Parquet, with the architectures of a space."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from untrained.data.tables import ARCH, TableFile, first_twice, open_table
from untrained.errors import InputError, InputWarning, shown, warn
from untrained.runtime.files import written_whole
from untrained.spaces import SearchSpace


def import_table(
    path: str | Path,
    out: str | Path,
    *,
    space: SearchSpace | None = None,
    task: str | None = None,
    arch_column: str = ARCH,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """Writes a table of architectures as Parquet, and returns it.

    Scores of -1e8, NaN and infinite ones become empty. Columns that are not numbers throughout are left out, and a
    warning names them; see `untrained.data.tables.numbers` for what counts as a number.

    Args:
        path: a CSV, JSON or Parquet file; see `untrained.data.tables` for the layouts.
        out: the Parquet file to write.
        space: its architectures may be written in any form that it reads (`SearchSpace.read`), such as NASLib's
            tuples of digits. If the table has `params` that the space can count, they must agree: another numbering
            of the operations would give a score to the wrong architecture.
        task: which table to take, if a JSON file has several.
        arch_column: the column that names the architectures.
        columns: the columns to take; every one of numbers if None.

    Returns:
        `arch` and the columns, float64.

    Raises:
        InputError: the file is missing, broken, of another layout or without numbers; a column asked for is not one
            of numbers; an architecture is not one of the space, or stands twice.

    Example:
        >>> import_table("zc_nasbench201.json", "metrics.parquet", task="cifar10")  # doctest: +SKIP
    """
    path, out = Path(path), Path(out)
    if out.suffix != ".parquet":
        raise InputError(f"{str(out)!r} is not a .parquet file")
    file = open_table(path, task=task if path.suffix.lower() == ".json" else None, arch_column=arch_column)
    if task is not None and not file.tasks and "task" not in (space.options if space else {}):
        raise InputError(f"task {task!r}: {path} is of one task; only a .json file has several")
    names = list(file.numeric if columns is None else columns)
    table = file.read(names)
    archs = table[ARCH].to_pylist() if space is None else _architectures(path, space, table)
    figures = {name: _finite(table[name]) for name in names}
    if all(column.null_count == len(table) for column in figures.values()):
        raise InputError(f"{path} has no numbers beside {arch_column!r}: {_why_not(file) or 'every cell is empty'}")
    if columns is None and file.others:
        warn(f"{path}: left out {_why_not(file)}", InputWarning)
    table = pa.table({ARCH: pa.array(archs, pa.string()), **figures})
    with written_whole(out) as temporary:
        pq.write_table(table, temporary)
    return table


def _architectures(path: Path, space: SearchSpace, table: pa.Table) -> list[str]:
    """The architectures as the space writes them, checked by their parameters."""
    try:
        archs = [space.read(arch) for arch in table[ARCH].to_pylist()]
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if "params" in table.column_names:
        _check_params(path, space, archs, table["params"])
    if (twice := first_twice(archs)) is not None:
        raise InputError(f"{path}: architecture {twice!r} stands twice, in two ways of writing it")
    return archs


def _why_not(file: TableFile) -> str:
    """The columns that are not numbers, and why the first are not."""
    told = [f"{shown(name, 40)} ({why})" for name, why in file.others.items()]
    return ", ".join(told[:3]) + (f" and {len(told) - 3} more" if len(told) > 3 else "")


def _finite(column: pa.ChunkedArray) -> pa.ChunkedArray:
    finite = pyarrow.compute.is_finite(column)  # pyright: ignore[reportAttributeAccessIssue] - made on import
    return pyarrow.compute.if_else(finite, column, None)  # pyright: ignore[reportAttributeAccessIssue] - made on import


def _check_params(path: Path, space: SearchSpace, archs: Sequence[str], params: pa.ChunkedArray) -> None:
    for arch, found in zip(archs, params.to_pylist(), strict=True):
        counted = space.sizes(arch).get("params")
        if found is not None and counted is not None and abs(found - counted) > 1e-6:
            options = ", ".join(f"{name} {value}" for name, value in space.options.items())
            raise InputError(
                f"{path}: {arch!r} has {counted} M parameters for {options}, not {found}: "
                "the file is of another task, or numbers its operations otherwise"
            )

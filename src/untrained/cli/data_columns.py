"""`untrained data columns`."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from untrained.cli.options import DataDir
from untrained.cli.output import AsJson, print_json, stdout
from untrained.errors import InputError


def list_columns(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A .parquet, .csv or .json, or a benchmark's name.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the columns of a table of architectures: how many numbers each has, and from where to where they go."""
    from untrained.data.tables import open_table
    from untrained.report.text import print_table

    found = []
    for path in _files(table, data_dir):
        file = open_table(path)
        read = file.read(file.numeric)
        numbers = {name: read[name].to_numpy() for name in file.numeric}
        known = {name: column[np.isfinite(column)] for name, column in numbers.items()}
        others = {name: why for name, why in file.others.items() if name != "reasons"}  # of scores that failed
        found.append((path, read.num_rows, known, others))
    if as_json:
        print_json(
            [
                {
                    "file": str(path),
                    "architectures": n,
                    "columns": {name: _figures(column) for name, column in known.items()},
                    "not_numbers": dict(others),
                }
                for path, n, known, others in found
            ]
        )
        return
    for path, n, known, others in found:
        rows = [
            (name, *(f"{v:.6g}" if v is not None else "-" for v in _figures(c).values())) for name, c in known.items()
        ]
        print_table(
            stdout(), f"{path.name}: {n:,} architectures", ("column", "numbers", "least", "median", "most"), rows
        )
        if others:
            print_table(stdout(), "\nNot numbers", ("column", "why"), list(others.items()))


def _files(table: str, data_dir: Path | None) -> list[Path]:
    """The file itself, or the different files of a benchmark."""
    from untrained.benchmarks import data_folder, get_benchmarks
    from untrained.benchmarks.base import present

    if Path(table).is_dir():
        raise InputError(f"{table!r} is a folder: give a file, or a benchmark's name")
    if Path(table).is_file():
        return [Path(table)]
    try:
        chosen = get_benchmarks([table])
    except InputError as error:
        raise InputError(f"no file {table!r}, and {error}") from error
    folder = data_folder(data_dir) if any(b.needs_folder for b in chosen) else Path()
    return list(dict.fromkeys(present(path) for b in chosen for path in b.files(folder)))


def _figures(known: np.ndarray) -> dict[str, float | None]:
    ends = (None,) * 3 if not known.size else (float(known.min()), float(np.median(known)), float(known.max()))
    return {"numbers": known.size, **dict(zip(("least", "median", "most"), ends, strict=True))}

"""`untrained data`."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from untrained.cli.data_columns import list_columns
from untrained.cli.data_score import score_table
from untrained.cli.data_show import show_data
from untrained.cli.options import DataDir
from untrained.cli.output import AsJson, print_json, stdout
from untrained.errors import InputError

EXAMPLES = """
[bold]Examples[/bold]

  untrained data --data-dir tables

  untrained data show photos/ --resize 64 --out sheet.png

  untrained data columns digits-201

  untrained data import zc.json --task cifar10 --space darts --out zc.parquet

  untrained data score digits-201 --data digits --metrics near --networks 9
"""

data = typer.Typer(invoke_without_command=True, rich_markup_mode="rich", epilog=EXAMPLES)
data.command(name="show")(show_data)
data.command(name="columns")(list_columns)
data.command(name="score")(score_table)


@data.callback()
def list_data(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the published tables: which are there, which are missing, whose they are and under which licence."""
    if context.invoked_subcommand is not None:
        return
    from untrained.benchmarks import SOURCES, data_folder
    from untrained.benchmarks.base import BUNDLED
    from untrained.report.text import print_table

    folder = None if data_dir is None else data_folder(data_dir)
    states = {name: "" if folder is None else _state(folder / name) for name in SOURCES}
    states |= {name: "comes with untrained" for name in SOURCES if (BUNDLED / name).is_file()}
    if as_json:
        tables = [{"file": name, "state": states[name] or None, **asdict(source)} for name, source in SOURCES.items()]
        print_json({"folder": None if folder is None else str(folder), "tables": tables})
        return
    title = (
        f"Tables in {folder}" if folder else "Tables (give --data-dir, or set UNTRAINED_DATA, to see which are there)"
    )
    console = stdout()
    print_table(console, title, ("file", "state", "what"), [(n, states[n], SOURCES[n].what) for n in SOURCES])
    sources = _grouped({name: (s.citation, s.licence) for name, s in SOURCES.items()})
    print_table(console, "\nSources", ("files", "source", "licence"), [(files, *s) for s, files in sources.items()])
    how = _grouped({name: (SOURCES[name].how,) for name, state in states.items() if state in ("missing", "broken")})
    if how:
        print_table(
            console, "\nHow to get what is missing", ("files", "how"), [(files, *h) for h, files in how.items()]
        )


@data.command(name="import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .json, .csv or .parquet file.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    space: Annotated[str | None, typer.Option(help="Space of the architectures (untrained spaces).")] = None,
    task: Annotated[str | None, typer.Option(help="Task of the .json to take.")] = None,
    arch_column: Annotated[str, typer.Option(help="Column that names the architectures.")] = "arch",
    columns: Annotated[str | None, typer.Option(help="Columns to take, as a,b. (default: those of numbers)")] = None,
) -> None:
    """Bring a table of architectures to Parquet: JSON, or CSV with a header.

    A column is taken if each of its cells is a number (93.4%, 1,204,906 and 1e-3 are, failed and NaN count as empty);
    the others are left out, and named.
    """
    from untrained.benchmarks import import_table
    from untrained.spaces import get_space

    # A space may be of a task, by which its parameters are checked.
    chosen = None if space is None else get_space(space, {} if task is None else {"task": task})
    names = None if columns is None else [name.strip() for name in columns.split(",")]
    table = import_table(file, out, space=chosen, task=task, arch_column=arch_column, columns=names)
    typer.echo(f"{table.num_rows} architectures x {table.num_columns - 1} columns in {out}", err=True)


def _state(path: Path) -> str:
    from untrained.data.tables import open_table

    if not path.is_file():
        return "missing"
    try:
        open_table(path)
    except InputError:
        return "broken"
    return f"{path.stat().st_size / 1e6:.1f} MB"


def _grouped(entries: Mapping[str, tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """Entry -> the files that share it, one a line."""
    files = dict[tuple[str, ...], list[str]]()
    for name, entry in entries.items():
        files.setdefault(entry, []).append(name)
    return {entry: "\n".join(names) for entry, names in files.items()}

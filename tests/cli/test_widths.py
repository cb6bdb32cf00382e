"""No line is wider than the terminal, nor than 100 columns in a pipe: what is long is folded."""

import os
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer

import command_line
from command_line import Done, untrained_cli
from untrained.cli import app

ARCHS = [f"k{i}=" + ",".join(f"option{k}={(i * k) % 7}" for k in range(30)) for i in range(12)]
"""Of 350 characters and more."""
SEARCH = "--table table.parquet --column val --report-column test --metrics snip,zen"
SHOWN = {
    "search": f"{SEARCH} --budget 4",
    "resume": "run",
    "show": "run",
    "watch": "run --once",
    "watch a pipe": "run",
    "runs": ".",
    "compare": "run run",
    "bench": "--table table.parquet --column val --metrics snip,zen --samplers random,robot --seeds 2 --budget 3",
    "analyse": "--table table.parquet --column val --scores table.parquet --metrics snip,zen --budget 3 --seeds 1",
    "metrics": "",
    "samplers": "",
    "spaces": "",
    "data": "",
}
"""Commands that print tables; error, warning and BibTeX are one line each, however long."""


def printed(columns: int | None, *args: str, cwd: Path) -> Done:
    environment = {"NO_COLOR": "1", "TERM": "dumb"} | ({} if columns is None else {"COLUMNS": str(columns)})
    with mock.patch.object(command_line, "ENVIRONMENT", environment), mock.patch.dict(os.environ):
        os.environ.pop("COLUMNS", None)
        return untrained_cli(*args, cwd=cwd)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("widths")
    figures = {
        name: [float((i * k) % 11) for i in range(12)] for k, name in enumerate(("snip", "zen", "val", "test"), 3)
    }
    pq.write_table(pa.table({"arch": ARCHS} | figures), made / "table.parquet")
    done = untrained_cli("search", *SEARCH.split(), "--budget", "3", "--out", "run", cwd=made)
    assert done.returncode == 0, done.stderr
    return made


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("command", "columns"), [*((command, 80) for command in SHOWN), ("show", None), ("metrics", None), ("runs", None)]
)
def test_what_commands_print_is_folded(command: str, columns: int | None, folder: Path) -> None:
    done = printed(columns, command.partition(" ")[0], *SHOWN[command].split(), cwd=folder)
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]
    lines = [*done.stdout.splitlines(), *told]
    assert lines
    assert max(map(len, lines)) <= (columns or 100), max(lines, key=len)


def test_help_fits_into_80_columns(folder: Path) -> None:
    for name in typer.main.get_command(app).commands:  # type: ignore[attr-defined]
        lines = printed(80, name, "--help", cwd=folder).stdout.splitlines()
        assert len(lines) > 5
        assert max(map(len, lines)) <= 80, name


def test_what_is_folded_is_all_there(folder: Path) -> None:
    lines = printed(60, "show", "run", cwd=folder).stdout.splitlines()
    assert max(map(len, lines)) <= 60
    folded = "".join("".join(lines[[line.strip() for line in lines].index("Best architecture") :]).split())
    assert any(arch in folded for arch in ARCHS)

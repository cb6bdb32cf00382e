"""Whatever stdout is, and whatever columns and files are called: no traceback."""

import errno
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from untrained.cli import main, streams

COLUMN = "acc [/] :x:"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    n = 12
    columns = {
        "arch": [f"a{i}" for i in range(n)],
        COLUMN: [float(i) for i in range(n)],
        "m": [float(-i) for i in range(n)],
    }
    pq.write_table(pa.table(columns), tmp_path / "table.parquet")
    return tmp_path / "table.parquet"


def run(monkeypatch: pytest.MonkeyPatch, stdout: Any, *arguments: str) -> tuple[int, str]:
    """The exit code and what stands on stderr."""
    stderr = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", ["untrained", *arguments])
        patch.setattr(sys, "path", list(sys.path))
        patch.setattr(sys, "stdout", stdout)
        patch.setattr(sys, "stderr", stderr)
        patch.setattr("warnings.showwarning", None)
        with pytest.raises(SystemExit) as caught:
            main()
    stderr.flush()
    return int(caught.value.code or 0), stderr.buffer.getvalue().decode()  # type: ignore[attr-defined]


def bench(table: Path) -> list[str]:
    options = "--metrics m --samplers random --seeds 2 --budget 2 --workers 1"
    return ["bench", *options.split(), "--table", str(table), "--column", COLUMN]


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", "+-"), ("latin-1", "±"), ("utf-8", "±")])
def test_a_terminal_of_few_characters(monkeypatch: pytest.MonkeyPatch, table: Path, encoding: str, shown: str) -> None:
    written = io.BytesIO()
    code, said = run(monkeypatch, io.TextIOWrapper(written, encoding=encoding), *bench(table))
    assert code == 0, said
    text = written.getvalue().decode(encoding)
    assert shown in text
    assert COLUMN in text


class Broken(io.RawIOBase):
    """A file whose writes fail."""

    def __init__(self, number: int) -> None:
        self.number = number

    def writable(self) -> bool:
        return True

    def write(self, _: Any) -> int:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize(("number", "said"), [(errno.EPIPE, ""), (errno.ENOSPC, "No space left on device")])
def test_a_stdout_that_takes_no_more(monkeypatch: pytest.MonkeyPatch, table: Path, number: int, said: str) -> None:
    raw = Broken(number)
    code, text = run(monkeypatch, io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8"), *bench(table))
    monkeypatch.setattr(raw, "write", len)  # what is still buffered
    assert code != 0
    assert text.count("\n") <= 1
    assert said in text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # /dev/null stays open, for good
def test_a_closed_stdout(monkeypatch: pytest.MonkeyPatch, table: Path) -> None:
    code, said = run(monkeypatch, None, *bench(table))
    assert (code, said) == (0, "")


def test_bytes_that_are_no_text_in_a_path(monkeypatch: pytest.MonkeyPatch, table: Path, tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    Path(folder).mkdir()
    out = f"{folder}/bench.parquet"
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    code, said = run(monkeypatch, stdout, *bench(table), "--out", out)
    assert code == 0, said
    assert Path(out).is_file()
    code, said = run(monkeypatch, stdout, *bench(table), "--out", out)
    assert code == 0, said
    code, said = run(monkeypatch, stdout, "show", folder)
    assert code == 2
    assert said.startswith("error: ")
    assert said.count("\n") == 1


def test_the_current_folder_stands_for_no_installed_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    seen = list[list[str]]()
    monkeypatch.setattr("untrained.cli.app", lambda **_: seen.append(list(sys.path)))
    assert run(monkeypatch, io.StringIO()) == (0, "")
    assert seen[0][-1] == ""
    assert seen[0][0] != ""
    monkeypatch.setattr(sys, "flags", SafeFlags())
    assert run(monkeypatch, io.StringIO()) == (0, "")
    assert seen[1][-1] != ""


class SafeFlags:
    safe_path = True


def test_characters_and_bytes_that_a_stream_lacks() -> None:
    streams.prepare()
    assert "±0.5 █ é \udcff".encode("ascii", "plain") == b"+-0.5 # ? ?"
    assert json.loads('"\\u00b1"').encode("latin-1", "plain") == b"\xb1"

"""Whatever a file holds, a table comes of it, or one line."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tampered import tampered
from untrained.data.tables import open_table
from untrained.errors import InputError
from untrained.scores import ScoreTable

COLUMNS = {"arch": ["a", "b", "c"], "acc": [1.5, None, -1e8], "note": ["x", "é", ""]}
ROWS = {"(0, 1)": {"acc": {"score": 1.5, "time": 2}, "top": "93%"}, "(1, 1)": {"acc": 1, "top": None}}


def parquet() -> bytes:
    buffer = io.BytesIO()
    table = pa.table({**COLUMNS, "reasons": ['{"acc": "why"}', None, None]})
    pq.write_table(table.replace_schema_metadata({"untrained": '{"seed": 0}', "untrained.directions": "{}"}), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.parquet", parquet()),
        ("t.csv", 'arch,acc,note\na,"1,5",x\nb,,é\nc,93%,""\n'.encode()),
        ("t.csv", "arch;acc\na;1,5\nb;failed\n".encode("utf-16")),
        ("t.json", json.dumps(ROWS).encode()),
        ("t.json", json.dumps({"nb": {"a": ROWS, "b": ROWS}}).encode()),
        ("t.json", json.dumps([{"arch": [0, 1], "acc": 1}, {"arch": "b", "acc": "\ud800"}]).encode()),
    ],
    ids=["parquet", "csv", "semicolons", "json", "tasks", "records"],
)
def test_a_table_or_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    path, refusals = tmp_path / name, list[str]()
    for copy in (content, *tampered(content, 300)):
        path.write_bytes(copy)
        try:
            file = open_table(path, task="a" if b'"nb"' in content else None)
            file.read(file.numeric, tuple(file.others))
            ScoreTable.load(file)
        except InputError as error:
            refusals.append(str(error))
    assert 30 < len(refusals) <= 300
    assert all(len(line) <= 300 and "\n" not in line for line in refusals)


def test_text_that_is_not_unicode(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    odd = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")])
    pq.write_table(pa.table({"arch": odd, "acc": [1.0]}), path)
    with pytest.raises(InputError, match=r"column .arch. is damaged: .*UTF-?8"):
        open_table(path).read(["acc"])
    path = tmp_path / "t.json"
    path.write_text('[{"arch": "\\ud800", "acc": 1}]')
    with pytest.raises(InputError, match="text that is not Unicode"):
        open_table(path)

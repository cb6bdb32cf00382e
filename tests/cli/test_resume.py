"""A search that goes on with nothing typed again."""

import json
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from command_line import refused, untrained_cli
from untrained import ScoreTable, search
from untrained.objectives import TabularObjective
from untrained.spaces import NASBench201


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """A search on a table, named by a path that only holds in its folder."""
    archs = NASBench201().pool(12)
    columns = {"arch": archs, "snip": [float(i) for i in range(12)], "val": [float(i % 5) for i in range(12)]}
    pq.write_table(pa.table(columns), tmp_path / "table.parquet")
    options = ["--table", "table.parquet", "--column", "val", "--metrics", "snip", "--sampler", "random"]
    return ["search", *options, "--budget", "3", "--out", "a run", "--json"]


def test_nothing_is_typed_again(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    first = json.loads(untrained_cli(*arguments, cwd=tmp_path).stdout)
    more = untrained_cli("resume", "../a run", "--budget", "5", "--json", cwd=tmp_path / "elsewhere")
    assert more.returncode == 0, more.stderr
    assert json.loads(more.stdout)["queries"][:3] == first["queries"]
    assert len(json.loads(more.stdout)["queries"]) == 5
    again = untrained_cli("resume", "a run", cwd=tmp_path)
    assert "5 of 5 queries" in again.stdout
    assert "it is finished: untrained resume 'a run' --budget N goes on" in again.stderr
    assert "finished" not in more.stderr
    assert untrained_cli("show", "a run", cwd=tmp_path).stdout.splitlines()[0] == again.stdout.splitlines()[0]


def test_an_interrupt_says_how_to_go_on(arguments: list[str], tmp_path: Path) -> None:
    with mock.patch.object(TabularObjective, "__call__", side_effect=KeyboardInterrupt):
        stopped = untrained_cli(*arguments, cwd=tmp_path)
    assert stopped.returncode == 130
    assert "interrupted: untrained resume 'a run' goes on" in stopped.stderr
    assert "3 of 3 queries" in untrained_cli("resume", "a run", cwd=tmp_path).stdout


def test_what_cannot_be_resumed_is_told(arguments: list[str], tmp_path: Path) -> None:
    refused("resume", "nothing", says="no search in 'nothing'", cwd=tmp_path)
    url = "sqlite:///s.db?password=secret"
    untrained_cli(*arguments, cwd=tmp_path)
    run = tmp_path / "a run" / "run.json"
    made = json.loads(run.read_text())
    run.write_text(json.dumps(made | {"storage": url, "has_password": True}))
    refused("resume", "a run", says="not kept: give --storage URL", cwd=tmp_path)
    run.write_text(json.dumps(made | {"folder": str(tmp_path / "gone")}))
    refused("resume", "a run", says="'.*gone', which is gone", cwd=tmp_path)
    run.write_text("[]")
    refused("resume", "a run", says="is broken", cwd=tmp_path)
    scores = ScoreTable.load(tmp_path / "table.parquet", ["snip"])
    search("nasbench201", lambda arch: 1.0, budget=1, scores=scores, out=tmp_path / "python")
    refused("resume", "python", says="was made from Python", cwd=tmp_path)

"""`--json`: one object on stdout, which says what the registries hold."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer

from command_line import untrained_cli
from untrained import METRICS, SAMPLERS, SPACES
from untrained.benchmarks import SOURCES
from untrained.cli import app

WITHOUT = {"draw", "report"}
"""Commands whose result is a picture."""


def told(*args: str) -> dict[str, Any]:
    done = untrained_cli(*args, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


def test_every_command_that_prints_a_result_has_it() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    having = {name for name, one in commands.items() if any("--json" in param.opts for param in one.params)}
    assert commands.keys() - having == WITHOUT


def test_metrics_spaces_and_samplers() -> None:
    metrics = {one["name"]: one for one in told("metrics")["metrics"]}
    assert metrics.keys() == METRICS.keys()
    assert metrics["latency"]["direction"] == "minimize"
    assert metrics["fisher"]["options"]["fan_in"]["default"] is True
    assert metrics["synflow"]["needs"] == ["data-free pass"]
    spaces = {one["name"]: one for one in told("spaces")["spaces"]}
    assert spaces.keys() == SPACES.keys()
    assert spaces["nasbench201"]["size"] == 5**6
    assert spaces["nasbench201"]["options"]["N"] == 5
    assert [one["name"].partition(":")[0] for one in told("samplers")["samplers"]] == list(SAMPLERS)


def test_published_tables(tmp_path: Path) -> None:
    (tmp_path / "nasbench201_accuracy.parquet").write_text("no table")
    listed = told("data", "--data-dir", str(tmp_path))
    states = {one["file"]: one["state"] for one in listed["tables"]}
    assert states.keys() == SOURCES.keys()
    assert states.pop("nasbench201_accuracy.parquet") == "broken"
    assert states.pop("digits201.parquet") == "comes with untrained"
    assert set(states.values()) == {"missing"}


@pytest.mark.filterwarnings("ignore")
def test_scores(tmp_path: Path) -> None:
    options = "--space nasbench201 --space-options N=1,C=4 --data digits --metrics params,mine.py:fails --pool 3"
    (tmp_path / "mine.py").write_text(
        "from untrained import metric\n\n\n"
        "@metric('fails', paper='none')\ndef fails(probe):\n    raise ValueError('never')\n"
    )
    done = untrained_cli("score", *options.split(), "--workers", "1", "--out", "s.csv", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["architectures"], document["failed"]) == (3, 3)
    assert [set(why) for why in document["reasons"].values()] == [set(document["metrics"]) - {"params"}] * 3

"""Limits on the command line: columns of tables, going on, what is shown and what is refused."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from command_line import refused, untrained_cli
from untrained.spaces import NASBench201

ARCHS = NASBench201().pool(12)
LATENCY = dict(zip(ARCHS, range(12), strict=True))
POWER = {arch: 12 - place for arch, place in LATENCY.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of results with latencies, and a table of metrics with the power that a device takes."""
    path = tmp_path_factory.mktemp("tables")
    results = {"arch": ARCHS, "val": [float(k % 5) for k in range(12)], "test": [0.5] * 12}
    pq.write_table(pa.table(results | {"chip_latency": list(map(float, LATENCY.values()))}), path / "table.parquet")
    metrics = {"arch": ARCHS, "snip": [float(k) for k in range(12)], "power": list(map(float, POWER.values()))}
    pq.write_table(pa.table(metrics), path / "scores.parquet")
    return path


def arguments(where: str, *more: str) -> list[str]:
    table = ["--table", "table.parquet", "--column", "val", "--report-column", "test"]
    scores = ["--scores", "scores.parquet", "--metrics", "snip", "--sampler", "random"]
    return ["search", *table, *scores, "--budget", "3", "--where", where, *more]


def test_columns_of_both_tables_are_limited_and_the_search_goes_on(folder: Path) -> None:
    done = untrained_cli(*arguments("chip_latency <= 8, power < 10", "--out", "run", "--json"), cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "6 of 12 architectures are left out: they do not meet power < 10, chip_latency <= 8" in done.stderr
    first = json.loads(done.stdout)
    assert first["where"] == ["power < 10", "chip_latency <= 8"]
    assert {q["architecture"] for q in first["queries"]} <= set(ARCHS[3:9])
    best = first["best"]
    assert best["columns"] == {"power": POWER[best["architecture"]], "chip_latency": LATENCY[best["architecture"]]}

    more = untrained_cli("resume", "run", "--budget", "6", "--json", cwd=folder)
    assert {q["architecture"] for q in json.loads(more.stdout)["queries"]} == set(ARCHS[3:9])
    assert json.loads(more.stdout)["queries"][:3] == first["queries"]

    shown = untrained_cli("show", "run", cwd=folder).stdout
    assert "6 of 6 queries from a pool of 6, power < 10, chip_latency <= 8 (random)" in shown
    assert "chip_latency" in shown.split("Best architecture")[1]


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("chip_latency <= -1", r"none of 12 architectures meets chip_latency <= -1: the least is 0 "),
        ("chip_latncy <= 4", r"no such figure: did you mean 'chip_latency'\? choose from params, "),
        ("val >= 4", "where 'val': it is what the search is for"),
        ("test >= 0.1", "where 'test': it is what the search is for"),
        ("chip_latency <= fast", "'fast' is no number"),
        ("latency <= 5", "where 'latency': it cannot be measured, as the search has no data"),
        ("params <= 5", "where 'params': it cannot be measured: "),
    ],
)
def test_what_cannot_be_limited_is_told_in_one_line(where: str, says: str, folder: Path) -> None:
    refused(*arguments(where), says=says, cwd=folder)

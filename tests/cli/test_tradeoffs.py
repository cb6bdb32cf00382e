"""Fronts on the command line: columns of tables, going on, what is shown and what is refused."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from command_line import refused, untrained_cli
from untrained.spaces import NASBench201

ARCHS = NASBench201().pool(12)
VALUE = {arch: float(k % 5) for k, arch in enumerate(ARCHS)}
SPEED = {arch: float(7 * k % 12) for k, arch in enumerate(ARCHS)}
POWER = {arch: float(12 - k) for k, arch in enumerate(ARCHS)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of results with speeds, and a table of metrics with the power that a device takes."""
    path = tmp_path_factory.mktemp("tables")
    results = {"arch": ARCHS, "val": list(VALUE.values()), "test": [0.5] * 12, "speed": list(SPEED.values())}
    pq.write_table(pa.table(results), path / "table.parquet")
    metrics = {"arch": ARCHS, "snip": [float(k) for k in range(12)], "power": list(POWER.values())}
    pq.write_table(pa.table(metrics), path / "scores.parquet")
    return path


def arguments(objectives: str, *more: str) -> list[str]:
    table = ["--table", "table.parquet", "--column", "val", "--report-column", "test"]
    scores = ["--scores", "scores.parquet", "--metrics", "snip"]
    return ["search", *table, *scores, "--budget", "4", "--objectives", objectives, *more]


def test_the_front_is_printed_kept_and_goes_on(folder: Path) -> None:
    objectives = "val, speed max, power min"
    done = untrained_cli(*arguments(objectives, "--out", "run", "--json"), cwd=folder)
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout)
    assert [axis["name"] for axis in first["objectives"]] == ["val", "speed", "power"]
    assert all(q["figures"] == {"speed": SPEED[q["architecture"]], "power": POWER[q["architecture"]]}
               for q in first["queries"])  # fmt: skip

    more = json.loads(untrained_cli("resume", "run", "--budget", "12", "--json", cwd=folder).stdout)
    assert more["queries"][:4] == first["queries"]
    points = {arch: (-VALUE[arch], -SPEED[arch], POWER[arch]) for arch in ARCHS}
    beaten = {a for a, p in points.items() for q in points.values()
              if q != p and all(x <= y for x, y in zip(q, p, strict=True))}  # fmt: skip
    assert {one["architecture"] for one in more["front"]} == points.keys() - beaten

    shown = untrained_cli("show", "run", cwd=folder).stdout
    assert f"Front of {len(more['front'])}: most val, most speed, least power" in shown
    rows = shown.split("Front of")[1].split("Best architecture")[0]
    assert all(one["architecture"][:20] in rows for one in more["front"])


@pytest.mark.parametrize(
    ("objectives", "more", "says"),
    [
        ("val, speed", [], "objectives 'speed': which way is better is not known: write 'speed min' or 'speed max'"),
        ("val, sped max", [], r"objectives 'sped': no such figure: did you mean 'speed'\? choose from val, params, "),
        ("val, test max", [], "objectives 'test': it is known after a training only"),
        ("speed max, power min", [], "what the search learns is missing: 'val'"),
        ("val, latency", [], "objectives 'latency': it cannot be measured, as the search has no data"),
        ("val, speed max", ["--sampler", "rea", "--space", "nasbench201"], "sampler 'rea' looks for one objective"),
    ],
)
def test_what_is_refused_leaves_nothing(objectives: str, more: list[str], says: str, folder: Path) -> None:
    refused(*arguments(objectives, "--out", "none", *more), cwd=folder, says=says)
    assert not (folder / "none").exists()

"""The page on a bench."""

import json
import shlex
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from command_line import refused, untrained_cli
from report.pages import NASTY, Parsed, parsed
from untrained.benching import bench, load_bench, summarise
from untrained.benchmarks import Benchmark, Published
from untrained.errors import InputError

N, BUDGET, SEEDS = 24, 6, range(2, 8)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tasks of a table of which one is a script, a failed training among them; HNAS lacks a metric."""
    folder = tmp_path_factory.mktemp("bench")
    values = np.random.default_rng(0).permutation(N).astype(float)
    columns = {
        "arch": [f"{NASTY}{k}" for k in range(N)],
        "val": pa.array(values, from_pandas=True, mask=values == 3),
        "test": 50 + values,
        "cost": [2.0] * N,
        "good": values,
        "bad": -values,
    }
    pq.write_table(pa.table(columns), folder / "t.parquet")
    published = {"RoBoT": Published(72.5, 0.5, 100.0), "Theirs <b>": Published(71.0)}
    tasks = [
        Benchmark(
            *("nb", task, "val", "t.parquet", "t.parquet"),
            metrics=("good", "bad"),
            budget=BUDGET,
            test="test",
            cost="cost",
            reported="test",
            published=published if task == "easy" else {},
            notes=(NASTY,),
        )
        for task in ("easy", "hard|er")
    ]
    samplers = ["random", "robot", "single", "hnas"]
    bench(tasks, samplers, SEEDS, data_dir=folder, path=folder / "bench.parquet")
    return folder / "bench.parquet"


@pytest.fixture(scope="module")
def page(path: Path) -> Parsed:
    done = untrained_cli("report", "bench.parquet", cwd=path.parent)
    assert (done.returncode, done.stdout) == (0, "report: bench.html\n"), done.stderr
    return parsed(path.with_suffix(".html"))


def test_a_bench_is_read_again_as_it_was(path: Path) -> None:
    found = load_bench(path)
    assert found.table.num_rows == 2 * 4 * len(SEEDS) * BUDGET
    assert [ran.benchmark.task for ran in found.ran] == ["easy", "hard|er"]
    easy = found.ran[0]
    assert (easy.budget, easy.pool, easy.metrics, easy.notes) == (BUDGET, N, ("good", "bad"), (NASTY,))
    assert easy.benchmark.published["RoBoT"] == Published(72.5, 0.5, 100.0)
    assert {"untrained", "torch", "optuna"} <= easy.versions.keys()
    assert [what for what, _ in found.skipped] == ["nb/easy/val hnas", "nb/hard|er/val hnas"]


def test_curves_are_means_over_the_seeds(path: Path, page: Parsed) -> None:
    """Counted again from the rows of the file."""
    rows = [row for row in pq.read_table(path).to_pylist() if row["task"] == "easy" and row["sampler"] == "random"]
    traces = [trace for trace in page.figures["curves-0"]["data"] if trace.get("name") == "random"]
    for column, trace in zip(("rank", "regret", "test"), traces, strict=True):
        for query, drawn in zip(trace["x"], trace["y"], strict=True):
            told = [row[column] for row in rows if row["query"] == query]
            assert len(told) == len(SEEDS)
            mean = sum(told) / len(told)
            assert drawn == pytest.approx(100 - mean if column == "test" else mean, rel=1e-4)
    (marks,) = (trace for trace in page.figures["curves-0"]["data"] if trace.get("name") == "published")
    assert sorted(marks["y"]) == [100 - 72.5, 100 - 71.0]
    assert [group["type"] for group in page.figures["curves-0"]["layout"]["meta"]["groups"]] == ["log", "linear", "log"]


def test_each_seed_is_a_point(path: Path, page: Parsed) -> None:
    last = {
        (row["sampler"], row["seed"]): row["rank"]
        for row in sorted(pq.read_table(path).to_pylist(), key=lambda row: row["query"])
        if row["task"] == "easy"
    }
    drawn = {
        (trace["name"], seed): rank
        for trace in page.figures["seeds-0"]["data"]
        if trace["name"] != "median"
        for seed, rank in zip(trace["customdata"], trace["x"], strict=True)
    }
    assert drawn == last


def test_tables_and_what_failed(path: Path, page: Parsed) -> None:
    result = load_bench(path)
    rows = {row.sampler: row for row in summarise(result, "robot") if row.key == "nb/easy/val"}
    random = rows["random"]
    assert random.difference is not None
    for words in (f"{random.difference:+,.0f}", "72.50±0.50, 100 s", "Theirs <b>", "published", "needs the metric"):
        assert words in page.text
    assert "failed" in page.text
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "img" not in page.tags


def test_the_command_makes_the_same_searches(path: Path, page: Parsed) -> None:
    words = shlex.split(next(line for line in page.text.splitlines() if "untrained bench" in line))
    done = untrained_cli(*words[1:-1], "again.parquet", "--workers", "1", cwd=path.parent)
    assert done.returncode == 0, done.stderr
    columns = ["sampler", "seed", "query", "architecture", "value", "rank"]
    first = pq.read_table(path, filters=[("task", "=", "easy")]).select(columns)
    assert pq.read_table(path.parent / "again.parquet").select(columns).to_pylist() == first.to_pylist()


def test_more_comes_to_what_is_told(path: Path, tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes((path.parent / "t.parquet").read_bytes())
    for task in ("first", "second"):
        one = Benchmark("nb", task, "val", "t.parquet", "t.parquet", metrics=("good",), budget=1)
        bench([one], ["random", "hnas"], range(1), data_dir=tmp_path, path=tmp_path / "b.parquet")
    found = load_bench(tmp_path / "b.parquet")
    assert [ran.benchmark.task for ran in found.ran] == ["first", "second"]
    assert [what for what, _ in found.skipped] == ["nb/first/val hnas", "nb/second/val hnas"]


def test_bad_input(path: Path, tmp_path: Path) -> None:
    folder = path.parent
    refused("report", "no.parquet", says="no file 'no.parquet'", cwd=folder)
    refused("report", "t.parquet", says="'t.parquet' is not a file of untrained bench", cwd=folder)
    refused("report", "bench.parquet", "t.parquet", says="is a bench: give it alone", cwd=folder)
    table = pq.read_table(path)
    old = {key: value for key, value in table.schema.metadata.items() if key != b"untrained.told"}
    pq.write_table(table.replace_schema_metadata(old), tmp_path / "old.parquet")
    with pytest.raises(InputError, match=r"older version wrote it.*bench again"):
        load_bench(tmp_path / "old.parquet")
    told = json.loads(table.schema.metadata[b"untrained.told"])
    told["ran"]["nb/easy/val"]["benchmark"]["task"] = "other"
    broken = table.schema.metadata | {b"untrained.told": json.dumps(told).encode()}
    pq.write_table(table.replace_schema_metadata(broken), tmp_path / "broken.parquet")
    with pytest.raises(InputError, match="not a file of untrained bench"):
        load_bench(tmp_path / "broken.parquet")

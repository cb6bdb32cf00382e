"""The tables, the figure and the ablations of the paper, from small tables."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from command_line import refused, untrained_cli
from untrained.benchmarks import BENCHMARKS
from untrained.reproducing import STUDIES, ablate, published_network, repeat
from untrained.reproducing.ablations import Task
from untrained.spaces import TransNASMacro

KEY = "transnas101-macro/jigsaw/valid_top1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A table of the macro space: synflow is the value, but for the best, which it takes for the second."""
    archs = list(TransNASMacro())
    values = np.random.default_rng(0).permutation(len(archs)).astype(float)
    top = len(archs) - 1
    swapped = np.where(values == top, top - 1, np.where(values == top - 1, top, values))
    columns = {
        "arch": archs,
        "valid_top1": values,
        "test_top1": values / 2,
        "train_seconds": np.full(len(archs), 2.0),
        "metric_synflow": swapped,
        "metric_zen": np.random.default_rng(1).normal(size=len(archs)),
        "metric_fisher": -values,
    }
    pq.write_table(pa.table(columns), tmp_path / "transnas101_macro_jigsaw.parquet")
    return tmp_path


def test_every_study_is_of_what_the_paper_printed() -> None:
    for study in STUDIES.values():
        assert set(study.small) <= set(study.benchmarks) <= set(BENCHMARKS)
        for key in study.benchmarks:
            assert BENCHMARKS[key].reported == study.figure
            assert "RoBoT" in BENCHMARKS[key].published
    assert len(STUDIES["table3"].benchmarks) == 14


def test_ours_stand_beside_the_published_and_nothing_is_made_twice(folder: Path) -> None:
    made = list[tuple[int, int]]()

    def run(on_run: Callable[[int, int], None] | None = None) -> dict[str, float | None]:
        found = repeat("table3", folder, seeds=(3, 4), budget=2, path=folder / "searches.parquet", on_run=on_run)
        assert {what for what, _ in found.result.skipped} == {*STUDIES["table3"].benchmarks} - {KEY}
        assert (found.budgets, found.seeds) == ({KEY: 2}, (3, 4))
        assert list(found.cells) == ["REA", "RS", "REINFORCE", "HNAS", "RoBoT", "mixture"]
        printed = {name: row[KEY].published for name, row in found.cells.items()}
        means = {name: figure.mean for name, figure in printed.items() if figure}
        assert means == {"REA": 21, "RS": 33, "REINFORCE": 20, "HNAS": 150, "RoBoT": 3}
        assert found.cells["RoBoT"]["transnas101-micro/normal/valid_ssim"].ours is None
        ours = {name: row[KEY].ours for name, row in found.cells.items()}
        return {name: row and row.rank and row.rank.mean for name, row in ours.items()}

    first = run()
    assert first["HNAS"] is None
    assert all(first[name] for name in ("REA", "RS", "REINFORCE", "RoBoT", "mixture"))
    assert run(lambda *done: made.append(done)) == first
    assert made == [(10, 10)]


def test_the_command_prints_the_table_and_draws_it(folder: Path) -> None:
    command = ["reproduce", "table3", "--data-dir", str(folder), "--seeds", "1", "--budget", "2", "--workers", "1"]
    done = untrained_cli(*command, "--figure", "drawn.svg", cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Table 3")
    assert "T = 2, seeds 0" in lines[1]
    under = [lines[place + 1] for place, line in enumerate(lines) if line.startswith("HNAS")]
    assert ["67±49" in under[0], "150±52" in under[1]] == [True, True]  # jigsaw of the micro space, then the macro
    assert "differs:" in done.stdout
    assert "skipped" in done.stdout
    assert "<svg" in (folder / "drawn.svg").read_text()


def test_ablations_change_one_thing_and_go_on_where_they_were(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "ablations.jsonl"
    first = ablate(folder, [KEY], seeds=[0], parts=[1], budget=20, path=path)
    assert [one.name for one in first] == ["0.05 T", "0.1 T", "0.25 T", "0.5 T", "0.75 T", "2 T"]
    assert first[0].explored == (1,)  # one proposal is one architecture
    assert all(1 <= one.explored[0] <= most for one, most in zip(first, (1, 2, 5, 10, 15, 20), strict=True))
    assert all(1 <= one.ranks[0] <= 3256 for one in first)
    kept = path.read_text()
    monkeypatch.setattr(Task, "run", None)
    assert ablate(folder, [KEY], seeds=[0], parts=[1], budget=20, path=path) == first
    assert path.read_text() == kept


def test_the_published_network_is_built_as_published() -> None:
    network = published_network()
    assert network.flops == pytest.approx(556, rel=0.005)  # table 4
    assert network.params == pytest.approx(5.0, rel=0.035)  # printed with one decimal, by the authors' own count


def test_what_cannot_be_repeated_says_so() -> None:
    done = untrained_cli("reproduce", "table4", "--json")
    found = json.loads(done.stdout)
    assert found["published"]["RoBoT"] == {"top1": 24.1, "top5": 7.3}
    assert "ImageNet" in found["lacks"]


def test_refusals(folder: Path) -> None:
    there = ["--data-dir", str(folder)]
    refused("reproduce", "table1", *there, says="table2, table3, table4, figure2, ablations, darts")
    refused("reproduce", "table2", *there, says="nothing to bench: .*nasbench201_accuracy.parquet")
    refused("reproduce", "table3", *there, "--figure", "a.txt", says="'a.txt': give a file that ends in .svg")
    refused("reproduce", "table3", *there, "--epochs", "2", says="table3 has no --epochs")
    refused("reproduce", "table4", *there, "--seeds", "2", says="table4 has no --seeds")
    refused("reproduce", "ablations", *there, "--figure", "a.svg", says="ablations has no --figure")
    refused("reproduce", "darts", *there, "--data", "digits", says="darts has no --data-dir")
    refused("reproduce", "darts", "--data", "digits", says="give --out")
    (folder / "other.txt").write_text("mine")
    told = ["--out", str(folder / "other.txt")]
    refused("reproduce", "table3", *there, *told, says="not a .parquet file")

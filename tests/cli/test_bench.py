"""`untrained bench` and `untrained data`, run as a user runs them."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from command_line import refused, untrained_cli
from untrained.spaces import NASBench201


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Forty cells with two metrics, a loss that the first metric tells, and a test figure."""
    rng = np.random.default_rng(0)
    snip = rng.normal(size=40)
    columns = {"arch": NASBench201().pool(40), "snip": snip, "zen": rng.normal(size=40), "loss": -snip, "test": snip}
    pq.write_table(pa.table(columns), tmp_path / "table.parquet")
    return tmp_path / "table.parquet"


def test_bench_on_a_table_of_ones_own(table: Path) -> None:
    own = ["bench", "--table", str(table), "--column", "loss", "--metrics", "snip,zen", "--budget", "4"]
    own += ["--direction", "minimize", "--report-column", "test", "--workers", "1", "--seeds", "3:5"]
    out, figure = table.parent / "bench.parquet", table.parent / "figure.svg"
    run = [*own, "--samplers", "random,single", "--out", str(out), "--figure", str(figure)]
    first = untrained_cli(*run)
    assert first.returncode == 0, first.stderr
    assert "T = 4, 2 seeds, 40 architectures" in first.stdout
    assert "single metric, best (snip)" in first.stdout
    assert "<svg" in figure.read_text()
    written = pq.read_table(out)
    assert (written.num_rows, set(written["seed"].to_pylist())) == (3 * 2 * 4, {3, 4})
    again = untrained_cli(*run, "--reference", "random", "--json")
    rows = {row["sampler"]: row for row in json.loads(again.stdout)["rows"]}
    assert rows["single metric, best (snip)"]["rank"]["mean"] == 1
    assert rows["random"]["p"] is None
    assert pq.read_table(out).equals(written)  # nothing was made again


def test_bench_of_a_published_table(shared_data: Path) -> None:
    done = untrained_cli(
        *("bench", "transnas101-macro/jigsaw", "--samplers", "single,rank_average", "--seeds", "1"),
        *("--budget", "5", "--workers", "1", "--data-dir", str(shared_data), "--extra-metrics", "params"),
    )
    assert done.returncode == 0, done.stderr
    for word in ("objective valid_top1", "RoBoT", "3±1", "without epe_nas", "metrics: synflow, zen, fisher, params"):
        assert word in done.stdout


def test_bench_refusals(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNTRAINED_DATA", raising=False)
    refused("bench", "nasbench201", says="no folder of tables: give --data-dir, or set UNTRAINED_DATA")
    folder = ["--data-dir", str(table.parent)]
    refused("bench", "nasbench2", *folder, says="unknown benchmark 'nasbench2': .*choose from digits-201, nasbench201")
    refused("bench", "nasbench201", *folder, says="nothing to bench: .*nasbench201_accuracy.parquet")
    refused("bench", "nasbench201", "--seeds", "ten", *folder, says="seeds 'ten': give a number")
    refused("bench", "nasbench201", "--seeds", "4:4", *folder, says="seeds '4:4' are none")
    refused(
        "bench",
        "nasbench201",
        "--figure",
        "a.html",
        *folder,
        says="'a.html': give a file that ends in .svg",
    )
    refused("bench", "nasbench201", "--column", "x", *folder, says="need --table")
    own = ["bench", "--table", str(table), "--column", "loss", "--metrics", "snip", "--direction", "minimize"]
    refused(
        *own,
        "--budget",
        "41",
        "--samplers",
        "random",
        says="budget 41 is above the 40 architectures of table.table.loss: give at most 40",
    )
    refused("bench", "--table", str(table), says="--table needs --column")
    refused(*own, "--metrics", "snap", says="no metric 'snap' in .*: there are snip, zen, test")
    refused(*own, "--direction", "down", says="unknown direction 'down'")
    refused(*own, "--space", "transnas101-micro", "--samplers", "random", says="not an architecture of space 'transnas")
    refused(*own, "--samplers", ",", says="--samplers names none")
    refused(*own, "--space-options", "N=1", says="'N=1' need --space")
    refused(*own, "--seeds", "0:99999999999", says="seed 99999999998: give a whole number")
    refused(*own, "--seeds", "200000", says="200,000: give at most")
    for figure in ("loss", "test"):
        leak = [*own, "--report-column", "test", "--metrics", f"snip,{figure}", "--samplers", "random"]
        refused(*leak, says=f"'{figure}' is what a training gives")
    refused(*own, "--samplers", "rnd", says="unknown sampler 'rnd'")
    refused(*own, "--samplers", "random", "--reference", "robot", says="reference 'robot' is not one of the samplers")
    refused("bench", "nasbench201", *own[1:], says="give either benchmarks")


def test_a_loss_that_is_maximised_is_told(table: Path) -> None:
    own = ["bench", "--table", str(table), "--column", "loss", "--metrics", "snip", "--samplers", "random"]
    own += ["--budget", "3", "--seeds", "1"]
    warning = "warning: 'loss' sounds like less is better, and is maximised: for less, --direction minimize"
    assert warning in untrained_cli(*own).stderr.splitlines()
    assert "sounds like" not in untrained_cli(*own, "--direction", "minimize").stderr


def test_data_lists_what_is_there_and_what_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNTRAINED_DATA", raising=False)
    assert "set UNTRAINED_DATA" in untrained_cli("data").stdout
    pq.write_table(pa.table({"arch": ["x"]}), tmp_path / "nasbench201_accuracy.parquet")
    (tmp_path / "transnas101_micro_jigsaw.parquet").write_text("torn")
    shown = untrained_cli("data", "--data-dir", str(tmp_path)).stdout
    states = {words[0]: words[1] for line in reversed(shown.splitlines()) if len(words := line.split()) > 2}
    assert states["nasbench201_accuracy.parquet"] == "0.0"
    assert (states["transnas101_micro_jigsaw.parquet"], states["transnas101_macro_normal.parquet"]) == (
        "broken",
        "missing",
    )
    for word in ("Dong & Yang, ICLR 2020", "Duan et al., CVPR 2021", "Apache-2.0", "untrained data import"):
        assert word in shown


def test_data_import(tmp_path: Path) -> None:
    (tmp_path / "zc.json").write_text('{"jigsaw": {"(1, 0, 2, 3, 3, 3)": {"snip": {"score": 2.5, "time": 1}}}}')
    out = tmp_path / "out.parquet"
    command = ["data", "import", str(tmp_path / "zc.json"), "--out", str(out), "--space", "transnas101-micro"]
    done = untrained_cli(*command, "--task", "jigsaw")
    assert done.returncode == 0, done.stderr
    assert pq.read_table(out).to_pydict() == {"arch": ["64-41414-1_02_333"], "snip": [2.5]}
    refused(*command, "--task", "jig", says="unknown TransNAS-Bench-101 task 'jig'")
    refused("data", "import", str(tmp_path / "a.csv"), "--out", str(out), says="no file")

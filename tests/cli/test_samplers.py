"""Samplers and the analysis at the command line."""

import contextlib
import io
import json
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from command_line import refused
from untrained.cli import main
from untrained.cli.options import sounds_minimised
from untrained.samplers import SAMPLERS
from untrained.spaces import NASBench201


def ran(*args: str) -> tuple[str, str]:
    """(stdout, stderr) of a command that succeeds, in this process."""
    stdout, stderr, path = io.StringIO(), io.StringIO(), list(sys.path)
    with (
        mock.patch.object(sys, "argv", ["untrained", *args]),
        mock.patch.dict("os.environ", {"COLUMNS": "200"}),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        pytest.raises(SystemExit) as caught,
    ):
        main()
    sys.path[:] = path
    assert caught.value.code == 0, stderr.getvalue()
    return stdout.getvalue(), stderr.getvalue()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Sixty cells with two metrics and a loss that the first one tells."""
    rng = np.random.default_rng(0)
    snip = rng.normal(size=60)
    columns = {"arch": NASBench201().pool(60), "snip": snip, "zen": rng.normal(size=60), "val_loss": 5 - snip}
    pq.write_table(pa.table(columns), tmp_path / "table.parquet")
    return tmp_path / "table.parquet"


def test_samplers_are_listed_with_their_citations() -> None:
    listed, _ = ran("samplers")
    for info in SAMPLERS.values():
        assert info.form in listed
    for words in ("AAAI 2019", "ICML 2018", "az_expressivity", "a named space"):
        assert words in listed


def test_a_minimised_objective(table: Path) -> None:
    options = ["search", "--table", str(table), "--column", "val_loss", "--metrics", "snip,zen", "--budget", "12"]
    out, err = ran(*options, "--direction", "minimize", "--sampler", "single:snip", "--json")
    assert "pool: 60 architectures" in err
    document = json.loads(out)
    assert (document["direction"], document["best"]["rank"]) == ("minimize", 1)
    out, err = ran(*options, "--sampler", "single:snip", "--json")
    warning = "warning: 'val_loss' sounds like less is better, and is maximised: for less, --direction minimize"
    assert err.splitlines()[0] == warning
    assert json.loads(out)["best"]["rank"] > 1
    assert "warning" not in ran(*options, "--direction", "maximize", "--sampler", "random")[1]
    refused(*options, "--direction", "down", says="unknown direction 'down': choose from maximize, minimize")
    refused("search", "--space", "nasbench201", "--data", "digits", "--direction", "minimize", "--budget", "3",
            says="--direction.* belong to --table")  # fmt: skip


@pytest.mark.parametrize(
    ("column", "less"),
    [
        ("val_loss", True),
        ("testError", True),
        ("cifar10_edgegpu_latency", True),
        ("valid_neg_loss", False),
        ("val_acc", False),
        ("glossary", False),
        ("cifar10_val_12", False),
    ],
)
def test_what_sounds_minimised(column: str, less: bool) -> None:
    assert sounds_minimised(column) == less


def test_what_a_sampler_needs_is_said(table: Path) -> None:
    on_table = ["search", "--table", str(table), "--column", "val_loss", "--direction", "minimize", "--budget", "3"]
    refused(*on_table, "--metrics", "snip", "--sampler", "rea", says="'rea' needs to know .*: name the space")
    refused(
        *on_table, "--sampler", "az_nas", says="no metric column 'az_expressivity': choose --metrics from snip, zen"
    )
    refused(*on_table, "--sampler", "single:synflow", says="no metric column 'synflow'")
    refused(*on_table, "--metrics", "snip", "--sampler", "single:zen", says="'single:zen' needs the metric 'zen'")
    refused(*on_table, "--sampler", "single", says="write single:METRIC")
    named, _ = ran(*on_table, "--space", "nasbench201", "--metrics", "snip", "--sampler", "rea", "--json")
    assert json.loads(named)["sampler"] == "rea"
    zen, _ = ran(*on_table, "--sampler", "single:zen", "--json")
    assert json.loads(zen)["metrics"] == ["zen"]


def test_analyse(table: Path) -> None:
    options = ["analyse", "--table", str(table), "--column", "val_loss", "--metrics", "snip,zen", "--budget", "10"]
    document = json.loads(ran(*options, "--direction", "minimize", "--seeds", "2", "--json")[0])
    assert (document["pool"], document["budget"], document["objective"]["direction"]) == (60, 10, "minimize")
    snip, zen = document["metrics"]
    assert (snip["name"], snip["spearman"], snip["precision"], snip["best"]) == ("snip", pytest.approx(1), 1, 1)
    assert abs(zen["spearman"]) < 0.5
    assert [run["seed"] for run in document["robot"]] == [0, 1]
    for run in document["robot"]:
        assert run["pick_rank"] <= run["guaranteed"]
    shown, err = ran(*options, "--seeds", "1")
    assert "warning: 'val_loss' sounds like less is better" in err
    assert "precision @ T" in shown
    assert "guaranteed" in shown
    assert "guaranteed" not in ran(*options, "--seeds", "0")[0]
    refused(*options[:-1], "99", "--direction", "minimize", says="budget 99: give 1 to 60")
    refused(*options, "--direction", "minimize", "--seeds=-1", says="-1 seeds: give 0 or more")
    refused("analyse", says="give either a benchmark .* or --table")
    refused("analyse", "--table", str(table), says="--table needs --column")
    refused("analyse", "nasbench201", "--column", "x", says="belong to --table, or to --all-metrics")
    refused("analyse", "nasbench201", "--direction", "minimize", says="--direction belongs to --table")
    refused(
        "analyse", "nasbench201", "--data-dir", str(table.parent), says="'nasbench201' is 5 benchmarks: choose from"
    )


def test_analyse_all_metrics(table: Path) -> None:
    options = ["analyse", "--table", str(table), "--column", "val_loss", "--metrics", "snip,zen", "--budget", "10"]
    options += ["--direction", "minimize", "--all-metrics", "--resamples", "20"]
    document = json.loads(ran(*options, "--labels", "20", "--draws", "2", "--json")[0])
    assert (document["pool"], document["budget"], document["resamples"]) == (60, 10, 20)
    snip, zen, *aggregates = document["rankings"]
    assert [row["name"] for row in (snip, zen, *aggregates)] == ["snip", "zen", "rank_average", "rank_product"]
    assert snip["kendall"] == pytest.approx({"value": 1, "low": 1, "high": 1})
    assert zen["kendall"]["low"] < zen["kendall"]["value"] < zen["kendall"]["high"] < 0.5
    assert snip["ndcg"] == {"value": None, "low": None, "high": None}  # a loss is no percentage
    assert snip["precision"]["value"] == 1
    assert document["labels"][0]["spearman"]["value"] > 0.5
    shown, _ = ran(*options, "--labels", "20", "--draws", "2")
    for words in ("nDCG @ 60", "Prec. @ 10", "1.000±.000", "20 labels, 2 draws"):
        assert words in shown
    bare = ["analyse", "--table", str(table), "--column", "snip"]
    refused(*bare, "--labels", "5", says="--labels 5 needs --all-metrics")
    refused(*bare, "--all-metrics", says="--all-metrics of --table needs --scores or --metrics")


def test_scores_of_a_benchmark_of_our_own(tmp_path: Path) -> None:
    """Scored beside the table, then analysed and searched by these scores."""
    cells = NASBench201().pool(12)
    pq.write_table(pa.table({"arch": cells, "acc": [50.0 + i for i in range(12)]}), tmp_path / "table.parquet")
    (tmp_path / "mine.py").write_text(
        "from untrained import Benchmark, NASBench201\n"
        "SPACE = NASBench201(N=1, C=4, in_channels=1)\n"
        "MINE = Benchmark('mine', 'digits', 'acc', 'table.parquet', 'none.parquet', SPACE)"
    )
    mine, folder = f"{tmp_path / 'mine.py'}:MINE", ["--data-dir", str(tmp_path)]
    scoring = ["data", "score", mine, *folder, "--data", "digits", "--batch-size", "8", "--workers", "1"]
    _, told = ran(*scoring, "--metrics", "layers,params")
    scores = tmp_path / "mine_digits_scores.parquet"
    assert f"12 architectures x 2 metrics in {scores}, 0 scores failed" in told
    by_scores = [mine, *folder, "--scores", str(scores)]
    document = json.loads(ran("analyse", *by_scores, "--all-metrics", "--resamples", "0", "--budget", "3", "--json")[0])
    assert [row["name"] for row in document["rankings"]] == ["layers", "params", "rank_average", "rank_product"]
    bench = ["bench", *by_scores, "--samplers", "single:params", "--seeds", "1", "--budget", "2", "--workers", "1"]
    assert json.loads(ran(*bench, "--metrics", "params", "--json")[0])["rows"]
    refused(*bench, says="--scores needs --metrics or --extra-metrics")
    refused("data", "score", "nasbench201", *scoring[3:], "--metrics", "layers", says="is several tables")


def test_analyse_a_benchmark(shared_data: Path) -> None:
    """Precision @ T of synflow and the best of its first 20, from the raw columns."""
    name = "nasbench201/cifar10/cifar10_val_12"
    out, _ = ran("analyse", name, "--data-dir", str(shared_data), "--seeds", "0", "--json")
    document = json.loads(out)
    assert (document["pool"], document["budget"], document["robot"]) == (9445, 20, [])
    accuracy = pq.read_table(shared_data / "nasbench201_accuracy.parquet", columns=["arch", "cifar10_val_12"])
    value = dict(zip(*(column.to_pylist() for column in accuracy.columns), strict=True))
    metrics = pq.read_table(shared_data / "nasbench201_metrics_cifar10.parquet", columns=["arch", "synflow"])
    synflow = dict(zip(*(column.to_pylist() for column in metrics.columns), strict=True))
    top = sorted(synflow, key=lambda arch: -synflow[arch])[:20]
    ranks = [1 + sum(value[other] > value[arch] for other in synflow) for arch in top]
    found = {metric["name"]: metric for metric in document["metrics"]}["synflow"]
    assert found["precision"] == pytest.approx(sum(rank <= 20 for rank in ranks) / 20)
    assert (found["first"], found["best"]) == (ranks[0], min(ranks))

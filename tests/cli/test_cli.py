"""The command line, run as a user runs it."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

import untrained
from command_line import in_a_process, refused, untrained_cli
from documented import printed_by, python_blocks
from untrained.cli import app
from untrained.cli.lists import metrics as list_metrics
from untrained.metrics import METRICS
from untrained.probe import Probe
from untrained.scores import ScoreTable
from untrained.spaces import NASBench201

README = Path(__file__).parents[2] / "README.md"
SMALL = ["--space", "nasbench201", "--space-options", "N=1,C=4", "--data", "digits"]
SEARCH = [
    "search",
    *SMALL,
    "--pool",
    "12",
    "--budget",
    "3",
    "--epochs",
    "1",
    "--metrics",
    "snip,naswot",
    "--workers",
    "1",
]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Forty cells with two metrics, an accuracy that the first metric tells, and a test figure."""
    archs = NASBench201().pool(40)
    rng = np.random.default_rng(0)
    snip = rng.normal(size=40)
    columns = {"arch": archs, "snip": snip, "zen": rng.normal(size=40), "val": snip + 0.1, "test": snip * 2}
    pq.write_table(pa.table(columns), tmp_path / "table.parquet")
    return tmp_path / "table.parquet"


def test_search_on_real_data_show_and_resume(tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = untrained_cli(*SEARCH, "--out", str(out))
    assert first.returncode == 0, first.stderr
    for word in (
        "valid_accuracy",
        "test_accuracy",
        "parameters",
        "FLOPs",
        "explore",
        "snip",
        "naswot",
        "3 of 3 queries",
    ):
        assert word in first.stdout
    shown = untrained_cli("show", str(out))
    assert shown.stdout == first.stdout
    again = untrained_cli(*SEARCH, "--out", str(out), "--json")
    document = json.loads(again.stdout)
    assert document["queries"] == json.loads(untrained_cli("show", str(out), "--json").stdout)["queries"]
    assert len(document["queries"]) == 3
    more = untrained_cli("resume", str(out), "--budget", "4", "--json", cwd=tmp_path)
    assert more.returncode == 0, more.stderr
    assert json.loads(more.stdout)["queries"][:3] == document["queries"]
    other = untrained_cli(*SEARCH, "--out", str(out), "--seed", "1", "--sampler", "random", "--json")
    assert other.returncode == 0, other.stderr
    assert "are of seed 0 and stay" in other.stderr
    known = {query["architecture"]: query["value"] for query in document["queries"]}
    for query in json.loads(other.stdout)["queries"]:  # trained in the same way, so it need not be trained again
        assert known.get(query["architecture"], query["value"]) == query["value"]
    # Whole: the name is what --study takes.
    assert re.search(
        r"Also in .*\n  nasbench201-digits-mixture-seed0-\w{6} .4 queries, best", untrained_cli("show", str(out)).stdout
    )
    refused(*SEARCH, "--out", str(out), "--space-options", "N=1,C=8", says="another search .space_options: C 4, not 8")


def test_search_on_a_table(table: Path) -> None:
    options = ["--table", str(table), "--column", "val", "--report-column", "test", "--metrics", "snip,zen", "--json"]
    done = untrained_cli("search", *options, "--budget", "8", "--seed", "3")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert {"best", "queries", "sampler", "seed", "seconds"} <= set(document)
    rows = {row["arch"]: row for row in pq.read_table(table).to_pylist()}
    best = document["best"]
    assert best["value"] == rows[best["architecture"]]["val"]
    assert best["reported"] == {"test": rows[best["architecture"]]["test"]}
    assert best["rank"] == 1 + sum(row["val"] > best["value"] for row in rows.values())
    assert len(document["queries"]) == 8
    for query in document["queries"]:
        assert set(query) >= {"architecture", "value", "phase", "weights", "seconds"}
        assert query["value"] == rows[query["architecture"]]["val"]
    assert (document["sampler"], document["seed"]) == ("mixture", 3)
    queried = [query["architecture"] for query in document["queries"]]
    for space in ([], ["--space", "nasbench201"]):
        again = untrained_cli("search", *options, "--budget", "8", "--seed", "3", *space)
        found = [query["architecture"] for query in json.loads(again.stdout)["queries"]]
        assert len(found) == 8
        assert space or found == queried  # the mixture goes by the decisions, which the space knows


def test_a_table_search_resumes_and_tells_tables_apart(table: Path, tmp_path: Path) -> None:
    options = ["--column", "val", "--metrics", "snip,zen", "--out", str(tmp_path / "o? a%20 #1"), "--json"]
    for sampler in ("robot", "random"):
        at = [*options, "--sampler", sampler]
        at[5] += sampler
        first = json.loads(untrained_cli("search", "--table", str(table), *at, "--budget", "3").stdout)
        more = json.loads(untrained_cli("search", "--table", str(table), *at, "--budget", "5").stdout)
        assert more["queries"][:3] == first["queries"]
        assert len(more["queries"]) == 5
        assert more["seconds"] > first["seconds"]
        assert (Path(at[5]) / "study.db").is_file()
    other = tmp_path / "other" / "table.parquet"
    other.parent.mkdir()
    rows = pq.read_table(table)
    values = pa.array(100 - rows["val"].to_numpy())
    pq.write_table(rows.set_column(rows.column_names.index("val"), "val", values), other)
    refused("search", "--table", str(other), *at, "--budget", "6", says="another search .objective: content")


def test_the_pool_is_what_stands_in_both_tables(table: Path, tmp_path: Path) -> None:
    accuracy = tmp_path / "accuracy.parquet"
    pq.write_table(pq.read_table(table).slice(30).select(["arch", "val"]), accuracy)
    options = ["search", "--table", str(accuracy), "--column", "val", "--scores", str(table), "--metrics", "snip"]
    done = untrained_cli(*options, "--budget", "2")
    assert done.returncode == 0, done.stderr
    assert "pool: 10 architectures" in done.stderr
    refused(*options, "--budget", "11", says="budget 11 is above the pool's 10")
    pq.write_table(pa.table({"arch": ["other"], "val": [1.0]}), accuracy)
    refused(*options, "--budget", "1", says="no architecture in common")


def test_score(tmp_path: Path) -> None:
    archs = NASBench201().pool(3)
    (tmp_path / "archs.txt").write_text("\n".join(archs) + "\n\n")
    options = ["score", *SMALL, "--batch-size", "16", "--metrics", "snip,nwot,flops", "--workers", "1"]
    done = untrained_cli(*options, "--archs", "archs.txt", "--out", "scores.parquet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    scores = ScoreTable.load(tmp_path / "scores.parquet")
    assert scores.archs == tuple(archs)
    assert scores.metrics == ("snip", "nwot", "flops")
    assert scores.provenance["batch_shape"] == [16, 1, 8, 8]
    refused(*options, "--out", "x.parquet", "--archs", "none.txt", says="no file 'none.txt'", cwd=tmp_path)
    (tmp_path / "bad.txt").write_text("|nor_conv_9x9~0|+|none~0|none~1|+|none~0|none~1|none~2|\n")
    refused(*options, "--out", "x.parquet", "--archs", "bad.txt", says="unknown operation 'nor_conv_9x9'", cwd=tmp_path)
    assert not (tmp_path / "x.parquet").exists()


def test_metrics_of_ones_own_and_how_they_are_run(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from untrained import metric\n"
        "def layers(probe, times: int = 1):\n"
        "    return len(probe.layers) * times\n"
        "@metric('pair', paper='none', needs=('second batch',))\n"
        "def pair(probe):\n"
        "    both = {row.numpy().tobytes() for x in (probe.inputs, probe.second[0]) for row in x}\n"
        "    return len(both) + len(probe.layers)\n"
    )
    metrics = ["--metrics", "snip,mine.py:layers(times=2),mine.py:pair,layers.py:x"]
    score = ["score", *SMALL, "--pool", "3", "--batch-size", "16", "--workers", "1"]
    refused(*score, *metrics, "--out", "s.parquet", says="metric 'layers.py:x': no file", cwd=tmp_path)
    metrics[1] = metrics[1].rpartition(",")[0]
    how = ["--precision", "float64", "--device", "cpu", "--strict"]
    done = untrained_cli(*score, *metrics, *how, "--out", "s.parquet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    scores = ScoreTable.load(tmp_path / "s.parquet")
    assert scores.metrics == ("snip", "layers(times=2)", "pair")
    assert (scores.values[:, 2] == 32 + scores.values[:, 1] / 2).all()  # no image stands in both batches
    assert (scores.provenance["precision"], scores.provenance["strict"]) == ("float64", True)
    assert set(scores.provenance["sources"]) == {"layers(times=2)", "pair"}
    to = ["--out", "t.parquet"]
    refused(*score, *metrics, *to, "--precision", "half", says="unknown precision 'half'", cwd=tmp_path)
    refused(*score, *to, "--device", "abacus", says="device 'abacus' cannot be used", cwd=tmp_path)

    search = [*SEARCH[:-4], "--workers", "1", "--pool", "4", "--batch-size", "8", "--out", "run", "--json"]
    done = untrained_cli(*search, *metrics, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["queries"][0]["weights"]) == {"snip", "layers(times=2)", "pair"}
    metrics[1] = metrics[1].replace("times=2", "times=3")  # another study, on scores that gain a column
    done = untrained_cli(*search, *metrics, cwd=tmp_path)
    assert set(json.loads(done.stdout)["queries"][0]["weights"]) == {"snip", "layers(times=3)", "pair"}
    assert ScoreTable.load(tmp_path / "run" / "scores.parquet").metrics[-1] == "layers(times=3)"


def test_metrics_that_tell_nothing_are_said(table: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def same(probe): return 1\ndef never(probe): raise ValueError('no luck')\n")
    options = ["--metrics", "params,mine.py:same,mine.py:never", "--pool", "9", "--workers", "1", "--out", "s.parquet"]
    done = untrained_cli("score", *SMALL, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "warning: metric 'same' is 1 for all of the 9 architectures: it cannot tell them apart\n" in done.stderr
    assert "warning: metric 'never' has no score for any of the 9 architectures (ValueError: no luck)" in done.stderr

    rows = pq.read_table(table)
    rows = rows.append_column("same", pa.array([2.0] * 40)).append_column("empty", pa.nulls(40, pa.float64()))
    pq.write_table(rows, table)
    on_table = ["search", "--table", str(table), "--column", "val", "--budget", "2", "--metrics"]
    done = untrained_cli(*on_table, "snip,same")
    assert done.returncode == 0, done.stderr
    assert "warning: metric 'same' is 2 for all of the 40 architectures: it cannot tell them apart\n" in done.stderr
    refused(*on_table, "snip,empty", says="'empty' has no score for any of the 40 architectures .*: leave it out")


@pytest.mark.parametrize("columns", [80, 160])
def test_the_list_of_metrics_fits(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for m in METRICS.values():
        assert m.summary
        assert m.paper
    text = io.StringIO()
    monkeypatch.setattr("untrained.cli.lists.stdout", lambda: Console(file=text, width=columns))
    list_metrics()
    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= columns
    assert [line.split()[0] for line in lines[1:] if line[0] != " "] == list(METRICS)
    words = " ".join(text.getvalue().split())
    assert "higher is better; several passes; needs labels, loss gradient, Hessian Wang, Zhang & Grosse" in words


def test_lists_and_version() -> None:
    metrics = untrained_cli("metrics")
    assert all(re.search(rf"^{name}\b", metrics.stdout, re.MULTILINE) for name in METRICS)
    assert "nasbench201" in untrained_cli("spaces").stdout
    assert untrained_cli("--version").stdout == f"untrained {untrained.__version__}\n"
    bare = untrained_cli()
    assert bare.returncode == 0
    assert "search" in bare.stdout
    for command in ("search", "score", "show"):
        assert f"untrained {command}" in untrained_cli(command, "--help").stdout.split("Example", 1)[1]


def test_a_space_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "my_space.py").write_text(
        "from dataclasses import dataclass\n"
        "from optuna.distributions import IntDistribution\n"
        "from torch import nn\n"
        "from untrained import SearchSpace\n"
        "@dataclass(frozen=True)\n"
        "class Widths(SearchSpace):\n"
        "    num_classes: int = 10\n"
        "    @property\n"
        "    def distributions(self):\n"
        "        return {'a': IntDistribution(4, 8), 'b': IntDistribution(4, 8)}\n"
        "    def build(self, arch):\n"
        "        p = self.to_params(arch)\n"
        "        return nn.Sequential(nn.Flatten(), nn.Linear(64, p['a']), nn.ReLU(), nn.Linear(p['a'], p['b']),\n"
        "                             nn.ReLU(), nn.Linear(p['b'], self.num_classes))\n"
    )
    options = ["--data", "digits", "--budget", "2", "--epochs", "1", "--metrics", "snip", "--json"]
    done = in_a_process("search", "--space", "my_space:Widths", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"a=\d,b=\d", json.loads(done.stdout)["best"]["architecture"])
    assert json.loads(done.stdout)["pool"] == 25  # all of it: it is smaller than the usual pool


def test_bad_input_of_search(table: Path, tmp_path: Path) -> None:
    on_table = ["search", "--table", str(table), "--column", "val", "--metrics", "snip"]
    refused("search", "--budget", "3", says="either --data .* or --table")
    refused("search", "--data", "digits", "--budget", "3", says="--data needs --space")
    refused("search", *SMALL[2:], "--space", "darts9", "--budget", "3", says="unknown space 'darts9'")
    refused("search", *SMALL, "--budget", "three", says="'three'")
    refused("search", *SMALL, "--budget", "0", says="budget 0: give at least 1")
    refused("search", *SMALL, "--budget", "5", "--pool", "4", says="budget 5 is above the pool's 4")
    refused("search", *SMALL, "--budget", "5", "--pool", "9999", says="5425 distinct")
    refused("search", *SMALL, "--budget", "3", "--metrics", "snip,snap", says="unknown metric 'snap'")
    refused("search", *SMALL, "--budget", "3", "--sampler", "magic", "--pool", "4", says="unknown sampler 'magic'")
    refused("search", *SMALL, "--budget", "3", "--column", "val", says="belong to --table")
    refused("search", "--table", str(table), "--budget", "3", says="--table needs --column")
    refused(*on_table, "--budget", "41", says="budget 41 is above the pool's 40")
    refused(
        "search", "--table", str(table), "--column", "acc", "--budget", "3", says="no column 'acc': it has arch, snip"
    )
    refused(*on_table[:-1], "fisher", "--budget", "3", says="no metric column 'fisher'")
    refused(*on_table[:5], "--budget", "3", says="no metric column 'grad_norm': choose --metrics from snip, zen$")
    refused(*on_table[:-1], "snip,snip", "--budget", "3", says="metric 'snip' is given twice")
    refused(*on_table[:-1], "snip,val", "--budget", "3", says="'val' is what the search is for")
    refused(*on_table, "--budget", "3", "--pool", "9", says="--pool belongs to --data, not to --table")
    for option, value in (
        ("--learning-rate", "nan"),
        ("--threads", "-4"),
        ("--device", "quantum"),
        ("--batch-size", "0"),
    ):
        refused(*on_table, "--budget", "3", option, value, says=f"{option} belongs to --data")
    refused(*on_table, "--budget", "3", "--strict", says="--strict belongs to --data")
    refused(*on_table, "--budget", "3", "--direction", "", says="direction ''")
    same = str(table.parent / "." / ".." / table.parent.name / table.name)
    for command in ("search", "analyse"):
        one = [command, *on_table[1:5], "--scores", same, "--metrics", "snip,val", "--budget", "3"]
        refused(*one, says="'val' is what the search is for")
    refused(*on_table[:3], "--column", "arch", *on_table[5:], "--budget", "3", says="'arch' names the architectures")
    refused("search", *SMALL, "--budget", "three", says="give a valid integer, not 'three'")
    refused("search", *SMALL, "--budget", "3", "--epochs", "0", says="epochs 0: give a whole number")
    refused("search", *SMALL, "--budget", "3", "--learning-rate", "inf", says="learning_rate inf: give a finite number")
    fewer = [*SMALL[:2], "--space-options", "N=1,C=4,num_classes=2", *SMALL[4:]]
    refused("search", *fewer, "--budget", "3", says="num_classes=2: digits has 10 classes")
    fewer[3] = "N=1,C=4,in_channels=3"
    refused("search", *fewer, "--budget", "3", says="in_channels=3: the images of digits have 1")
    refused("search", *SMALL, "--budget", "3", "--metrics", "fisher(", says="write options as name")
    (tmp_path / "script.py").write_text("import sys\n\nsys.exit(0)\n")
    script = str(tmp_path / "script.py")
    refused("search", *SMALL, "--budget", "3", "--metrics", f"{script}:f", says="cannot be imported: SystemExit")
    refused(*on_table, "--budget", "3", "--seed", "-1", says="seed -1: give a whole number")
    refused("search", *SMALL, "--budget", "3", "--seed", "-1", says="seed -1")
    refused("search", *SMALL, "--budget", "3", "--pool", "0", says="pool of 0")
    refused("search", *SMALL, "--budget", "3", "--device", "abacus", says="device 'abacus' cannot be used")
    refused("search", *SMALL[4:], "--space", "untrained:SearchSpace", "--budget", "1", says="SearchSpace")
    refused("search", *SMALL[4:], "--space", ":X", "--budget", "1", says="':X' cannot be imported")
    refused("search", *SMALL[:2], *SMALL[4:], "--space-options", "N=--5", "--budget", "1", says="N='--5'")
    refused("search", "--table", str(tmp_path / "x.parquet"), "--column", "v", "--budget", "3", says="no file")
    refused(*on_table, "--budget", "3", "--storage", "sqlite:////no/folder/s.db", says="cannot be used")
    (tmp_path / "file").write_text("")
    refused(*on_table, "--budget", "3", "--out", str(tmp_path / "file"), says="cannot make the folder")
    refused("show", str(tmp_path), says="no search in")
    refused("score", *SMALL, "--pool", "2", says="Missing option '--out'")
    refused("frobnicate", says="No such command 'frobnicate'")
    values = pa.array([float("inf"), *range(39)], pa.float64())
    pq.write_table(pq.read_table(table).append_column("inf", values), table)
    refused(
        "search", "--table", str(table), "--column", "inf", "--metrics", "snip", "--budget", "3", says="inf is inf for"
    )


def test_no_metric_works_on_the_batch(tmp_path: Path) -> None:
    x = np.zeros((40, 1, 1), dtype=np.float32)  # every image alike: no two samples differ
    np.savez(tmp_path / "flat.npz", x=x, y=np.arange(40) % 2)
    options = [
        "--space",
        "nasbench201",
        "--data",
        str(tmp_path / "flat.npz"),
        "--metrics",
        "naswot",
        "--batch-size",
        "8",
    ]
    refused(
        "score",
        *options,
        "--pool",
        "3",
        "--out",
        "s.parquet",
        says="no metric has a score on any of 3 networks",
        cwd=tmp_path,
    )
    assert not (tmp_path / "s.parquet").exists()


def test_every_command_and_option_is_documented() -> None:
    pages = (README, *sorted((README.parent / "docs").rglob("*.md")))
    text = "\n".join(page.read_text() for page in pages)
    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    assert {"search", "score", "show", "metrics", "spaces"} <= set(names)
    for name in names:
        assert f"untrained {name}" in text, f"README and docs say nothing of untrained {name}"
        for option in re.findall(r"--[a-z-]+", untrained_cli(name, "--help").stdout):
            if option not in ("--help", "--no-augment"):
                assert option in text, f"README and docs say nothing of {option} of untrained {name}"
    assert "untrained --version" in text


def test_the_probe_has_what_the_docs_say_it_gives() -> None:
    text = (README.parent / "docs/guides/own_metric.md").read_text()
    table = text.partition("## What the probe gives")[2].partition("\n\n")[2].partition("\n\n")[0]
    names = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)[`(]", row.split("|")[1])]
    assert len(names) > 8
    space = NASBench201(N=1, C=4, in_channels=1)
    probe = Probe(space.build(space.pool(1)[0]), *untrained.load_data("digits").batch(4))
    assert [name for name in names if not hasattr(probe, name)] == []


def test_the_documented_metric_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, *others = python_blocks("docs/guides/own_metric.md")
    (tmp_path / "my_metrics.py").write_text(first)
    printed = [printed_by(block) for block in others]
    text = (README.parent / "docs/guides/own_metric.md").read_text()
    assert printed[0].strip() == re.findall(r"print\(scores.metrics\)  # (.*)", text)[0]
    (shown,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    assert [line[:32] for line in printed[1].splitlines()] == [line[:32] for line in shown.splitlines()]


def test_a_time_limit_leaves_an_unfinished_search(table: Path, tmp_path: Path) -> None:
    options = ["search", "--table", str(table), "--column", "val", "--metrics", "snip", "--budget", "5"]
    done = untrained_cli(*options, "--time-limit", "0.000001s", "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert "1 of 5 queries" in done.stdout
    assert "unfinished" in done.stdout
    assert "5 of 5 queries" in untrained_cli(*options, "--out", str(tmp_path / "run")).stdout
    refused(*options, "--timeout", "soon", says="time of 'soon'.*30min")


def test_that_nothing_is_kept_is_said(table: Path) -> None:
    options = ["search", "--table", str(table), "--column", "val", "--metrics", "snip", "--budget", "2"]
    assert "nothing of this search is kept" in untrained_cli(*options).stderr

"""`untrained search --tune`, and what goes on from it."""

import json
import random
from pathlib import Path

import pytest

from command_line import refused, untrained_cli

SEARCH = ("search", "--space", "mlp", "--data", "rows.csv", "--target", "kind", "--pool", "6", "--epochs", "1")
TUNE = "lr=1e-3..1e-1 log, batch_size=8|16"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a table of 80 rows."""
    rng = random.Random(0)
    rows = [(rng.gauss(0, 1), rng.gauss(0, 1)) for _ in range(80)]
    (tmp_path / "rows.csv").write_text("a,b,kind\n" + "".join(f"{a},{b},{'xy'[a + b > 0]}\n" for a, b in rows))
    return tmp_path


def test_the_way_of_a_search_that_tunes(home: Path) -> None:
    options = ("--tune", TUNE, "--metrics", "params", "--budget", "3", "--out", "run")
    done = untrained_cli(*SEARCH, *options, cwd=home)
    assert done.returncode == 0, done.stderr
    header = done.stdout.splitlines()[1].split()
    assert header == ["#", "phase", "value", "seconds", "learning_rate", "batch_size", "architecture"]

    more = untrained_cli("resume", "run", "--budget", "4", "--json", cwd=home)
    assert more.returncode == 0, more.stderr
    summary = json.loads(more.stdout)
    assert [query["hyperparameters"].keys() for query in summary["queries"]] == [{"learning_rate", "batch_size"}] * 4
    assert all(1e-3 <= query["hyperparameters"]["learning_rate"] <= 1e-1 for query in summary["queries"])
    shown = " ".join(untrained_cli("show", "run", cwd=home).stdout.split())
    assert f"batch_size {summary['best']['hyperparameters']['batch_size']} valid_accuracy" in shown

    again = untrained_cli("train", "run", "--top", "1", "--seeds", "1", "--json", cwd=home)
    assert again.returncode == 0, again.stderr
    document = json.loads(again.stdout)
    own = summary["best"]["hyperparameters"]
    assert {name: document["recipe"][name] for name in own} == own
    assert document["luck"]["amount"] is not None
    given = untrained_cli("train", "run", "--top", "1", "--seeds", "1", "--batch-size", "4", "--json", cwd=home)
    document = json.loads(given.stdout)
    assert document["architectures"][0]["hyperparameters"] == {"learning_rate": own["learning_rate"]}
    assert document["recipe"]["batch_size"] == 4


@pytest.mark.parametrize(
    ("tune", "says"),
    [
        ("learning_rte=0.1..1", "did you mean 'learning_rate'"),
        ("lr=0.1..0.01", "lower bound first"),
        ("augment=none|cutout", "augment"),
        ("width=8|16", "unknown|choose from"),
    ],
)
def test_bad_tuning_leaves_nothing_behind(home: Path, tune: str, says: str) -> None:
    refused(*SEARCH, "--tune", tune, "--out", "run", cwd=home, says=says)
    assert not (home / "run").exists()


def test_tables_have_nothing_to_tune(home: Path) -> None:
    refused("search", "--table", "t.csv", "--column", "v", "--tune", TUNE, cwd=home, says="--tune belongs to --data")

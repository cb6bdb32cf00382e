"""`untrained search --scores`: the pool and its scores are a file, which may be too large for memory."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command_line import refused, untrained_cli
from untrained import ScoreTable
from untrained.cli import scored
from untrained.samplers import mixture, shortlist

N = 400
ARCHS = tuple(f"a{k:03}" for k in range(N))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    values = rng.lognormal(size=(N, 3))
    values[0] = np.nan  # what comes first is no sign of what follows
    table = ScoreTable(ARCHS, ("m0", "m1", "m2"), values, provenance={"seed": 0})
    table.save(tmp_path / "pool.parquet")
    rows = [f"{arch},{value}" for arch, value in zip(ARCHS, np.nan_to_num(values).sum(1), strict=True)]
    (tmp_path / "truth.csv").write_text("arch,v\n" + "\n".join(rows))
    return tmp_path


SEARCH = ("search", "--table", "truth.csv", "--column", "v", "--scores", "pool.parquet", "--direction", "maximize")


def searched(folder: Path, *options: str) -> tuple[dict[str, Any], str]:
    done = untrained_cli(*SEARCH, "--budget", "6", "--json", *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_a_shortlist_is_the_pool_and_one_line_says_so(files: Path) -> None:
    found, told = searched(files, "--shortlist", "40", "--seed", "3", "--metrics", "m0,m2")
    assert told.count("of 400 architectures in pool.parquet these 40 are candidates") == 1
    kept = shortlist(files / "pool.parquet", ["m0", "m2"], seed=3, most=40)
    assert found["pool"] == 40
    assert found["best"]["architecture"] in kept.archs


def test_a_large_file_is_read_so_by_itself_if_the_sampler_looks_at_some_only(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scored, "LARGE", N)
    monkeypatch.setattr(mixture, "CANDIDATES", 40)
    assert searched(files)[0]["pool"] == 40
    for options in (("--shortlist", "0"), ("--sampler", "robot")):
        found, told = searched(files, *options)
        assert found["pool"] == N
        assert "candidates" not in told


def test_limits_may_stand_in_its_columns(files: Path) -> None:
    found, _ = searched(files, "--shortlist", "40", "--metrics", "m0,m1", "--where", "m2 <= 1")
    row = ScoreTable.load(files / "pool.parquet")
    kept = row.select(shortlist(files / "pool.parquet", ["m0", "m1"], most=40).archs)
    assert found["pool"] == (kept.values[:, 2] <= 1).sum() < 40
    assert row.values[row.index[found["best"]["architecture"]], 2] <= 1


def test_trainings_take_it_as_their_pool(tmp_path: Path) -> None:
    archs = tuple(f"|{op}~0|+|none~0|none~1|+|{op}~0|none~1|skip_connect~2|" for op in ("nor_conv_1x1", "nor_conv_3x3"))
    ScoreTable(archs, ("mine",), np.array([[1.0], [2.0]]), provenance={"seed": 0}).save(tmp_path / "pool.parquet")
    trained = ("search", "--space", "nasbench201", "--space-options", "N=1,C=2", "--data", "digits", "--epochs", "1")
    done = untrained_cli(
        *trained, "--subset", "100", "--scores", "pool.parquet", "--budget", "2", "--json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["pool"] == 2
    assert found["best"]["architecture"] in archs


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--shortlist", "-1"), "--shortlist -1: give how many"),
        (("--metrics", "m3"), "no metric column 'm3'"),
    ],
)
def test_what_cannot_be_is_one_line(given: tuple[str, ...], message: str, files: Path) -> None:
    refused(*SEARCH, *given, says=message, cwd=files)


def test_a_pool_beside_it_is_one_line(files: Path) -> None:
    trained = ("search", "--space", "nasbench201", "--data", "digits", "--scores", "pool.parquet")
    refused(*trained, "--pool", "3", says="--pool is for scoring a pool", cwd=files)
    refused(*trained[:-2], "--shortlist", "3", says="give the file that it is taken of", cwd=files)
    refused(*SEARCH[:-4], "--scores", "truth.csv", "--metrics", "v", "--shortlist", "3", says="v", cwd=files)

"""`untrained train`: the best of a search again, then shown and used for predictions."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from command_line import refused, untrained_cli
from untrained import load_data, load_network

CELLS = """|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|
|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"""
SEARCH = "search --space nasbench201 --space-options N=1,C=2 --data digits --archs cells.txt --budget 2 --epochs 1"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a search in `run`, made there."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "cells.txt").write_text(CELLS)
    options = ("--metrics", "params", "--sampler", "random", "--out", "run", "--json")
    done = untrained_cli(*SEARCH.split(), *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_way_home(home: Path) -> None:
    done = untrained_cli("train", "run", "--top", "2", "--seeds", "2", cwd=home)
    assert done.returncode == 0, done.stderr
    assert "training 4 of 4, seed 2" in done.stderr
    text = " ".join(done.stdout.split())
    assert "Trained again: 1 epoch on train, 2 seeds each" in text
    assert "The search's pick, the best of 2, was " in text
    assert "in 2 fresh trainings by the same recipe" in text

    shown = untrained_cli("show", "run", cwd=home)
    assert "Trained again: 1 epoch" in shown.stdout
    document = json.loads(untrained_cli("show", "run", "--json", cwd=home).stdout)
    assert document["trained"]["network"]["chosen_by"] == "mean valid accuracy"

    data = load_data("digits")
    pixels = data.pixels(data.splits["test"][:3])
    np.save(home / "new.npy", pixels.numpy())
    for which, source in (
        (None, "untrained train, seed"),
        ("best", "the search"),
        ("trained", "untrained train, seed"),
    ):
        options = () if which is None else ("--which", which)
        predicted = untrained_cli("predict", "run", "new.npy", "--json", *options, cwd=home)
        found = json.loads(predicted.stdout)
        assert found["source"].startswith(source)
        wanted = load_network(home / "run", which=which).predict(pixels).max(1).values
        assert [one["probability"] for one in found["predictions"]] == pytest.approx(wanted.tolist())


def test_other_options_train_beside_what_is_there(home: Path) -> None:
    run = shutil.copytree(home / "run", home / "other")
    options = ("--top", "1", "--seeds", "1", "--epochs", "2", "--on", "train+valid", "--json")
    done = untrained_cli("train", "other", *options, cwd=home)
    document = json.loads(done.stdout)
    assert (document["recipe"]["epochs"], document["on"]) == (2, "train+valid")
    assert document["architectures"][0]["valid"] == {}
    assert document["architectures"][0]["runs"][0]["test"]["accuracy"] > 0
    assert (run / document["network"]["weights"]).is_file()


def test_the_search_goes_on_afterwards(home: Path) -> None:
    untrained_cli("train", "run", "--top", "1", "--seeds", "1", cwd=home)
    done = untrained_cli("resume", "run", "--json", cwd=home)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["queries"]) == 2


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("gone",), "no search in 'gone'"),
        (("run", "--top", "0"), "top 0"),
        (("run", "--seeds", "0"), "seeds 0"),
        (("run", "--on", "test"), "on 'test'"),
        (("run", "--epochs", "0"), "epochs 0"),
        (("run", "--device", "abacus"), "abacus"),
    ],
)
def test_bad_input(home: Path, given: tuple[str, ...], says: str) -> None:
    refused("train", *given, says=says, cwd=home)


def test_searches_that_cannot_be_trained(home: Path) -> None:
    own = shutil.copytree(home / "run", home / "python")
    (own / "run.json").unlink()
    refused("train", "python", says=r"made from Python: call untrained\.refit\('python', \.\.\.\)", cwd=home)
    document = json.loads((home / "run" / "data.json").read_text())
    (own / "data.json").write_text(json.dumps(document | {"fingerprint": "another"}))
    shutil.copy(home / "run" / "run.json", own)
    refused("train", "python", says="digits is not the data that the search", cwd=home)
    run = json.loads((own / "run.json").read_text())
    (own / "run.json").write_text(json.dumps(run | {"folder": str(home / "moved")}))
    refused("train", "python", says="which is gone", cwd=home)

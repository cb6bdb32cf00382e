"""`untrained predict`: what is printed, what is written, and what is said of files that are broken."""

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from command_line import untrained_cli
from untrained import NASBench201, Recipe, Scoring, TrainingObjective, load_data, search

CELL = "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a search of one network in `run`, and test images in `new.npz`."""
    folder = tmp_path_factory.mktemp("home")
    space = NASBench201(N=1, C=4, in_channels=1)
    objective = TrainingObjective(space, "digits", Recipe(epochs=1))
    search(space, objective, budget=1, pool=[CELL], scores=Scoring(["params"]), out=folder / "run")
    data = load_data("digits")
    np.savez(folder / "new.npz", x=data.pixels(data.splits["test"][:5]).numpy())
    return folder


def test_a_pipe_gets_csv(home: Path) -> None:
    from untrained import load_network

    done = untrained_cli("predict", "run", "new.npz", "--top", "2", cwd=home)
    assert done.returncode == 0
    assert "the network of the search" in done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    with np.load(home / "new.npz") as arrays:
        wanted = load_network(home / "run").predict(arrays["x"])
    assert [row["prediction"] for row in rows] == [str(int(place)) for place in wanted.argmax(1)]
    assert [float(row["probability"]) for row in rows] == pytest.approx(wanted.max(1).values.tolist())
    assert list(rows[0]) == ["file", "row", "prediction", "probability", "prediction_2", "probability_2"]


def test_json_names_what_failed(home: Path) -> None:
    done = untrained_cli("predict", "run", "gone.npy", "new.npz", "--json", cwd=home)
    document = json.loads(done.stdout)
    assert (done.returncode, len(document["predictions"])) == (2, 5)
    assert document["failed"] == [{"file": "gone.npy", "reason": "no file 'gone.npy'"}]
    assert (document["architecture"], document["task"]) == (CELL, "classification")
    assert "error: no file 'gone.npy'" in done.stderr


def test_predictions_in_a_file(home: Path) -> None:
    done = untrained_cli("predict", "run", "new.npz", "--out", "p.npz", cwd=home)
    assert (done.returncode, done.stdout) == (0, "")
    with np.load(home / "p.npz") as arrays:
        torch.testing.assert_close(torch.from_numpy(arrays["predictions"].sum(1)), torch.ones(5))


def test_a_terminal_gets_a_table(home: Path) -> None:
    from rich.console import Console

    from untrained.report.predictions import print_predictions

    rows = [
        {"file": f"{n}.png", "prediction": "cat", "probability": 0.876, "prediction_2": "dog", "probability_2": 0.1}
        for n in range(300)
    ]
    stream = io.StringIO()
    print_predictions(Console(file=stream, width=100), "Predictions", rows)
    lines = stream.getvalue().splitlines()
    assert lines[1].split() == ["file", "prediction", "probability", "then"]
    assert lines[2].split() == ["0.png", "cat", "87.6", "%", "dog", "10.0", "%"]
    assert lines[-1] == "... and 100 more: --out FILE keeps all"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("gone", "new.npz"), "no finished search in 'gone'"),
        (("run", "new.npz", "--top", "0"), "--top 0"),
        (("run", "new.npz", "--out", "p.txt"), r"predictions go to \.csv"),
        (("run", "new.npz", "--which", "trained"), "untrained train run"),
        (("run", "*.jpg"), "no file fits"),
        (("run", "new.npz", "--batch-size", "0"), "batch_size 0"),
    ],
)
def test_bad_input(home: Path, given: tuple[str, ...], says: str) -> None:
    done = untrained_cli("predict", *given, cwd=home)
    assert (done.returncode, done.stdout) == (2, "")
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert re.search(says, last), last

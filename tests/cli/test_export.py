"""`untrained export`: each format from the folder of a search."""

import json
from pathlib import Path

import pytest
import torch

from command_line import refused, untrained_cli
from deploying.test_python import alone
from untrained import NASBench201, Recipe, Scoring, TrainingObjective, load_data, load_network, search

CELL = "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search of one network."""
    folder = tmp_path_factory.mktemp("home")
    space = NASBench201(N=1, C=4, in_channels=1)
    objective = TrainingObjective(space, "digits", Recipe(epochs=1))
    search(space, objective, budget=1, pool=[CELL], scores=Scoring(["params"]), out=folder / "run")
    return folder


def test_a_python_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = untrained_cli("export", "run", "--format", "python", "--out", "digits.py", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("digits.py and digits.pt: differs from the network by at most ")
    assert CELL in done.stderr
    data = load_data("digits")
    pixels = data.pixels(data.splits["test"][:9])
    module = alone(folder / "digits.py", monkeypatch)
    torch.testing.assert_close(module.predict(pixels), load_network(folder / "run").predict(pixels))
    assert CELL in (module.__doc__ or "")


@pytest.mark.parametrize("format", ["onnx", "torch-export", "state-dict"])
def test_other_formats_say_how_far_they_are_off(format: str, folder: Path) -> None:
    done = untrained_cli("export", "run", "--format", format, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["difference"] < 1e-5
    assert all((folder / file).is_file() for file in document["files"])


def test_bad_input(folder: Path, tmp_path: Path) -> None:
    refused("export", "run", "--format", "tflite", says="unknown format 'tflite'.*onnx", cwd=folder)
    refused("export", str(tmp_path), "--format", "onnx", says="no search|no finished search", cwd=folder)
    refused("export", "run", "--format", "onnx", "--image-size", "big", says="'big': give WIDTHxHEIGHT", cwd=folder)
    refused("export", "run", "--format", "onnx", "--which", "trained", says="untrained train", cwd=folder)

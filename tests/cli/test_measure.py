"""`untrained measure`: of the folder of a search, and of an architecture."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from command_line import refused, untrained_cli
from untrained import NASBench201, Recipe, Scoring, TrainingObjective, search
from untrained.measuring.timing import Timing

CELL = "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|"
SPACE = NASBench201(N=1, C=4, in_channels=1)


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    def timing(run: Callable[[], Any], own_core: bool) -> Timing:
        run()
        return Timing(2.0, 0.05, 11)

    monkeypatch.setattr("untrained.measuring.subject.timed", timing)


def test_the_pick_of_a_search(tmp_path: Path) -> None:
    objective = TrainingObjective(SPACE, "digits", Recipe(epochs=1))
    search(SPACE, objective, budget=1, pool=[CELL], scores=Scoring(["params"]), out=tmp_path / "run", isolate=False)
    done = untrained_cli("measure", "run", "--runtimes", "eager", "--batch", "2", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    best = json.loads((tmp_path / "run" / "best.json").read_text())["best"]
    assert (found["architecture"], found["batch"]) == (CELL, 2)
    assert {name: found[name] for name in ("params", "flops")} == {name: best[name] for name in ("params", "flops")}
    weights = (tmp_path / "run" / "best.safetensors").stat().st_size
    assert found["disk"] == pytest.approx(weights / 1e6, rel=0.02)  # whose header says more
    assert found["latency"]["eager"]["median"] == 2.0


def test_an_architecture_of_a_space() -> None:
    given = ("--space", "nasbench201", "--arch", "0", "--space-options", "N=1,C=4", "--runtimes", "eager")
    done = untrained_cli("measure", *given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Measured |")
    assert "eager     2 ms (spread 5 %, 11 passes)" in done.stdout
    with_data = json.loads(untrained_cli("measure", *given, "--data", "digits", "--json").stdout)
    # One channel in place of three, in the first convolution of 3 x 3 with 4 outputs.
    before = json.loads(untrained_cli("measure", *given, "--json").stdout)
    assert before["params"] - with_data["params"] == pytest.approx(2 * 9 * 4 / 1e6)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give the folder of a search, or --arch and --space"),
        (["run", "--arch", "0", "--space", "nasbench201"], "give the folder of a search, or --arch and --space"),
        (["--arch", "0"], "--arch '0': give its --space, too"),
        (["--arch", "0", "--space", "nasbench201", "--which", "best"], "--which is for the folder of a search"),
        (["run", "--data", "digits"], "--data is for --arch"),
        (["nowhere"], "no finished search in 'nowhere'"),
        (["--arch", "none", "--space", "nasbench201"], "none"),
        (["--arch", "0", "--space", "nasbench201", "--runtimes", "tflite"], "runtime 'tflite': choose from eager"),
        (["--arch", "0", "--space", "nasbench201", "--threads", "4096"], "this machine has"),
    ],
)
def test_what_cannot_be_measured_is_told_in_one_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    refused("measure", *arguments, says=says, cwd=tmp_path)

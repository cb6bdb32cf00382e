"""The examples run, and find networks that have learnt something."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ALL = bool(os.environ.get("UNTRAINED_ALL"))
LONG = {"segmentation", "text", "images", "tables", "sequence", "two_inputs"}
"""Run with UNTRAINED_ALL only: a quarter of a minute and more each, of parts that have tests of their own."""
EXAMPLES = Path(__file__).parents[1] / "examples"
LEARNT: dict[str, tuple[str, tuple[str, ...], float, float]] = {
    # what is printed, options for a short run, and the range that its value must be in
    "two_inputs": (r"rmse: valid ([\d.]+)", ("--epochs", "4"), 0, 3.9),  # saying the mean gives about 4
    "own_loop": (r"accuracy: valid ([\d.]+)", ("--epochs", "1"), 50, 100),  # guessing gives 10 %
    "sequence": (r"accuracy: valid ([\d.]+)", ("--epochs", "2"), 40, 100),  # guessing gives 25 %
    "segmentation": (r"mean IoU: valid ([\d.]+)", ("--epochs", "3"), 0.33, 1),  # all ground gives 0.3
    "text": (r"perplexity: valid ([\d.]+)", ("--letters", "40000", "--epochs", "1"), 1, 70),  # guessing gives 95
    "images": (r"resnet: valid ([\d.]+)", ("--epochs", "1", "--spaces", "resnet"), 15, 100),  # guessing gives 10 %
    "tables": (r"diabetes: regression, valid ([\d.]+)", ("--epochs", "10"), 0, 75),  # saying the mean gives 77
}


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == LEARNT.keys()


@pytest.mark.parametrize("name", sorted(LEARNT))
def test_it_runs_and_something_is_learnt(name: str, tmp_path: Path) -> None:
    if name in LONG and not ALL:
        pytest.skip("takes long: set UNTRAINED_ALL=1")
    printed, options, low, high = LEARNT[name]
    short = () if ALL else ("--budget", "1", *options)
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *short]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    found = re.search(printed, done.stdout)
    assert found, done.stdout
    assert low <= float(found[1]) <= high, done.stdout

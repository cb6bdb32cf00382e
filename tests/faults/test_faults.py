"""A short form of `python -m tests.faults`."""

import subprocess
import sys
from pathlib import Path

import pytest

from faults.mounts import disk_at
from faults.shim import environment

ROOT = Path(__file__).parents[2]


def faults(folder: Path, *options: str, module: str = "tests.faults") -> subprocess.CompletedProcess[str]:
    variables = environment(folder)
    if variables is None:
        pytest.skip("no C compiler to make the shim with")
    command = [sys.executable, "-m", module, *options]
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)


def test_nothing_is_lost_doubled_or_left_behind(tmp_path: Path) -> None:
    scenarios = ("search", "score", "train")
    done = faults(tmp_path, "--kills", "4", *(word for name in scenarios for word in ("--scenario", name)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WRONG" not in done.stdout
    struck = [line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith("  ")]
    assert sum(int(count) for count, what in struck if what != "came too late") >= 2


def test_it_finds_a_program_that_takes_half_a_file_for_whole(tmp_path: Path) -> None:
    done = faults(tmp_path, "--kills", "3", "--each", "--scenario", "careless")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "WRONG: differs" in done.stdout


def test_a_disk_that_is_full_or_read_only_is_one_line_and_costs_nothing(tmp_path: Path) -> None:
    try:
        with disk_at(tmp_path / "disk"):
            pass
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"only root on Linux mounts a disk: {error}")
    done = faults(tmp_path, "--times", "1", "--scenario", "score", module="tests.faults.mounts")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("score: {'refused': 2}")

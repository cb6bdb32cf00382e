"""Devices other than the CPU: what can be told of them on a machine that has none."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("second_device.py")


def found_by(program: str) -> dict[str, Any]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, PROGRAM, program]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_a_score_is_the_same_on_another_device() -> None:
    found = found_by("networks")
    assert len(found) == 11
    for network, (on_cpu, there) in found.items():
        precision = 1e-9 if "double" in network else 1e-4
        numbers = {name: score for name, score in on_cpu.items() if not isinstance(score, str)}
        assert len(numbers) >= 7, network
        assert {name: there[name] for name in numbers} == pytest.approx(numbers, rel=precision, abs=1e-6), network
        reasons = {name: why for name, why in on_cpu.items() if name not in numbers}
        assert {name: there[name] for name in reasons} == reasons, network


def test_a_network_that_draws_on_another_device_draws_the_same_each_time() -> None:
    found = found_by("drawing")
    assert found["first"] == found["second"]
    assert "draws random numbers" in found["first, chunks"]["grad_norm"]
    assert found["left_alone"]

"""The examples of docs/guides/taking_home.md on export, and of docs/guides/limits.md on measuring."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from documented import printed_by, python_blocks
from untrained.measuring.timing import Timing


def test_the_documented_export_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    block = next(block for block in python_blocks("docs/guides/taking_home.md") if "export_network" in block)
    assert printed_by(block) == "0.0 digits.py digits.pt\n"


def test_the_documented_measurement_works(monkeypatch: pytest.MonkeyPatch) -> None:
    def timing(run: Callable[[], Any], own_core: bool) -> Timing:
        run()
        return Timing(2.0, 0.05, 11)

    monkeypatch.setattr("untrained.measuring.subject.timed", timing)
    _, block = python_blocks("docs/guides/limits.md")
    # Counted by hand: 445 weights, of 4 bytes each, and 16 + 20 + 20 numbers that live at once beside them.
    assert printed_by(block) == "0.000445 0.002004 ['eager']\n"

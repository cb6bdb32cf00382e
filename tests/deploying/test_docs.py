"""The examples of docs/taking_home.md on export."""

from pathlib import Path

import pytest

from documented import printed_by, python_blocks


def test_the_documented_export_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    block = next(block for block in python_blocks("docs/taking_home.md") if "export_network" in block)
    assert printed_by(block) == "0.0 digits.py digits.pt\n"

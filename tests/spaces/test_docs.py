"""docs/adding_a_space.md does what it says."""

import re
from pathlib import Path

import pytest

from documented import printed_by, python_blocks


def test_the_documented_spaces_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = python_blocks("docs/adding_a_space.md")
    (tmp_path / "my_space.py").write_text(first)
    monkeypatch.chdir(tmp_path)
    assert len(others) == 2
    for block in others:
        assert printed_by(block).splitlines() == re.findall(r"print\(.*\)  # (.*)", block)

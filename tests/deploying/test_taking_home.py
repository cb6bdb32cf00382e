"""The examples of docs/guides/taking_home.md, in the order in which they stand there."""

from pathlib import Path

import pytest

from documented import printed_by, python_blocks


def test_the_documented_way_home_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = (block for block in python_blocks("docs/guides/taking_home.md") if "runs/digits" in block)
    digit, source = printed_by(first).split(" ", 1)
    assert (digit in "0123456789", source.strip()) == (True, "the search")
    lines = printed_by(second).splitlines()
    assert len(lines) == 3
    assert lines[-1] == "1 mean valid accuracy"

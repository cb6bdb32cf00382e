"""What the documentation shows of searches."""

from pathlib import Path

import pytest

from documented import printed_by, python_blocks


def test_the_documented_loop_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = python_blocks("docs/running.md")
    assert printed_by(block) == "['complete', 'complete', 'complete']\n"

"""What the documentation shows of searches."""

from pathlib import Path

import pytest

from documented import printed_by, python_blocks
from searching.searches import run


def test_a_search_is_watched_as_documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(out="runs/digits", sampler="random")
    watched, called = python_blocks("docs/guides/watching.md")
    assert printed_by(watched).startswith("finished explore 5 ")
    assert printed_by(called) == "0 COMPLETE explore\n1 COMPLETE exploit\n"

"""What the documentation shows of searches."""

from pathlib import Path

import optuna
import pytest

from documented import printed_by, python_blocks
from searching.searches import run


def test_the_documented_executor_and_loop_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    executor, loop = python_blocks("docs/guides/running.md")
    assert printed_by(executor) == "['complete', 'complete']\n"
    assert printed_by(loop) == "['complete', 'complete', 'complete']\n"


def test_the_documented_study_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = python_blocks("docs/guides/optuna.md")
    before = optuna.logging.get_verbosity()
    assert printed_by(block) == "4 ['blocks', 'rate']\n"
    assert optuna.logging.get_verbosity() == before


def test_the_documented_pool_grows() -> None:
    (block,) = python_blocks("docs/guides/growing.md")
    assert printed_by(block) == "8 8\n"


def test_a_search_is_watched_as_documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(out="runs/digits", sampler="random")
    assert printed_by(python_blocks("docs/guides/watching.md")[0]).startswith("finished explore 5 ")

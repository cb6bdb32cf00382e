"""`untrained search --executor`: what is refused before anything is spent."""

from pathlib import Path

import pytest

from command_line import refused, untrained_cli

SEARCH = ("search", "--space", "nasbench201", "--data", "digits", "--budget", "2")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--executor", "rya"), "unknown executor 'rya': did you mean 'ray'"),
        (("--executor", "mine.py:make"), "executor 'mine.py:make': no file 'mine.py'"),
        (("--executor", "make.py:make", "--training-limit", "9"), "a limit for each training"),
        (("--executor", "make.py:make", "--pruner", "median"), "a pruner looks at trainings while they run"),
    ],
)
def test_what_an_executor_cannot_do_is_one_line(given: tuple[str, ...], message: str, tmp_path: Path) -> None:
    (tmp_path / "make.py").write_text("def make():\n    raise AssertionError\n")
    refused(*SEARCH, *given, "--out", "run", says=message, cwd=tmp_path)
    assert not (tmp_path / "run").exists()


def test_scoring_takes_one_too(tmp_path: Path) -> None:
    code = "from concurrent.futures import ThreadPoolExecutor\ndef make():\n    return ThreadPoolExecutor(1)\n"
    (tmp_path / "make.py").write_text(code)
    score = ("score", "--space", "nasbench201", "--space-options", "N=1,C=2", "--data", "digits", "--pool", "2")
    refused(*score, "--executor", "rya", "--out", "s.csv", says="unknown executor 'rya'", cwd=tmp_path)
    for name, executor in (("here", "processes"), ("there", "make.py:make")):
        given = ("--metrics", "params,synflow", "--workers", "1", "--executor", executor, "--out", f"{name}.csv")
        assert untrained_cli(*score, *given, cwd=tmp_path).returncode == 0
    assert (tmp_path / "here.csv").read_text() == (tmp_path / "there.csv").read_text()


def test_tables_are_looked_up_here(tmp_path: Path) -> None:
    given = ("search", "--table", "t.csv", "--column", "v", "--executor", "ray")
    refused(*given, says="--executor belongs to --data", cwd=tmp_path)

"""`untrained search --executor`: what is refused before anything is spent."""

from pathlib import Path

import pytest

from command_line import refused

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


def test_tables_are_looked_up_here(tmp_path: Path) -> None:
    given = ("search", "--table", "t.csv", "--column", "v", "--executor", "ray")
    refused(*given, says="--executor belongs to --data", cwd=tmp_path)

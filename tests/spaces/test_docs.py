"""docs/adding_a_space.md does what it says."""

import ast
import contextlib
import io
import re
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "adding_a_space.md"


def test_the_documented_spaces_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "my_space.py").write_text(first)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert len(others) == 2
    for block in others:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(ast.parse(block), str(PAGE), "exec"), {"__name__": "documented"})
        assert printed.getvalue().splitlines() == re.findall(r"print\(.*\)  # (.*)", block)
    sys.modules.pop("my_space", None)

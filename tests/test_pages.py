"""Every block of Python in README and docs runs, and prints what the page says it prints.

The blocks of a page run one after the other in one empty folder. One that begins with `# name.py` is written there as a
file. What is printed stands behind a `print(...)` as a comment, or in a block of text below. A block that cannot run
has `<!-- not run: why -->` above it.
"""

import re
import sys
from pathlib import Path

import optuna
import pytest

from documented import ROOT, blocks, printed_by
from untrained.objectives import TrainingObjective

GENERATED = re.compile(r"docs/(_\w+|catalogue/\w+|reference/\w+)/")
"""Pages that are made when the site is built: their examples are those of docstrings, which test_docstrings.py runs."""
PAGES = [
    page
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if not GENERATED.match(page := path.relative_to(ROOT).as_posix()) and "```py" in path.read_text()
]
RUN_BY = {
    "docs/start.md": "tests/test_start.py",
    "docs/guides/keeping_track.md": "tests/cli/test_runs.py",
    "docs/guides/limits.md": "tests/searching/test_limits.py",
    "docs/guides/own_metric.md": "tests/cli/test_cli.py",
    "docs/guides/report.md": "tests/report/test_page.py",
    "docs/guides/taking_home.md": "tests/deploying/test_taking_home.py",
    "docs/guides/tradeoffs.md": "tests/searching/test_tradeoffs.py",
    "docs/guides/watching.md": "tests/searching/test_docs.py",
}
"""Pages whose blocks need something before them, or print times: the test that runs each of them."""


@pytest.mark.parametrize("page", [page for page in PAGES if page not in RUN_BY])
def test_code_runs_and_prints_what_the_page_says(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if page != "README.md":
        monkeypatch.setattr(TrainingObjective, "apart", False)  # starting a process takes seconds
    before = optuna.logging.get_verbosity()
    for block in blocks(page):
        if block.why_not is not None:
            continue
        if block.file:
            monkeypatch.delitem(sys.modules, block.file.removesuffix(".py"), raising=False)
            Path(block.file).write_text(block.code)
            continue
        printed = printed_by(block.code)
        if block.said is not None:
            assert printed == block.said, block.code
    assert optuna.logging.get_verbosity() == before


@pytest.mark.parametrize("page", RUN_BY)
def test_a_page_that_is_run_elsewhere_is_run_there(page: str) -> None:
    assert page in PAGES
    assert f'"{page}"' in (ROOT / RUN_BY[page]).read_text()


def test_no_code_hides_behind_another_word() -> None:
    for page in PAGES:
        text = (ROOT / page).read_text()
        assert len(re.findall(r"^ *```+ *\{?py", text, re.MULTILINE)) == len(blocks(page)), page
        assert all(block.why_not != "" for block in blocks(page)), page


def test_blocks_are_read_as_they_are_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "```python\n# my.py\nx = 1\n```\n\n- item\n\n  ```python\n  if 1:\n      print(2)  # 2\n  ```\n\n"
        "<!-- not run: it needs a GPU -->\n```python\nprint(3)\n```\n\n```text\n3\n```\n"
    )
    (tmp_path / "page.md").write_text(text)
    monkeypatch.setattr("documented.ROOT", tmp_path)
    first, second, third = blocks("page.md")
    assert (first.file, first.said, first.why_not) == ("my.py", None, None)
    assert (second.code, second.said, second.why_not) == ("if 1:\n    print(2)  # 2\n", "2\n", None)
    assert (third.code, third.said, third.why_not) == ("print(3)\n", "3\n", "it needs a GPU")

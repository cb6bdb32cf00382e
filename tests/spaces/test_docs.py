"""docs/guides/own_space.md and docs/catalogue/spaces.md do what they say."""

import re
from pathlib import Path

import pytest

from documented import printed_by, python_blocks

BLOCKS = python_blocks("docs/guides/own_space.md")
FILES = {block.splitlines()[0].removeprefix("# "): block for block in BLOCKS if block.startswith("# ")}
PROMPTS = [block for block in BLOCKS if not block.startswith("# ")]


def test_the_page_shows_each_kind_of_space() -> None:
    assert list(FILES) == ["my_net.py", "my_choices.py", "my_space.py"]
    assert len(PROMPTS) == 6


@pytest.mark.parametrize("block", PROMPTS, ids=lambda block: re.findall(r"from (my_\w+|untrained) ", block)[-1])
def test_the_documented_spaces_work(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
        monkeypatch.delitem(__import__("sys").modules, name.removesuffix(".py"), raising=False)
    monkeypatch.chdir(tmp_path)
    assert printed_by(block).splitlines() == re.findall(r"print\(.*\)  # (.*)", block)


def test_images_from_images() -> None:
    (block,) = python_blocks("docs/catalogue/spaces.md")
    assert printed_by(block).splitlines() == re.findall(r"print\(.*\)  # (.*)", block)

"""docs/guides/drawing.md: what it shows is drawn today, and its code does what it says."""

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest

import untrained
from documented import ROOT, printed_by, python_blocks
from untrained import SPACES

PICTURES = runpy.run_path(str(ROOT / "docs/pictures.py"))["PICTURES"]
PAGE = (ROOT / "docs/guides/drawing.md").read_text()
BLOCKS = python_blocks("docs/guides/drawing.md")


def told(svg: str) -> list[str | None]:
    """All that an SVG says; where it says it may differ from one version of matplotlib to the next."""
    return [element.text for element in ElementTree.fromstring(svg).iter() if not element.tag.endswith("style")]


def test_every_space_is_in_the_gallery() -> None:
    assert {*PICTURES} == {*SPACES}
    assert {*re.findall(r"!\[[\w-]+\]\(\.\./pictures/([\w-]+)\.svg\)", PAGE)} == {*SPACES}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_up_to_date(name: str) -> None:
    arch, options = PICTURES[name]
    path = ROOT / f"docs/pictures/{name}.svg"
    assert path.stat().st_size < 60_000
    assert told(path.read_text()) == told(untrained.draw(name, arch, **options).svg), "run `make pictures`"


@pytest.mark.parametrize("block", BLOCKS, ids=["draw", "function", "class"])
def test_the_documented_code_works(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = (
        re.findall(r"print\(.*\)  # (.*)", block) or re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)[0].splitlines()
    )
    assert printed_by(block).splitlines() == shown

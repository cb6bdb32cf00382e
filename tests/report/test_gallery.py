"""docs/guides/drawing.md: what it shows is drawn today."""

import re
import runpy
from xml.etree import ElementTree

import pytest

import untrained
from documented import ROOT
from untrained import SPACES

PICTURES = runpy.run_path(str(ROOT / "docs/pictures.py"))["PICTURES"]
PAGE = (ROOT / "docs/guides/drawing.md").read_text()


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

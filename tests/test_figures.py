"""The figures of the documentation are drawn by docs/figures.py, small, and shown."""

import re
import runpy
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from documented import ROOT

DOCS = ROOT / "docs"
DRAWN = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.glob("*/figures/*.svg"))


def test_a_figure_is_drawn(tmp_path: Path) -> None:
    figures = runpy.run_path(str(DOCS / "figures.py"))
    shutil.copytree(DOCS / "laboratory", tmp_path / "laboratory")
    figures["growing"].__globals__["FOLDER"] = tmp_path
    figures["growing"](tmp_path)
    text = (tmp_path / "how/figures/growing.svg").read_text()
    shown = {
        "".join(words.itertext()).strip() for words in ElementTree.fromstring(text).iter() if words.tag.endswith("text")
    }
    assert {"256 that grow", "a pool of 256", "a pool of 2,000", "TPE", "NSGA-II", "queries"} <= shown


@pytest.mark.parametrize("figure", DRAWN)
def test_a_figure_is_small_and_shown(figure: str) -> None:
    folder, _, name = figure.partition("/figures/")
    assert (DOCS / figure).stat().st_size < 100_000
    assert any(
        re.search(rf"!\[.{{20,}}\]\(figures/{name}\)", page.read_text()) for page in (DOCS / folder).glob("*.md")
    )
    assert f'drawn("{figure.removesuffix(".svg")}"' in (DOCS / "figures.py").read_text()

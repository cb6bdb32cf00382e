"""docs/guides/training.md says what there is, and its examples print what they say."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from documented import ROOT, printed_by, python_blocks
from untrained.objectives import Recipe
from untrained.objectives.losses import LOSSES
from untrained.objectives.measures import MEASURES
from untrained.objectives.recipe import AUGMENTATIONS
from untrained.searching.pruners import PRUNERS

PAGE = "docs/guides/training.md"


def test_the_examples_print_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for block in python_blocks(PAGE):
        assert printed_by(block).strip() == re.findall(r"print\(.*\)  # (.*)", block)[0]


def test_every_name_is_there() -> None:
    text = (ROOT / PAGE).read_text()
    measures = {name for known in MEASURES.values() for name in known}
    for name in (*(field.name for field in fields(Recipe)), *AUGMENTATIONS, *LOSSES, *measures, *PRUNERS):
        assert f"`{name}`" in text, name

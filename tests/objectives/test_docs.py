"""docs/guides/training.md says what there is."""

from dataclasses import fields

from documented import ROOT
from untrained.objectives import Recipe
from untrained.objectives.losses import LOSSES
from untrained.objectives.measures import MEASURES
from untrained.objectives.recipe import AUGMENTATIONS
from untrained.searching.pruners import PRUNERS

PAGE = "docs/guides/training.md"


def test_every_name_is_there() -> None:
    text = (ROOT / PAGE).read_text()
    measures = {name for known in MEASURES.values() for name in known}
    for name in (*(field.name for field in fields(Recipe)), *AUGMENTATIONS, *LOSSES, *measures, *PRUNERS):
        assert f"`{name}`" in text, name

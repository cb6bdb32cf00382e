"""Options of a command for each field of `Recipe`."""

from dataclasses import fields
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from untrained import Recipe
from untrained.cli.recipe import HELP, with_recipe

GIVEN = dict[str, Any]()


@with_recipe
def command(context: typer.Context, name: str = "x", recipe: Any = None) -> None:
    """Keeps what it was given."""
    GIVEN.clear()
    GIVEN.update(recipe, name=name)


APP = typer.Typer()
APP.command()(command)


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("", {}),
        ("--epochs 3 --learning-rate 0.1", {"epochs": 3, "learning_rate": 0.1}),
        ("--optimizer adamw --warmup 0.5 --ema 0.99", {"optimizer": "adamw", "warmup": 0.5, "ema": 0.99}),
        ("--compile --augment mixup,flip-crop", {"compile": True, "augment": "flip-crop,mixup"}),
        ("--no-compile --weight-decay 0 --clip 1", {"compile": False, "weight_decay": 0.0, "clip": 1.0}),
    ],
)
def test_only_what_is_given_reaches_the_command(words: str, changes: dict[str, Any]) -> None:
    done = CliRunner().invoke(APP, ["--name", "y", *words.split()])
    assert done.exit_code == 0, done.output
    assert GIVEN.pop("name") == "y"
    assert GIVEN.keys() == changes.keys()
    assert Recipe(**GIVEN) == Recipe(**changes)


def test_each_field_has_an_option_and_its_default_is_shown() -> None:
    names = [field.name for field in fields(Recipe)]
    assert list(HELP) == names
    shown = CliRunner().invoke(APP, ["--help"], env={"COLUMNS": "200"}).output
    for field in fields(Recipe):
        (line,) = (line for line in shown.splitlines() if f"--{field.name.replace('_', '-')} " in line)
        if field.default not in (None, False):
            assert f"(default: {field.default})." in line

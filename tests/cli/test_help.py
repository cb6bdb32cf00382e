"""What `--help` says can be copied."""

import os
import subprocess
import sys

import pytest
import typer

from untrained.cli import app

COMMANDS = [
    *((info.name or info.callback.__name__, info.epilog) for info in app.registered_commands if info.callback),
    *((group.name, group.typer_instance.info.epilog) for group in app.registered_groups if group.typer_instance),
]
EXAMPLES = {str(name): epilog for name, epilog in COMMANDS if isinstance(epilog, str)}


def test_every_command_has_examples() -> None:
    assert {str(name) for name, _ in COMMANDS} == EXAMPLES.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_not_broken_at_80_columns(name: str) -> None:
    lines = [line for line in EXAMPLES[name].splitlines() if line.startswith("  ")]
    assert lines
    for line in lines:
        assert line.startswith(f"  untrained {name}")
        assert len(line) <= 78  # the terminal's less one on each side


def test_defaults_have_one_pair_of_brackets() -> None:
    shown = typer.main.get_command(app)
    for command in shown.commands.values():  # type: ignore[attr-defined]
        for parameter in command.params:
            assert not isinstance(getattr(parameter, "show_default", None), str), parameter.name


def test_a_shell_completes_commands() -> None:
    # As the script that is installed is called by what `--show-completion bash` prints.
    code = "import sys; sys.argv = ['untrained']; from untrained.__main__ import main; main()"
    asked = {"_UNTRAINED_COMPLETE": "complete_bash", "COMP_WORDS": "untrained comp", "COMP_CWORD": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | asked)
    assert done.stdout.split() == ["compare"]

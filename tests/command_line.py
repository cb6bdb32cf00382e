"""Calling the command line, mostly in this process: one of its own takes seconds to start."""

import contextlib
import io
import os
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from untrained.cli import main
from untrained.objectives import TrainingObjective

ENVIRONMENT = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
"""As at a terminal without a screen: no colours, no line cut short."""


@dataclass(frozen=True)
class Done:
    """What a command has left."""

    returncode: int
    stdout: str
    stderr: str


def untrained_cli(*args: str, cwd: Path | None = None) -> Done:
    """Runs `untrained` with `args`."""
    stdout, stderr, path = io.StringIO(), io.StringIO(), list(sys.path)
    with (
        mock.patch.object(sys, "argv", ["untrained", *args]),
        mock.patch.dict("os.environ", ENVIRONMENT),
        mock.patch.object(TrainingObjective, "apart", False),  # starting a process takes seconds
        warnings.catch_warnings(),  # they are shown, and no errors as in other tests
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        contextlib.chdir(cwd or Path.cwd()),
    ):
        warnings.resetwarnings()
        with pytest.raises(SystemExit) as caught:
            main()
    sys.path[:] = path
    return Done(int(caught.value.code or 0), stdout.getvalue(), stderr.getvalue())


def in_a_process(*args: str, cwd: Path | None = None) -> Done:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "untrained", *args]
    run = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=os.environ | ENVIRONMENT)
    return Done(run.returncode, run.stdout, run.stderr)


def refused(*args: str, says: str, cwd: Path | None = None) -> None:
    """Exit code 2, nothing on stdout and one line on stderr that `says` (a pattern) is found in."""
    done = untrained_cli(*args, cwd=cwd)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    assert re.search(says, lines[0]), lines[0]
    assert len(lines[0]) <= 500, lines[0]

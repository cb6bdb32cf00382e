"""Rows of results, a line of JSON each: what is kept is not measured again."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def kept(path: Path | None) -> list[dict[str, Any]]:
    """The rows of a file; none if there is no file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path is not None and path.exists() else []


def is_kept(path: Path | None, wanted: Mapping[str, Any]) -> bool:
    """Whether a row has these settings."""
    return any(wanted.items() <= row.items() for row in kept(path))


def keep(path: Path | None, row: Mapping[str, Any]) -> None:
    """Prints a row, and adds it to the file, if there is to be one."""
    line = json.dumps(row)
    print(line, flush=True)
    if path is not None:
        with path.open("a") as file:
            file.write(line + "\n")

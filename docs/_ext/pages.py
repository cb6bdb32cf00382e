"""Writing generated pages."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

FOLDER = Path(__file__).parents[1]


def write(folder: Path, pages: Mapping[str, str], suffix: str = ".md") -> None:
    """Makes a folder hold these pages and no others; a page that is as it was keeps its date.

    Args:
        folder: Where.
        pages: name -> text.
        suffix: Of the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.stem not in pages or path.suffix != suffix:
            path.unlink()
    for name, text in pages.items():
        path = folder / f"{name}{suffix}"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def table(head: Iterable[str], rows: Iterable[Iterable[str]], empty: str = "–") -> str:
    """A table in Markdown; columns that are empty everywhere are left out."""
    lines = [[cell.replace("|", r"\|") for cell in row] for row in (head, *rows)]
    filled = [k for k in range(len(lines[0])) if any(row[k] for row in lines[1:])]
    cells = [[row[k] or empty for k in filled] for row in lines]
    cells.insert(1, ["---"] * len(filled))
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def options_as_code(text: str) -> str:
    """Text in which `--option` stands as code, or two dashes would be set as one."""
    return re.sub(r"(?<![\w`-])(--[a-z][a-z-]*[a-z])(?!`)", r"`\1`", text)

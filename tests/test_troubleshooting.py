"""The messages that docs/troubleshooting.md explains are those that the code says."""

import ast
import re
from collections.abc import Iterator

import pytest

from documented import ROOT

PAGE = (ROOT / "docs/troubleshooting.md").read_text()
ENOUGH = 12
"""So many characters of a message have to be the code's own: a line that is all placeholder would match anything."""


def shown() -> list[str]:
    """The messages of the page: those of its text blocks, and the reasons of failed queries."""
    blocks = re.findall(r"^ *```text\n(.*?)^ *```", PAGE, re.DOTALL | re.MULTILINE)
    lines = [line.strip().removeprefix("warning: ") for block in blocks for line in block.splitlines()]
    reasons = re.findall(r"^\| `(.*?)` \|", PAGE, re.MULTILINE)
    return lines + [why for why in reasons if not why.startswith("OutOfMemoryError")]  # PyTorch's own words


def said() -> Iterator[re.Pattern[str]]:
    """A pattern for each text in the code, with anything where it fills in a value."""
    for path in (ROOT / "src/untrained").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            texts = [str(p.value) if isinstance(p, ast.Constant) and isinstance(p.value, str) else None for p in parts]
            if sum(len(text) for text in texts if text) >= ENOUGH:
                yield re.compile(".*".join(re.escape(text.replace("\n", " ")) if text else "" for text in texts))


@pytest.fixture(scope="module")
def patterns() -> list[re.Pattern[str]]:
    return list(said())


@pytest.mark.parametrize("line", shown())
def test_the_code_says_so(line: str, patterns: list[re.Pattern[str]]) -> None:
    assert any(pattern.search(line) for pattern in patterns), line


def test_the_page_has_its_messages() -> None:
    assert len(shown()) > 25

"""Running what the documentation shows."""

import contextlib
import io
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<why>.*?) -->\n+)?"
    r"(?P<indent> *)```python\n(?P<code>.*?)\n *```\n"
    r"(?:\n```text\n(?P<below>.*?)```)?",
    re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block of Python on a page.

    Args:
        code: What it shows.
        below: The block of text that follows it, or None.
        why_not: The reason that `<!-- not run: ... -->` above it gives for not running it, or None.
    """

    code: str
    below: str | None = None
    why_not: str | None = None

    @property
    def file(self) -> str | None:
        """The name in its first line, `# name.py`, if it is a file to be written and not to be run."""
        named = re.match(r"# (\w+\.py)\n", self.code)
        return named[1] if named else None

    @property
    def said(self) -> str | None:
        """What it says that it prints: in comments behind `print`, else in the text below it."""
        behind = re.findall(r"print\(.*\)  # (.*)", self.code)
        return "".join(f"{line}\n" for line in behind) if behind else self.below


def blocks(page: str) -> list[Block]:
    """The Python of a page, such as "docs/guides/own_metric.md"."""
    found = BLOCK.finditer((ROOT / page).read_text())
    return [Block(dedent(f"{m['indent']}{m['code']}\n".removeprefix(m["indent"])), m["below"], m["why"]) for m in found]


def python_blocks(page: str) -> list[str]:
    """The code of a page that is run."""
    return [block.code for block in blocks(page) if block.why_not is None]


def printed_by(block: str) -> str:
    """What a block prints when it is run as at a prompt, in the current folder."""
    prompt, printed = ModuleType("__main__"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setitem(sys.modules, "__main__", prompt)
        patch.syspath_prepend(Path.cwd())
        exec(block, prompt.__dict__)
    return printed.getvalue()

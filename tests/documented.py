"""Running what the documentation shows."""

import contextlib
import io
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


def python_blocks(page: str) -> list[str]:
    """The Python of a page, such as "docs/guides/own_metric.md"."""
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def printed_by(block: str) -> str:
    """What a block prints when it is run as at a prompt, in the current folder."""
    prompt, printed = ModuleType("__main__"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setitem(sys.modules, "__main__", prompt)
        patch.syspath_prepend(Path.cwd())
        exec(block, prompt.__dict__)
    return printed.getvalue()

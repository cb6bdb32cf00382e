"""What the documentation shows is what comes."""

import re

import pytest

from documented import ROOT, printed_by


def examples() -> list[tuple[str, str]]:
    page = (ROOT / "docs/guides/data.md").read_text()
    return re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", page, re.DOTALL)


@pytest.mark.parametrize(("block", "shown"), examples(), ids=range(len(examples())))
def test_examples_print_what_stands_below_them(block: str, shown: str) -> None:
    assert printed_by(block) == shown

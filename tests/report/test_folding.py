"""Architectures at a terminal: broken where their parts end."""

import random
from collections.abc import Sequence
from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

from untrained import SPACES
from untrained.report.folding import SEPARATORS, Architecture, folded_architecture


@pytest.mark.parametrize(
    ("arch", "width", "lines"),
    [
        ("block=basic,width=64,depth1=2", 24, ["block=basic,width=64,", "depth1=2"]),
        ("|a~0|+|b~0|c~1|+|d~0|e~1|f~2|", 16, ["|a~0|+|b~0|c~1|+", "|d~0|e~1|f~2|"]),
        ("normal=|a~0|b~1|+|c~0|,reduce=|d~1|", 17, ["normal=|a~0|b~1|+", "|c~0|,", "reduce=|d~1|"]),
        ("k3e3-k5e6|k7e3", 10, ["k3e3-k5e6|", "k7e3"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("|abc~0|def~1|+|ghi~0|jkl~2|", 13, ["|abc~0|", "def~1|+", "|ghi~0|jkl~2|"]),  # no line of a "+" alone
        ("short", 80, ["short"]),
        ("", 80, [""]),
    ],
)
def test_architectures_are_broken_where_their_parts_end(arch: str, width: int, lines: list[str]) -> None:
    assert folded_architecture(arch, width) == lines


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("width", [24, 51, 113])
def test_no_word_is_broken(name: str, width: int) -> None:
    space, rng = SPACES[name](), random.Random(0)
    for arch in (space.sample(rng) for _ in range(3)):
        lines = folded_architecture(arch, width)
        assert "".join(lines) == arch
        assert max(map(len, lines)) <= width
        assert all(line[-1] in SEPARATORS for line in lines[:-1])
        assert all(set(line) - set(SEPARATORS) for line in lines)


def printed(width: int, *cells: Architecture) -> Sequence[str]:
    """The lines of a table with such cells."""
    console, table = Console(file=StringIO(), width=width), Table(box=None, pad_edge=False)
    table.add_column("seconds")
    table.add_column("architecture")
    for cell in cells:
        table.add_row("13.4", cell)
    console.print(table)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_a_table_breaks_architectures_and_leaves_names_as_they_are() -> None:
    cells = Architecture("width=8,act=[/red],depth=12", "no memory"), Architecture(":x:")
    assert printed(80, *cells) == [
        "seconds  architecture",
        "13.4     width=8,act=[/red],depth=12",
        "         no memory",
        "13.4     :x:",
    ]
    assert printed(30, *cells)[1:3] == ["13.4     width=8,act=[/red],", "         depth=12"]

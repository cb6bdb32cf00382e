"""Architectures in lines: broken where their parts end, and not in the middle of a word."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

NARROWEST = 24
"""Columns of a terminal below which no architecture is squeezed by what stands beside it."""
SEPARATORS = (",", ";", "+", "|", ":", "-", "_")
"""Behind these an architecture may be broken; the first of them that it has, if lines come out short enough."""


def folded_architecture(arch: str, width: int) -> list[str]:
    """An architecture in lines that are no longer than they may be.

    Lines end behind commas, as far as parts between commas fit into a line; parts that do not begin a line of their
    own, and are broken behind the next of `SEPARATORS`. Where there is none, a line ends where the width does.

    Args:
        arch: an architecture.
        width: characters of a line, at least 1.

    Returns:
        The lines, which are the architecture if they are joined.

    Example:
        >>> folded_architecture("block=basic,width=64,depth1=2", 24)
        ['block=basic,width=64,', 'depth1=2']
    """
    return _folded(arch, max(width, 1), SEPARATORS)


def folded(arch: str, width: int, indent: int) -> list[str]:
    """An architecture in indented lines, of `width` characters at most with the indentation."""
    return [f"{' ' * indent}{line}" for line in folded_architecture(arch, max(width - indent, NARROWEST))]


def _folded(text: str, width: int, separators: Sequence[str]) -> list[str]:
    if len(text) <= width:
        return [text]
    if not separators:
        return [text[k : k + width] for k in range(0, len(text), width)]
    first, *others = separators
    lines = list[list[str]]()  # of each line, its parts
    for part in re.findall(f"[^{re.escape(first)}]*{re.escape(first)}?", text)[:-1]:
        if lines and sum(map(len, lines[-1])) + len(part) <= width:
            lines[-1].append(part)
        elif lines and len(lines[-1]) > 1 and not set(part) - set(SEPARATORS):
            lines.append([lines[-1].pop(), part])  # a line of nothing but a separator is none
        else:
            lines += [[line] for line in _folded(part, width, others)]
    return ["".join(parts) for parts in lines]


@dataclass(frozen=True)
class Architecture:
    """An architecture in a cell of a table, as `rich` prints it.

    Args:
        arch: the architecture.
        note: what is said below it.
    """

    arch: str
    note: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in folded_architecture(self.arch, options.max_width):
            yield Text(line, no_wrap=True, overflow="fold")
        if self.note:
            yield Text(self.note, overflow="fold")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        longest = max(len(self.arch), *(Text(line).cell_len for line in self.note.splitlines()), 0)
        return Measurement(min(NARROWEST, longest), longest).with_maximum(options.max_width)

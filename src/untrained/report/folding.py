"""Architectures in lines: broken where their parts end, and not in the middle of a word."""

import re

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


def _folded(text: str, width: int, separators: tuple[str, ...]) -> list[str]:
    if len(text) <= width:
        return [text]
    if not separators:
        return [text[k : k + width] for k in range(0, len(text), width)]
    lines = list[str]()
    for part in re.findall(f"[^{re.escape(separators[0])}]*{re.escape(separators[0])}?", text)[:-1]:
        if lines and len(lines[-1]) + len(part) <= width:
            lines[-1] += part
        else:
            lines += _folded(part, width, separators[1:])
    return lines

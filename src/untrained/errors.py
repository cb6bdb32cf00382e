"""The one error and the one warning that a user is meant to read, and how their line is kept short."""

import sys
import warnings
from collections.abc import Iterable

SHOWN = 10
"""Names that a message lists before it only counts the others."""
WIDEST = 40
"""Characters of each of these names."""
ROOM = 150
"""Characters of all of them together: of longer ones, fewer are shown."""
LONGEST = 200
"""Characters of somebody else's error that a message repeats."""
MOST_CHARACTERS = 300
"""The longest message."""


class InputError(ValueError):
    """Something given to `untrained` cannot be used.

    The message is one line that names the bad value and says what would be right; the command line prints it
    without a traceback and exits with code 2.

    Args:
        message: What is wrong. Line breaks become spaces, and a text of more than 300 characters loses its middle.

    Example:
        >>> raise InputError("5 workers: give at most 4")
        Traceback (most recent call last):
        untrained.errors.InputError: 5 workers: give at most 4
    """

    def __init__(self, message: str) -> None:
        line = " ".join(str(message).splitlines())
        long = len(line) > MOST_CHARACTERS
        super().__init__(f"{line[:200]} ... {line[205 - MOST_CHARACTERS :]}" if long else line)


class InputWarning(UserWarning):
    """Something given to `untrained` was used otherwise than it stands there, as the message says in one line."""


def warn(line: str, category: type[Warning] = UserWarning) -> None:
    """Warns at the place from which the user called this package, and not somewhere inside of it.

    Args:
        line: What to say.
        category: The kind of the warning.
    """
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "untrained":
        level, frame = level + 1, frame.f_back
    warnings.warn(line, category, stacklevel=level)


def listed(names: Iterable[object], most: int = SHOWN) -> str:
    """Names for a message, of which only the first are shown when there are many.

    Args:
        names: What to list.
        most: How many are shown.

    Returns:
        The names separated by commas, `none` if there are none.

    Example:
        >>> listed("abcd", most=2)
        'a, b and 2 more'
    """
    words = [text if len(text) <= WIDEST else f"{text[:WIDEST]}..." for text in map(str, names)]
    most = min(most, len(words))
    while most > 1 and len(", ".join(words[:most])) > ROOM:
        most -= 1
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return (", ".join(words[:most]) or "none") + more


def printable(text: str) -> str:
    """Text for a message, in which a character that a terminal would obey or cannot show is written as an escape.

    Example:
        >>> print(printable("two" + chr(10) + "lines"))
        two\\nlines
    """
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def one_line(error: BaseException) -> str:
    """The kind of an error and the first line of its text, cut at `LONGEST` characters.

    Example:
        >>> one_line(KeyError("width"))
        "KeyError: 'width'"
    """
    text = printable((str(error).strip().splitlines() or [""])[0])
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return f"{type(error).__name__}: {shown}" if shown else type(error).__name__


def shown(value: object, most: int = 120) -> str:
    """The `repr` of a bad value for a message, cut in its middle when it is long.

    Example:
        >>> shown("a" * 100, most=12)
        "'aaaa...aaa'"
    """
    text = repr(value)
    kept = most - 3
    return text if len(text) <= most else f"{text[: kept - kept // 2]}...{text[len(text) - kept // 2 :]}"

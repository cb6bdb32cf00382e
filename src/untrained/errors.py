"""The one error a user is meant to read, and how its line is kept short."""

from collections.abc import Iterable

SHOWN = 10
"""Names that a message lists before it only counts the others."""
LONGEST = 200
"""Characters of somebody else's error that a message repeats."""


class InputError(ValueError):
    """Something given to `untrained` cannot be used.

    The message is one line that names the bad value and says what would be right; the command line prints it
    without a traceback and exits with code 2.
    """


def listed(names: Iterable[object], most: int = SHOWN) -> str:
    """Names for a message, of which only the first are shown when there are many.

    Args:
        names: what to list.
        most: how many are shown.

    Returns:
        The names separated by commas, `none` if there are none.

    Example:
        >>> listed("abcd", most=2)
        'a, b and 2 more'
    """
    words = [str(name) for name in names]
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return (", ".join(words[:most]) or "none") + more


def one_line(error: BaseException) -> str:
    """The kind of an error and the first line of its text, cut at `LONGEST` characters.

    Example:
        >>> one_line(KeyError("width"))
        "KeyError: 'width'"
    """
    text = (str(error).strip().splitlines() or [""])[0]
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return f"{type(error).__name__}: {shown}" if shown else type(error).__name__

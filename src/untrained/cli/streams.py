"""Makes standard input and output safe to use: they may be closed or full, or take few characters only."""

import codecs
import errno
import io
import os
import sys
from contextlib import suppress

PLAIN = str.maketrans(
    {"±": "+-", "·": "-", "×": "x", "…": "...", "→": "->", "–": "-", "’": "'"}
    | dict.fromkeys("▁▂▃", "_")
    | dict.fromkeys("▄▅▆", "=")
    | dict.fromkeys("▇█▉▊▋▌▍▎▏", "#")
)


def prepare() -> None:
    """Prepares the standard streams, so that every character can be printed.

    On a terminal of ASCII or Latin-1, characters that it lacks are replaced, and bytes in a path that are no text
    become "?". A stream that was closed (`>&-`) becomes one that discards: otherwise the next file that is opened
    would get its number, and everything that is printed would be written to that file.
    """
    codecs.register_error("plain", _plain)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - the process's own, for good
        elif isinstance(stream, io.TextIOWrapper) and mode == "w":
            stream.reconfigure(errors="plain")


def say(text: str) -> None:
    """Prints a line on stderr; a closed or full stderr is ignored."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def flush(code: int) -> int:
    """Flushes stdout.

    Args:
        code: The exit code so far.

    Returns:
        `code`; 1 if that is 0 and stdout takes no more.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        with suppress(OSError, ValueError):  # Python flushes once more as it ends
            number = sys.stdout.fileno()
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
        if error.errno != errno.EPIPE and not code:  # not for `| head`, and not twice
            say(f"error: what was printed is lost: {error.strerror}")
        return code or 1
    return code


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(PLAIN)
    return "".join(character if character.isascii() else "?" for character in text), error.end

"""Standard input and output, whatever they are: closed, full, or of few characters."""

import codecs
import errno
import io
import os
import sys
from contextlib import suppress

PLAIN = str.maketrans({"±": "+-", "█": "#", "·": "-", "×": "x", "…": "...", "→": "->", "–": "-", "’": "'"})


def prepare() -> None:
    """Lets all be printed that a command prints, on the terminal at hand.

    A terminal of ASCII or Latin-1 gets other characters for those that it lacks, and "?" for bytes in a path that are
    no text. A stream that was closed (`>&-`) is one that leads nowhere: else the next file that is opened would stand
    in its place, and be written to by whoever prints.
    """
    codecs.register_error("plain", _plain)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - the process's own, for good
        elif isinstance(stream, io.TextIOWrapper) and mode == "w":
            stream.reconfigure(errors="plain")


def say(text: str) -> None:
    """Prints a line on stderr, if there is anybody to read it."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def flush(code: int) -> int:
    """Writes out what was printed; the exit code is `code`, or 1 if stdout takes no more."""
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

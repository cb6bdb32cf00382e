"""URLs of storages, as messages may show them."""

import re
from urllib.parse import unquote

from untrained.errors import one_line

HOST = r"(\[[^\]]*\]|[^:/@]*)(:\d+)?(/[^@]*)?"
"""Host, port and database. Anything else at that place may be a password without its host."""


def shown_url(url: str) -> str:
    """Gives a URL without its password and its options, which may hold one, also if the URL cannot be parsed.

    Args:
        url: Of a storage, such as `postgresql://me:secret@localhost:5432/studies`.

    Returns:
        What is known to hold no secret; `***` stands for the rest.

    Example:
        >>> shown_url("postgresql://me:secret@localhost:5432/studies?sslpassword=secret")
        'postgresql://me:***@localhost:5432/studies?***'
        >>> shown_url("postgresql://me:secret")
        'postgresql://***'
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return "***" if re.search("[@:?]", url) else url
    if not re.fullmatch(r"[\w+.-]+", scheme):
        return "***"
    place, question, options = rest.partition("?")
    shown_options = question and "?***"
    if scheme.startswith("sqlite"):  # a path, of no user
        return f"{scheme}://{place}{shown_options}"
    login, at, host = place.rpartition("@")
    if "@" in options or not re.fullmatch(HOST, host):  # a password may hold a question mark
        return f"{scheme}://***"
    user, colon, _ = login.partition(":")
    return f"{scheme}://{user}{colon and ':***'}{at}{host}{shown_options}"


def shown_error(error: BaseException, url: str) -> str:
    """The kind and first line of an error; the kind alone if the line has a word of `url` that `shown_url` hides.

    Args:
        error: What a driver of a database raised for `url`.
        url: Of a storage.
    """
    line = one_line(error)
    hidden = _words(url) | _words(unquote(url))
    return type(error).__name__ if _words(line) & (hidden - _words(shown_url(url))) else line


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))

"""An architecture as text: `key=value,key=value`, from which every value comes back as it was.

Most values stand as they are: `width=8,act=ReLU`. Only what could be read in two ways is marked: a string that holds a
comma, starts with a bracket or a quote, or reads like another choice of the same decision (`"1"` beside `1`) is quoted
as in JSON; tuples, lists and dictionaries are written as in Python, with their strings quoted.
"""

import json
from collections.abc import Mapping
from typing import Any

OPENING, CLOSING = "([{", ")]}"


def written(value: Any) -> str:
    """The text of a value, its strings unquoted if they are the whole value and cannot be mistaken.

    Args:
        value: None, a truth value, a number, a string, or a tuple, list or dictionary of these.

    Raises:
        TypeError: for a value of another type.

    Example:
        >>> written("ReLU"), written((3, 3)), written("conv,relu"), written(["a", None])
        ('ReLU', '(3, 3)', '"conv,relu"', '["a", None]')
    """
    if isinstance(value, str):
        return value if is_plain(value) else quoted(value)
    return _inner(value)


def is_plain(text: str) -> bool:
    """Whether a string can stand in an architecture without quotes."""
    odd = not text or "," in text or text[0] in f'{OPENING}"' or text != text.strip() or not text.isprintable()
    return not odd


def quoted(text: str) -> str:
    """A string in the quotes of JSON; what cannot be printed is escaped."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _inner(value: Any) -> str:
    match value:
        case None | bool():
            return str(value)
        case int():
            return int.__repr__(value)
        case float():
            return float.__repr__(value)
        case str():
            return quoted(value)
        case tuple():
            return f"({_inner(value[0])},)" if len(value) == 1 else f"({', '.join(map(_inner, value))})"
        case list():
            return f"[{', '.join(map(_inner, value))}]"
        case Mapping():
            return f"{{{', '.join(f'{_inner(key)}: {_inner(part)}' for key, part in value.items())}}}"
    raise TypeError(f"{value!r:.40} is of type {type(value).__name__}")


def split(arch: str) -> list[tuple[str, str]]:
    """The (key, text of the value) of each part of an architecture; commas in quotes or brackets separate nothing.

    A part without `=` has an empty key.

    Example:
        >>> split('width=8,kernel=(3, 3),op="a,b"')
        [('width', '8'), ('kernel', '(3, 3)'), ('op', '"a,b"')]
    """
    parts, start = list[tuple[str, str]](), 0
    while start <= len(arch):
        comma, equals = _find(arch, ",", start), _find(arch, "=", start)
        key, begin = (arch[start:equals], equals + 1) if equals < comma else ("", start)
        end = _end(arch, begin)
        parts.append((key, arch[begin:end]))
        start = end + 1
    return parts


def _find(text: str, character: str, start: int) -> int:
    found = text.find(character, start)
    return len(text) if found < 0 else found


def _end(text: str, start: int) -> int:
    """The position of the comma behind the value that begins at `start`."""
    marked = start < len(text) and text[start] in f'{OPENING}"'
    depth, in_quotes, position = 0, False, start
    while marked and position < len(text):
        character = text[position]
        if in_quotes and character == "\\":
            position += 1
        elif character == '"':
            in_quotes = not in_quotes
        elif not in_quotes:
            depth += (character in OPENING) - (character in CLOSING)
        position += 1
        if depth <= 0 and not in_quotes:
            break
    return _find(text, ",", position)

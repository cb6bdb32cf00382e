"""Telling two versions of a user's metric apart by its code."""

import functools
import json
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from untrained.runtime.identity import UNREADABLE, code_of, described, readable
from untrained.runtime.lookup import file_of


def source(function: Callable[..., Any]) -> str:
    """Tells which code a metric is, and the file that holds it.

    Args:
        function: the metric's function, or an object that is called.

    Returns:
        `package.module:name#hash` (or `file.py:name#hash`) of a user's function, the hash being that of its code and of
        what it was made with (see `described`), or `UNREADABLE` without a source file; "" for one of this package.
    """
    module = _module(function)
    if module.partition(".")[0] == "untrained":
        return ""
    name = getattr(_plain(function), "__qualname__", type(function).__qualname__).removesuffix(".function")
    file = file_of(function)
    told = [code_of(function), described(function)]
    version = blake2b(json.dumps(told).encode(), digest_size=6).hexdigest() if readable(told) else UNREADABLE
    return f"{file.path.name if file else module}:{name}#{version}"


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    return _plain(function.func) if isinstance(function, functools.partial) else function


def _module(function: Callable[..., Any]) -> str:
    return getattr(_plain(function), "__module__", None) or ""

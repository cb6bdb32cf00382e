"""Telling two versions of a user's metric apart by its code."""

import ast
import functools
import inspect
import re
import sys
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch

from untrained.runtime.lookup import file_of
from untrained.runtime.provenance import raw_bytes


def source(function: Callable[..., Any]) -> str:
    """`package.module:name#hash` (or `file.py:name#hash`) of a user's function; empty for one of this package.

    The hash stands for all code of the function's file, but for comments and layout, and for what the function was made
    with: its defaults, a partial's arguments, a closure's variables, the attributes of an object. Where there is no
    file, as in a notebook, it stands for the function's text and for all that it names in its own module. Code imported
    from elsewhere is not in it.
    """
    module = _module(function)
    if module.partition(".")[0] == "untrained":
        return ""
    name = getattr(_plain(function), "__qualname__", type(function).__qualname__).removesuffix(".function")
    file = file_of(function)
    text = f"{_code(module)}\0{_told(function, (), set())}"
    return f"{file.path.name if file else module}:{name}#{blake2b(text.encode(), digest_size=6).hexdigest()}"


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    return _plain(function.func) if isinstance(function, functools.partial) else function


def _module(function: Callable[..., Any]) -> str:
    return getattr(_plain(function), "__module__", None) or ""


_read: dict[str, tuple[Any, str | None]] = {}
"""Module -> its spec, which is another after a reload, and the code of its file as first asked for."""


def _code(module: str) -> str | None:
    found = sys.modules.get(module)
    spec = getattr(found, "__spec__", None)
    if module not in _read or _read[module][0] is not spec:
        try:
            code = ast.dump(ast.parse(Path(str(getattr(found, "__file__", ""))).read_bytes()))
        except (OSError, ValueError, SyntaxError):  # no source: a prompt, a notebook's cell, an extension
            code = None
        _read[module] = spec, code
    return _read[module][1]


def _told(thing: Any, within: tuple[int, ...], read: set[int]) -> str:
    """What tells `thing` from others that the same code makes; the same in every process.

    within: what it is a part of. read: functions and classes without a file whose text has been told.
    """
    if id(thing) in within:
        return "..."

    def told(parts: Any) -> str:
        return _told(parts, (*within, id(thing)), read)

    def text() -> str:
        if id(thing) in read or _code(thing.__module__) is not None:
            return ""
        read.add(id(thing))
        if isinstance(thing, FunctionType):
            return told(_named_by(thing))
        return told({name: part for name, part in vars(thing).items() if isinstance(part, FunctionType)})

    if isinstance(thing, functools.partial):
        return f"partial{told([thing.func, thing.args, thing.keywords])}"
    if isinstance(thing, MethodType):
        return f"method{told([thing.__func__, thing.__self__])}"
    if isinstance(thing, FunctionType):
        made_with = [thing.__defaults__, thing.__kwdefaults__, dict(inspect.getclosurevars(thing).nonlocals)]
        return f"{thing.__qualname__}{told(made_with)}{text()}"
    if isinstance(thing, list | tuple):
        return f"[{','.join(map(told, thing))}]"
    if isinstance(thing, dict):
        return f"{{{','.join(f'{key!r}:{told(thing[key])}' for key in sorted(thing, key=repr))}}}"
    if isinstance(thing, set | frozenset):
        return f"set[{','.join(sorted(map(told, thing)))}]"
    if isinstance(thing, torch.Tensor | np.ndarray):
        if thing.dtype == object:
            return told(thing.tolist())
        numbers = raw_bytes(thing) if isinstance(thing, torch.Tensor) else thing.tobytes()
        return f"{thing.dtype}{tuple(thing.shape)}{blake2b(numbers).hexdigest()}"
    if isinstance(thing, type):
        return f"{thing.__qualname__}{text() if thing.__module__ != 'builtins' else ''}"
    if isinstance(thing, ModuleType | BuiltinFunctionType):
        return thing.__name__
    if type(thing).__module__ != "builtins" and hasattr(thing, "__dict__"):
        return f"{told(type(thing))}{told(vars(thing))}"
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(thing))


def _named_by(function: FunctionType) -> list[Any]:
    """The text of a function that stands in no file, and what it names in its own module."""
    try:
        text = inspect.getsource(function)
    except OSError:
        text = repr((function.__code__.co_code, function.__code__.co_consts))
    own = {name: function.__globals__[name] for name in _names(function.__code__) if name in function.__globals__}
    # A Metric called by its function's name stands for that function.
    return [text, {name: getattr(value, "function", value) for name, value in own.items()}]


def _names(code: CodeType) -> set[str]:
    """The names that `code`, and the functions within it, look up."""
    return set(code.co_names).union(*(_names(inner) for inner in code.co_consts if isinstance(inner, CodeType)))

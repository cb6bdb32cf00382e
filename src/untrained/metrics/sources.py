"""Where the code of a user's metric is, and telling two versions of it apart."""

import functools
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from hashlib import blake2b
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

FROM_FILE = "untrained_file_"
"""Modules loaded from a file that is no part of a package are called so, and by the hash of what they hold."""


class SourceFile:
    """A Python file loaded as a module. Unpickled, it is loaded again: what follows it in the pickle is found there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.module = _load(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return SourceFile, (self.path,)


def _load(path: Path) -> ModuleType:
    name = FROM_FILE + blake2b(bytes(path) + b"\0" + path.read_bytes(), digest_size=8).hexdigest()
    if name not in sys.modules:
        spec = spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is not a Python file: its name must end in .py")
        module = sys.modules[name] = module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def file_of(function: Callable[..., Any]) -> SourceFile | None:
    """The file that `function` was loaded from, where no import finds it."""
    module = sys.modules.get(_module(function))
    if module is None or not module.__name__.startswith(FROM_FILE):
        return None
    return SourceFile(Path(str(module.__file__)))


def source(function: Callable[..., Any]) -> str:
    """`package.module:name#hash` (or `file.py:name#hash`) of a user's function; empty for one of this package.

    The hash stands for the function's text and for all that it names in its own module: functions, classes and
    constants. Code imported from elsewhere is not in it.
    """
    module = _module(function)
    if module.partition(".")[0] == "untrained":
        return ""
    name = getattr(_plain(function), "__qualname__", type(function).__qualname__).removesuffix(".function")
    file = file_of(function)
    digest = blake2b("\0".join(_texts(function, set())).encode(), digest_size=6).hexdigest()
    return f"{file.path.name if file else module}:{name}#{digest}"


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    return _plain(function.func) if isinstance(function, functools.partial) else function


def _module(function: Callable[..., Any]) -> str:
    return getattr(_plain(function), "__module__", None) or ""


def _texts(thing: Any, seen: set[int]) -> Iterator[str]:
    """The texts that `thing` is made of, in a fixed order."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, functools.partial):
        yield from (text for part in (thing.func, thing.args, thing.keywords) for text in _texts(part, seen))
    elif isinstance(thing, FunctionType):
        yield _text(thing)
        named = {name: thing.__globals__[name] for name in _names(thing.__code__) if name in thing.__globals__}
        named |= inspect.getclosurevars(thing).nonlocals
        for name, value in sorted(named.items()):
            # A Metric called by its function's name stands for that function.
            inner = getattr(value, "function", value)
            if getattr(inner, "__module__", thing.__module__) == thing.__module__:
                yield name
                yield from _texts(inner, seen)
    elif isinstance(thing, type):
        yield _text(thing)
    elif callable(thing):
        yield _text(type(thing))
        yield from _texts(getattr(thing, "__dict__", None), seen)
    else:
        try:
            yield json.dumps(thing, sort_keys=True)
        except (TypeError, ValueError):  # no constant
            yield type(thing).__qualname__


def _text(thing: Any) -> str:
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):  # typed at a prompt
        return repr(thing.__code__.co_code) if isinstance(thing, FunctionType) else thing.__qualname__


def _names(code: CodeType) -> set[str]:
    """The names that `code`, and the functions within it, look up."""
    return set(code.co_names).union(*(_names(inner) for inner in code.co_consts if isinstance(inner, CodeType)))

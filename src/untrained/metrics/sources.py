"""Where the code of a user's metric is, and telling two versions of it apart."""

import ast
import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from hashlib import blake2b
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch

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

    The hash stands for all code of the function's file, but for comments and layout, and for what the function was made
    with: a partial's arguments, a closure's variables, the attributes of an object. Code imported from elsewhere is not
    in it.
    """
    module = _module(function)
    if module.partition(".")[0] == "untrained":
        return ""
    name = getattr(_plain(function), "__qualname__", type(function).__qualname__)
    file = file_of(function)
    text = "\0".join([_code(module) or _text(function), *_made_with(function, {})])
    return f"{file.path.name if file else module}:{name}#{blake2b(text.encode(), digest_size=6).hexdigest()}"


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    return _plain(function.func) if isinstance(function, functools.partial) else function


def _module(function: Callable[..., Any]) -> str:
    return getattr(_plain(function), "__module__", None) or ""


@functools.cache  # what has been imported stays as it is, whatever becomes of its file
def _code(module: str) -> str | None:
    file = getattr(sys.modules.get(module), "__file__", None)
    try:
        return None if file is None else ast.dump(ast.parse(Path(file).read_bytes()))
    except (OSError, ValueError, SyntaxError):  # no source, such as an extension or a notebook's cell
        return None


def _text(function: Callable[..., Any]) -> str:
    thing: Any = _plain(function)
    try:
        return inspect.getsource(thing if inspect.isroutine(thing) else type(thing))
    except (OSError, TypeError):  # typed at a prompt
        return repr(thing.__code__.co_code) if isinstance(thing, FunctionType) else str(type(thing))


def _made_with(thing: Any, seen: dict[int, Any]) -> Iterator[str]:
    """What tells `thing` from others that the same code makes, in a fixed order."""
    if id(thing) in seen:
        return
    seen[id(thing)] = thing
    if isinstance(thing, functools.partial):
        parts: list[Any] = [thing.func, thing.args, thing.keywords]
    elif isinstance(thing, MethodType):
        parts = [thing.__func__, thing.__self__]
    elif isinstance(thing, FunctionType):
        yield thing.__qualname__
        parts = [dict(inspect.getclosurevars(thing).nonlocals)]
    elif isinstance(thing, list | tuple):
        parts = list(thing)
    elif isinstance(thing, dict):
        parts = [part for key in sorted(thing, key=repr) for part in (repr(key), thing[key])]
    elif isinstance(thing, set | frozenset):
        parts = sorted(map(repr, thing))
    elif isinstance(thing, torch.Tensor | np.ndarray):
        array = thing.detach().cpu().numpy() if isinstance(thing, torch.Tensor) else thing
        yield f"{array.dtype}{array.shape}{blake2b(array.tobytes()).hexdigest()}"
        return
    elif isinstance(thing, type | ModuleType) or not hasattr(thing, "__dict__"):
        yield thing.__name__ if isinstance(thing, type | ModuleType) else repr(thing)
        return
    else:
        yield type(thing).__qualname__
        parts = [vars(thing)]
    for part in parts:
        yield from _made_with(part, seen)

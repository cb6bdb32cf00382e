"""What tells a value, or a piece of code, from another, in every process alike."""

import copyreg
import functools
import json
import math
import sys
from collections.abc import Mapping
from hashlib import blake2b
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from untrained.runtime.code import UNREADABLE, code_of, variables_of
from untrained.runtime.provenance import difference, raw_bytes

__all__ = ["UNREADABLE", "code_of", "described", "difference", "readable"]

LONGEST = 300
"""A description of more characters than these is replaced by its hash."""


def described(value: Any) -> Any:
    """Describes what tells `value` from another, as JSON.

    Numbers, strings, lists and dictionaries with keys of strings stand for themselves (a tuple is described as a list);
    tensors and arrays by dtype, shape and a hash of their numbers; functions and classes by name and code (`code_of`),
    and by the data of their module that they read, functions also by their defaults and the variables around them;
    other objects by their class and by the state that `copy` or `pickle` would take of them, without cached properties.
    Long descriptions are hashed.

    Args:
        value: anything.

    Returns:
        JSON-able data. `UNREADABLE` stands in it for what cannot be told from another: a lock, an open file, a
        generator, or code without a source file. Never a memory address.

    Example:
        >>> from untrained.runtime.identity import described
        >>> described({"width": 8, "depths": (1, 2), "kinds": {"b", "a"}})
        {'width': 8, 'depths': [1, 2], 'kinds': {'<set>': ['a', 'b']}}
    """
    return _Describer().of(value)


def readable(description: Any) -> bool:
    """Returns whether nothing in a description is `UNREADABLE`.

    Args:
        description: what `described` or `code_of` gave.
    """
    return UNREADABLE not in json.dumps(description)


CONSTANTS = (bool, int, float, str, tuple)
DATA = (type(None), *CONSTANTS, bytes, list, dict, set, frozenset, nn.Module, Dataset)
"""What counts of the variables of a module, beside arrays: other objects are loggers, clients, arguments."""


class _Describer:
    """Describes one value; what is met again, in a circle or by another way, is not followed twice."""

    def __init__(self) -> None:
        self._within = dict[int, int]()  # id of an object around this one -> how deep it stands
        self._done = dict[int, tuple[Any, Any]]()  # id -> (the object, which keeps the id its own, its description)
        self._reach = math.inf  # how far up a circle led since the object was entered

    def of(self, value: Any) -> Any:
        if value is None or type(value) in (bool, int, float, str):
            return value
        key, depth = id(value), len(self._within)
        if key in self._done:
            return self._done[key][1]
        if key in self._within:
            self._reach = min(self._reach, self._within[key])
            return f"<{depth - self._within[key]} up>"
        before, self._reach = self._reach, math.inf
        self._within[key] = depth
        found = _shortened(self._parts(value))
        del self._within[key]
        if self._reach >= depth:  # no circle leads out of it, so it is the same wherever it stands
            self._done[key] = value, found
            self._reach = math.inf
        self._reach = min(self._reach, before)
        return found

    def _parts(self, value: Any) -> Any:
        match value:
            case np.generic() if value.dtype != object and value.dtype.names is None:
                return self.of(value.item()) if type(value.item()) is not type(value) else repr(value)
            case bytes() | bytearray():
                return f"<bytes {_hash(bytes(value))}>"
            case torch.Tensor() | np.ndarray():
                return self._array(value)
            case ModuleType():
                return self._named("module", value, value.__name__)
            case type():
                return self._named("class", value, value.__qualname__) | self._around(value)
            case FunctionType():
                return self._named("function", value, value.__qualname__) | self._around(value)
            case BuiltinFunctionType():
                own = value.__self__  # the module, or what a method is bound to
                bound = {} if own is None or isinstance(own, ModuleType | type) else {"of": self.of(own)}
                return {"<function>": value.__qualname__} | bound
            case MethodType():
                return {"<method>": self.of(value.__func__), "of": self.of(value.__self__)}
            case functools.partial():
                made_with = {"args": self.of(value.args), "keywords": self.of(value.keywords)}
                return {"<partial>": self.of(value.func)} | made_with
        if type(value) in (list, tuple):
            return [self.of(part) for part in value]
        if type(value) is dict:
            return self._pairs(value)
        if type(value) in (set, frozenset):
            return {"<set>": sorted((self.of(part) for part in value), key=_json)}
        return self._object(value)

    def _pairs(self, value: Mapping[Any, Any]) -> Any:
        if all(type(key) is str for key in value):
            return {key: self.of(part) for key, part in value.items()}
        return {"<dict>": sorted(([self.of(key), self.of(part)] for key, part in value.items()), key=_json)}

    def _array(self, value: Any) -> Any:
        if isinstance(value, np.ndarray) and value.dtype.hasobject:
            return {"<array>": list(value.shape), "of": self.of(value.ravel().tolist())}
        try:
            numbers = raw_bytes(value) if isinstance(value, torch.Tensor) else value.tobytes()
        except (RuntimeError, TypeError, NotImplementedError):  # a tensor without numbers of its own
            return UNREADABLE
        return f"<{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)} {_hash(numbers)}>"

    def _named(self, kind: str, value: Any, name: str) -> dict[str, Any]:
        code = code_of(value)
        # Code with a version is told by its place, a user's by its text: the file can be moved, as ours are.
        place = "" if code or isinstance(value, ModuleType) else f"{value.__module__}:"
        place = "untrained:" if place.startswith("untrained.") else place
        return {f"<{kind}>": f"{place}{name}"} | ({"code": code} if code else {})

    def _around(self, value: Any) -> dict[str, Any]:
        """What a function was made with: defaults, attributes, variables around it; of a class, that of its methods."""
        if isinstance(value, type):
            return self._around_class(value)
        names = value.__code__.co_freevars
        cells = dict(zip(names, value.__closure__ or (), strict=True))
        parts: dict[str, Any] = {
            "defaults": [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).items()],
            "variables": {name: _content(cell) for name, cell in cells.items() if name != "__class__"},
            "attributes": {name: part for name, part in vars(value).items() if not name.startswith("__")},
        }
        told = {name: self.of(part) for name, part in parts.items() if part}
        return told | self._globals(variables_of(value))

    def _globals(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Data that code reads from its module: what cannot be told, as an open file, is no data."""
        data = {n: v for n, v in variables.items() if isinstance(v, DATA) or hasattr(type(v), "__array__")}
        told = {name: found for name, part in data.items() if readable(found := self.of(part))}
        return {"globals": told} if told else {}

    def _around_class(self, value: type) -> dict[str, Any]:
        """What a user's class was made with: its constants, which can be set anew, and what is around its methods.

        Lists, dictionaries and sets do not count there: mostly they are logs and caches, which grow with every call.
        """
        made, read = dict[str, Any](), dict[str, Any]()
        for owner in value.__mro__[:-1]:
            read |= variables_of(owner)
        for owner in value.__mro__[:-1] if code_of(value) else ():
            file = getattr(sys.modules.get(owner.__module__), "__file__", None)
            for name, part in vars(owner).items() if code_of(owner) else ():
                if type(part) in CONSTANTS and not name.startswith("__"):
                    made[f"{owner.__qualname__}.{name}"] = self.of(part)
                elif isinstance(part, FunctionType) and part.__code__.co_filename == file:  # not made by @dataclass
                    cells = zip(part.__code__.co_freevars, map(_content, part.__closure__ or ()), strict=True)
                    variables = {n: v for n, v in cells if n != "__class__" and type(v) not in (list, dict, set)}
                    made |= {part.__qualname__: self._pairs(variables)} if variables else {}
        return ({"made with": made} if made else {}) | self._globals(read)

    def _object(self, value: Any) -> Any:
        kind = type(value)
        try:
            taken = _taken(value)
        except Exception:  # whatever an object says that cannot be copied
            return UNREADABLE
        if isinstance(taken, str):
            return f"<{kind.__module__}:{taken}>"
        make, args, state, items, pairs = [*taken, None, None, None][:5]
        told: dict[str, Any] = {"<object>": self.of(kind)}
        made = args[1:] if getattr(make, "__name__", "") in ("__newobj__", "_reconstructor") else (make, *args)
        parts = {"args": made, "items": list(items or ()), "pairs": list(pairs or ())}
        told |= {name: self.of(part) for name, part in parts.items() if part}
        halves: Any = state if type(state) is tuple and len(state) == 2 else (state, None)  # __dict__ and __slots__
        if all(type(half) is dict or half is None for half in halves):
            return told | self._state(value, {name: part for half in halves for name, part in (half or {}).items()})
        return told | {"state": self.of(state)}

    def _state(self, value: Any, state: Mapping[str, Any]) -> dict[str, Any]:
        cached = {
            name for c in type(value).__mro__ for name, v in vars(c).items() if isinstance(v, functools.cached_property)
        }
        kept = {name: part for name, part in sorted(state.items()) if name not in cached}
        return {"state": self._pairs(kept)} if kept else {}


def _taken(value: Any) -> Any:
    """What pickle takes of an object: how to make it anew, and its state."""
    if reduce := copyreg.dispatch_table.get(type(value)):
        return reduce(value)
    methods = ("__reduce__", "__reduce_ex__")
    owner = next(c for c in type(value).__mro__ if not vars(c).keys().isdisjoint(methods))
    if owner.__module__.startswith("untrained."):  # ours say where a user's file is, which is no matter
        return copyreg.__newobj__, (type(value),), value.__getstate__()  # type: ignore[attr-defined]
    return value.__reduce_ex__(4)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a variable that has no value yet
        return "<empty>"


def _hash(numbers: bytes) -> str:
    return blake2b(numbers, digest_size=8).hexdigest()


def _json(description: Any) -> str:
    return json.dumps(description, sort_keys=True)


def _shortened(description: Any) -> Any:
    if isinstance(description, str):
        return description
    text = _json(description)
    if len(text) <= LONGEST:
        return description
    return UNREADABLE if UNREADABLE in text else f"<{len(description)} parts, {_hash(text.encode())}>"

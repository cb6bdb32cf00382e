"""Whether two networks are the same, as far as that can be told without running them."""

import functools
from collections.abc import Mapping
from hashlib import blake2b
from types import BuiltinFunctionType, FunctionType
from typing import Any
from weakref import ref

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from untrained.runtime.provenance import raw_bytes

MOST_MODULES = 2_000
"""A network of more modules is not compared with others."""
TENSORS = ("_parameters", "_buffers", "_modules")
HOOKS = tuple(name for name, value in vars(nn.Module()).items() if "hook" in name and value == {})


class _Untold(Exception):
    """A part of a network cannot be told from another."""


def structure_of(net: nn.Module) -> bytes | None:
    """Hashes how a network is built: its tree of modules with all they hold, but for the numbers in its tensors.

    Two networks of one process have the same hash only if their modules are of the same classes, under the same names
    and in the same order, hold equal values, shapes and functions, and share the same parts.

    Args:
        net: a network, on any device.

    Returns:
        The hash; None if a module holds something that cannot be compared, or its class was made while it was built.
    """
    try:
        return blake2b(repr(_Reader(net).parts()).encode("utf-8", "surrogatepass"), digest_size=16).digest()
    except _Untold:
        return None


def content_of(net: nn.Module) -> bytes:
    """Hashes the numbers in the parameters and buffers of a network."""
    found = blake2b(digest_size=16)
    for name, tensor in [*net.named_parameters(), *net.named_buffers()]:
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(raw_bytes(tensor.detach()))
    return found.digest()


class _Reader:
    """Reads a network part by part; each module and tensor has a number, by which it is known again."""

    def __init__(self, net: nn.Module) -> None:
        self.modules = list(net.named_modules(remove_duplicate=False))
        if len(self.modules) > MOST_MODULES:
            raise _Untold
        self.number = dict[int, int]()
        for _, module in self.modules:
            for part in (module, *module._parameters.values(), *module._buffers.values()):
                if part is not None:
                    self.number.setdefault(id(part), len(self.number))

    def parts(self) -> list[Any]:
        seen, found = set[int](), list[Any]()
        for name, module in self.modules:
            found.append((name, self.number[id(module)]))
            if id(module) not in seen:
                seen.add(id(module))
                found.append(self._module(module))
        return found

    def _module(self, module: nn.Module) -> Any:
        kind = type(module)
        if "<locals>" in kind.__qualname__:  # another class at every run, which may hold what it was made with
            raise _Untold
        state = {name: part for name, part in vars(module).items() if name not in TENSORS}
        if any(state.pop(name, None) for name in HOOKS):
            raise _Untold
        tensors = [
            (name, None if part is None else (self.number[id(part)], self._tensor(part)))
            for held in (module._parameters, module._buffers)
            for name, part in held.items()
        ]
        return _identity(kind), tensors, self._value(state)

    def _tensor(self, tensor: Tensor) -> Any:
        if is_lazy(tensor):
            raise _Untold
        if type(tensor) not in (Tensor, nn.Parameter):
            return _identity(type(tensor)), tuple(tensor.shape), str(tensor.dtype)
        return type(tensor).__name__, tuple(tensor.shape), str(tensor.dtype), tensor.requires_grad

    def _value(self, value: Any) -> Any:
        match value:
            case None | bool() | int() | float() | complex() | str() | bytes():
                if type(value).__module__ != "builtins":
                    raise _Untold
                return type(value).__name__, repr(value)
            case torch.dtype() | torch.device() | torch.Size() | range() | slice():
                return repr(value)
            case type() | BuiltinFunctionType():
                return _identity(value)
            case FunctionType() if "<locals>" not in value.__qualname__ and not value.__closure__:
                return _identity(value)
            case Tensor() | nn.Module() if id(value) in self.number:
                return "part", self.number[id(value)]
            case ref():
                return "ref", self._value(value())
            case functools.partial():
                return "partial", self._value(value.func), self._value(list(value.args)), self._value(value.keywords)
        if type(value) in (list, tuple):
            return type(value).__name__, [self._value(part) for part in value]
        if type(value) in (set, frozenset):
            return "set", sorted(repr(self._value(part)) for part in value)
        if isinstance(value, Mapping) and type(value).__module__ in ("builtins", "collections"):
            return "dict", [(self._value(key), self._value(part)) for key, part in value.items()]
        raise _Untold


def _identity(thing: Any) -> tuple[str, str, int]:
    """A class or function of this process; two of the same name are told apart."""
    return str(getattr(thing, "__module__", "")), str(getattr(thing, "__qualname__", "")), id(thing)

"""The forward pass of one module as a graph, in which calls of other modules are single nodes.

`torch.fx` follows the module's code with stand-ins for tensors. Here each stand-in also knows the value that it has for
an example, so that code may ask for sizes, types and lengths. What depends on the numbers in a tensor is refused.
"""

import inspect
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.node import map_arg
from torch.utils._pytree import tree_leaves

from untrained.deploying.export.python.calls import ModuleCall
from untrained.runtime.tracing import replaced


class DataDependentError(Exception):
    """The code of a module asks for a number in a tensor."""


@dataclass(frozen=True)
class Traced:
    """The graph of a module's forward pass."""

    graph: fx.Graph
    inputs: tuple[str, ...]
    """The names of the arguments that tensors come in by."""
    values: dict[fx.Node, Any]
    """Node -> its value for the example; tensors have their form alone."""
    changing: frozenset[fx.Node]
    """The nodes that change a tensor in place."""
    read: frozenset[int]
    """The `id` of each parameter and buffer that is read."""


def trace(module: nn.Module, call: ModuleCall) -> Traced:
    """Follows the forward pass of a module for the arguments of an example.

    Args:
        module: The module. Constants that its code makes become attributes of it.
        call: The example. Arguments without tensors are taken as they are there.

    Returns:
        The graph.

    Raises:
        Exception: Whatever `torch.fx` or the module's code raises if it cannot be followed.
    """
    before = set(vars(module))
    try:
        return _traced(module, call, fixed_sizes=False)
    except Exception:
        for name in set(vars(module)) - before:  # constants of the first attempt
            delattr(module, name)
        return _traced(module, call, fixed_sizes=True)


def _traced(module: nn.Module, call: ModuleCall, fixed_sizes: bool) -> Traced:
    """Follows a module; with `fixed_sizes`, all sizes but the first are the numbers that they are in the example."""
    own = type(module)
    bound = inspect.signature(own.forward).bind(module, *call.args, **call.kwargs)
    self_name, *_ = bound.arguments
    given = {name: value for name, value in bound.arguments.items() if name != self_name}
    symbolic = {name: value for name, value in _flat(own.forward, given).items() if _has_tensors(value)}

    def forward(module: nn.Module, values: dict[str, Any]) -> Any:
        for name, value in values.items():
            parameter, _, index = name.partition("__")
            if index:
                bound.arguments[parameter] = _replaced(bound.arguments[parameter], int(index), value)
            else:
                bound.arguments[parameter] = value
        return own.forward(*bound.args, **bound.kwargs)

    # torch.fx makes a stand-in for each parameter of `forward`: here of those alone that take tensors.
    names = ", ".join(symbolic)
    pairs = ", ".join(f"'{name}': {name}" for name in symbolic)
    scope: dict[str, Any] = {"forward_with": forward}
    exec(f"def forward(self{', ' if names else ''}{names}): return forward_with(self, {{{pairs}}})", scope)
    tracer = _Tracer(symbolic, fixed_sizes)
    with torch.no_grad(), replaced([module], {"isinstance": _isinstance, "len": _len}):
        module.__class__ = type(own.__name__, (own,), {"forward": scope["forward"]})
        try:
            graph = tracer.trace(module)
        finally:
            module.__class__ = own
    read = frozenset(id(value) for node, value in tracer.values.items() if node.op == "get_attr" and node.users)
    # Forms are enough from here on: all values of all modules would take much memory.
    values = {node: _form(value) for node, value in tracer.values.items()}
    return Traced(graph, tuple(symbolic), values, frozenset(tracer.changing), read)


def _form(value: Any) -> Any:
    """A value whose tensors have a form, but no numbers."""
    match value:
        case Tensor():
            return value.to("meta")
        case list() | tuple() if type(value) in (list, tuple):
            return type(value)(map(_form, value))
        case dict():
            return {name: _form(part) for name, part in value.items()}
    return value


def _flat(function: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
    """Arguments by name, those of `*args` by name and number."""
    kinds = {name: parameter.kind for name, parameter in inspect.signature(function).parameters.items()}
    flat = dict[str, Any]()
    for name, value in given.items():
        if kinds[name] is inspect.Parameter.VAR_POSITIONAL:
            flat |= {f"{name}__{i}": one for i, one in enumerate(value)}
        elif kinds[name] is inspect.Parameter.VAR_KEYWORD:
            if _has_tensors(value):
                raise DataDependentError("it takes tensors by **kwargs")
        else:
            flat[name] = value
    return flat


def _replaced(values: tuple[Any, ...], index: int, value: Any) -> tuple[Any, ...]:
    return *values[:index], value, *values[index + 1 :]


def _has_tensors(value: Any) -> bool:
    return any(isinstance(leaf, Tensor) for leaf in tree_leaves(value))


def _isinstance(x: Any, kinds: Any) -> bool:
    """`isinstance`, for which a stand-in is what it stands for.

    A stand-in whose class pretends to be a tensor would be taken for one by code in C, too, which crashes.
    """
    return isinstance(x.value if type(x) is _Proxy else x, kinds)


def _len(x: Any) -> Any:
    """`len`, which of a stand-in for a tensor is a stand-in, too."""
    return x.shape[0] if type(x) is _Proxy and isinstance(x.value, Tensor) else len(x)


class _Proxy(fx.Proxy):
    """A stand-in that knows its value for the example."""

    @property
    def value(self) -> Any:
        return self.tracer.values[self.node]  # pyright: ignore[reportAttributeAccessIssue]

    def __getitem__(self, index: Any) -> Any:
        return self.tracer.create_proxy("call_function", operator.getitem, (self, index), {})

    def __getattr__(self, name: str) -> Any:
        value = self.value
        if name.startswith("__") and name.endswith("__") and not hasattr(value, name):
            raise AttributeError(name)
        if isinstance(value, dict) and name in ("items", "keys", "values"):
            entries = {key: self[key] for key in value}
            return getattr(entries, name)
        if isinstance(value, Tensor) and name in ("dtype", "ndim"):
            return getattr(value, name)
        if isinstance(value, Tensor) and name in ("shape", "size") and self.tracer.fixed_sizes:  # pyright: ignore[reportAttributeAccessIssue]
            shape: Any = self.tracer.create_proxy("call_function", getattr, (self, "shape"), {})
            sizes = (shape[0], *value.shape[1:]) if value.ndim else ()
            return sizes if name == "shape" else lambda dim=None: sizes if dim is None else sizes[dim]
        if callable(getattr(value, name)):
            return super().__getattr__(name)
        return self.tracer.create_proxy("call_function", getattr, (self, name), {})

    def __iter__(self) -> Iterator[Any]:
        value = self.value
        return iter(value) if isinstance(value, dict) else iter([self[i] for i in range(len(value))])

    def __len__(self) -> int:
        return len(self.value)

    def __contains__(self, item: object) -> bool:
        return item in self.value

    def __setitem__(self, index: Any, value: Any) -> None:
        self.tracer.create_proxy("call_function", operator.setitem, (self, index, value), {})

    def __iadd__(self, other: Any) -> Any:
        return self._changed(operator.iadd, operator.add, other)

    def __isub__(self, other: Any) -> Any:
        return self._changed(operator.isub, operator.sub, other)

    def __imul__(self, other: Any) -> Any:
        return self._changed(operator.imul, operator.mul, other)

    def __itruediv__(self, other: Any) -> Any:
        return self._changed(operator.itruediv, operator.truediv, other)

    def _changed(self, in_place: Callable[..., Any], new: Callable[..., Any], other: Any) -> Any:
        """`x += y`: tensors are changed, numbers are not."""
        function = in_place if isinstance(self.value, Tensor) else new
        return self.tracer.create_proxy("call_function", function, (self, other), {})

    def _number(self) -> Any:
        if isinstance(self.value, Tensor):
            raise DataDependentError("it depends on the numbers in a tensor")
        return self.value

    def __bool__(self) -> bool:
        return bool(self._number())

    def __int__(self) -> int:
        return int(self._number())

    def __float__(self) -> float:
        return float(self._number())

    def __index__(self) -> int:
        return self._number().__index__()


class _Tracer(fx.Tracer):
    """Follows one module; all modules below are single nodes."""

    proxy_buffer_attributes = True

    def __init__(self, inputs: dict[str, Any], fixed_sizes: bool) -> None:
        super().__init__()
        self.fixed_sizes = fixed_sizes
        self.values = dict[fx.Node, Any]()
        self.changing = set[fx.Node]()
        self._inputs = inputs
        self._computing = False

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return True

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)

    def create_arg(self, a: Any) -> Any:
        return a.node if issubclass(type(a), fx.Proxy) else super().create_arg(a)

    def create_node(self, *args: Any, **kwargs: Any) -> fx.Node:
        node = super().create_node(*args, **kwargs)
        if not self._computing:
            self._compute(node)
        return node

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        return forward(*args, **kwargs) if self._computing else super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, fx.Proxy]) -> Any:
        return attr_val if self._computing else super().getattr(attr, attr_val, parameter_proxy_cache)

    def _compute(self, node: fx.Node) -> None:
        args, kwargs = map_arg((node.args, node.kwargs), lambda n: self.values[n])
        target: Any = node.target
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        before = [tensor._version for tensor in tensors]
        self._computing = True
        try:
            match node.op:
                case "placeholder":
                    value = self._inputs[target]
                case "get_attr":
                    value = self.root
                    for name in target.split("."):
                        value = getattr(value, name)
                case "call_module":
                    value = self.root.get_submodule(target)(*args, **kwargs)
                case "call_method":
                    value = getattr(args[0], target)(*args[1:], **kwargs)
                case "call_function":
                    value = target(*args, **kwargs)
                case _:
                    value = args[0]
        finally:
            self._computing = False
        self.values[node] = value
        if before != [tensor._version for tensor in tensors]:
            self.changing.add(node)

"""A tree of modules as classes: those of `torch.nn` are calls, all others get a class of their own."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from untrained.deploying.export.python.body import Body, body_of
from untrained.deploying.export.python.calls import ModuleCall
from untrained.deploying.export.python.expressions import TOKEN, attribute
from untrained.deploying.export.python.functions import Unnamed
from untrained.deploying.export.python.groups import Member, Merged, merged
from untrained.deploying.export.python.layers import constructor, is_layer
from untrained.deploying.export.python.names import identifier
from untrained.deploying.export.python.traced import Traced, trace
from untrained.deploying.export.python.tree import Argument, Call, Hole, Items, Text, Tree, Value, items, shape
from untrained.errors import InputError, one_line

FEW = 16
"""Numbers of a buffer that are written into the code."""


@dataclass(frozen=True)
class ClassCode:
    """A class of the file."""

    name: str
    base: Call
    """The class that it extends, and the arguments for its constructor."""
    about: str
    parameters: tuple[tuple[str, Any], ...]
    """Name and default of each argument of the constructor."""
    members: tuple[Member, ...]
    body: Body | None
    numbers: tuple[Tree, ...]
    extra: tuple[str, ...] = ()
    """More lines of the constructor."""


class Classes:
    """Writes modules as classes.

    Args:
        roots: Name of a class -> the module that it is to stand for, in evaluation mode. Constants in their code
            become buffers of them.
        calls: Module -> with what it is called, of all modules that are called.
        about: Name of a class -> its docstring.

    Raises:
        InputError: The code of a module cannot be followed or written down.
    """

    def __init__(
        self, roots: Mapping[str, nn.Module], calls: Mapping[nn.Module, ModuleCall], about: Mapping[str, str]
    ) -> None:
        self.found = list[ClassCode]()
        """The classes, each after those that it needs."""
        self._roots = {module: name for name, module in roots.items()}
        self._about = about
        self._calls = calls
        self._made = dict[nn.Module, Call]()
        self._literal = {m for name, root in roots.items() if name != "Network" for m in root.modules()}
        self._taken = {*roots, "Path", "OrderedDict", "load", "predict", "main"}
        self._paths = {
            m: f"{type(root).__name__}.{path}" for root in roots.values() for path, m in root.named_modules()
        }
        own = [module for module in self._paths if is_own(module)]
        self._traced = {module: self._followed(module) for module in own if module in calls}
        self._read = {tensor for traced in self._traced.values() for tensor in traced.read}
        for module in self._paths:
            _keep_constants(module)
        self._bodies = {module: self._body(module) for module in self._traced}
        own = [module for module in own if self.is_used(module)]
        self._build(own)
        for name, root in roots.items():
            if not is_own(root):
                self._add_plain_root(name, root)
        self.found.sort(key=lambda code: code.name == "Network")  # the network comes last

    def is_used(self, module: nn.Module) -> bool:
        """Whether the outputs depend on a module: it or a part of it is called, or a parameter is read."""
        if module in self._calls or any(id(t) in self._read for t in module.parameters(recurse=False)):
            return True
        return any(self.is_used(child) for child in module.children())

    def _is_kept(self, part: nn.Module | Tensor) -> bool:
        return self.is_used(part) if isinstance(part, nn.Module) else id(part) in self._read

    def _followed(self, module: nn.Module) -> Traced:
        try:
            if module._forward_hooks or module._forward_pre_hooks:
                raise Unnamed("it has hooks")
            return _renamed(module, trace(module, self._calls[module]))
        except Exception as error:  # whatever the module's code raises when it meets stand-ins
            raise self._refusal(module, error) from error

    def _body(self, module: nn.Module) -> Body:
        try:
            return body_of(module, self._traced[module], {m: t.inputs for m, t in self._traced.items()})
        except Unnamed as error:
            raise self._refusal(module, error) from error

    def _refusal(self, module: nn.Module, error: Exception) -> InputError:
        reason = one_line(error).removeprefix("Unnamed: ").removeprefix("DataDependentError: ")
        name = f"{type(module).__name__} ({self._paths[module].rstrip('.')})"
        return InputError(
            f"{name} cannot be written as Python: {reason[:120]} (the formats onnx and torch-export may take it)"
        )

    def _tree(self, module: nn.Module) -> Tree:
        """The call that makes a module."""
        if module in self._made:
            return self._made[module]
        try:
            if module._forward_hooks or module._forward_pre_hooks:
                raise Unnamed("it has hooks")
            if is_layer(module):
                return constructor(module)
            return self._container(module)
        except Unnamed as error:
            raise self._refusal(module, error) from error

    def _container(self, module: nn.Module) -> Tree:
        names, children = list(module._modules), [child or nn.Identity() for child in module._modules.values()]
        trees = [self._tree(child) if self.is_used(child) else Call("nn.Identity") for child in children]
        numbered = names == [str(i) for i in range(len(names))]
        if isinstance(module, nn.ParameterList | nn.ParameterDict):
            parameters = [
                (name, _parameter(tensor)) for name, tensor in module.named_parameters(remove_duplicate=False)
            ]
            is_list = isinstance(module, nn.ParameterList)
            inside = items([tree for _, tree in parameters], () if is_list else tuple(name for name, _ in parameters))
            return Call(f"nn.{'ParameterList' if is_list else 'ParameterDict'}", (Argument("values", inside),))
        if isinstance(module, nn.Sequential):
            inside = items(trees, () if numbered else tuple(names), brackets="" if numbered else "[]")
            named = inside if numbered else Call("OrderedDict", (Argument("parts", inside),))
            return Call("nn.Sequential", (Argument("parts", named),))
        if isinstance(module, nn.ModuleList):
            return Call("nn.ModuleList", (Argument("parts", items(trees)),))
        return Call("nn.ModuleDict", (Argument("parts", items(trees, tuple(names), "{}")),))

    def _members(self, module: nn.Module) -> list[Member]:
        members = list[Member]()
        for name, tensor in module._parameters.items():
            if tensor is not None and self._is_kept(tensor):
                members.append(Member(name, _parameter(tensor), "parameter"))
        for name, tensor in module._buffers.items():
            if tensor is not None and self._is_kept(tensor):
                tree = _buffer(tensor) if module in self._literal else _zeros(tensor)
                members.append(Member(name, tree, "buffer"))
        for name, child in module._modules.items():
            same = next((other for other, part in module._modules.items() if part is child), name)
            if child is not None and self._is_kept(child):
                again = same != name and same.isidentifier()
                members.append(Member(name, Text(f"self.{same}") if again else self._tree(child)))
        return members

    def _build(self, own: list[nn.Module]) -> None:
        """Makes the classes, those first that others need."""
        groups: dict[object, list[nn.Module]] = {}
        for module in own:
            groups.setdefault(self._key(module), []).append(module)
        waiting = list(groups.values())
        while waiting:
            ready = [
                g for g in waiting if all(part in self._made for m in g for part in _below(m) if self.is_used(part))
            ]
            if not ready:  # classes that are part of each other: modules of one height are not
                keyed: dict[object, list[nn.Module]] = {}
                for number, group in enumerate(waiting):
                    for module in group:
                        keyed.setdefault((number, _height(module)), []).append(module)
                waiting = list(keyed.values())
                continue
            for group in ready:
                self._add(group)
            waiting = [group for group in waiting if group not in ready]

    def _is_ready(self, module: nn.Module) -> bool:
        return all(part in self._made for part in _below(module) if self.is_used(part))

    def _key(self, module: nn.Module) -> object:
        """Equal for modules that may become one class."""
        body = self._bodies.get(module)
        text = None if body is None else (body.arguments, *(TOKEN.sub("", line) for line in body.lines))
        names = [name for name, part in _parts(module) if self._is_kept(part)]
        own = [part for part in _below(module) if type(part) is type(module)]
        return type(module), text, tuple(names), _height(module) if own else 0, self._roots.get(module)

    def _add(self, group: list[nn.Module]) -> None:
        members = {module: self._members(module) for module in group}
        numbers = self._numbers(group)
        found = merged([members[m] for m in group], [numbers[m] for m in group])
        if found is not None:
            return self._add_class(group, found)
        split: dict[object, list[nn.Module]] = {}
        for module in group:
            split.setdefault(tuple(shape(member.tree) for member in members[module]), []).append(module)
        for part in split.values():
            found = merged([members[m] for m in part], [numbers[m] for m in part])
            assert found is not None
            self._add_class(part, found)
        return None

    def _numbers(self, group: list[nn.Module]) -> dict[nn.Module, list[Hole]]:
        """The numbers in each forward pass, by the name of the attribute that has them in all modules, if one does."""
        if group[0] not in self._bodies:
            return {module: [] for module in group}
        numbers = {module: list(self._bodies[module].numbers) for module in group}
        for i, number in enumerate(numbers[group[0]]):
            same = (n for n in vars(group[0]) if all(vars(m).get(n) == numbers[m][i].value for m in group))
            hint = next(same, number.hint)
            for module in group:
                numbers[module][i] = numbers[module][i]._replace(hint=hint)
        return {module: [Hole(number.hint, number.value) for number in numbers[module]] for module in group}

    def _add_class(self, group: list[nn.Module], found: Merged) -> None:
        first = group[0]
        name = self._roots.get(first) or identifier(type(first).__name__, self._taken)
        self._taken.add(name)
        about = self._about.get(name) or _first_line(type(first))
        extra = tuple(tied(first)) if first in self._roots else ()
        base = Call("nn.Module")
        body = self._bodies.get(first)
        self.found.append(ClassCode(name, base, about, found.parameters, found.members, body, found.numbers, extra))
        for module, arguments in zip(group, found.arguments, strict=True):
            self._made[module] = Call(name, arguments)

    def _add_plain_root(self, name: str, root: nn.Module) -> None:
        tree = self._tree(root)
        assert isinstance(tree, Call)
        self.found.append(ClassCode(name, tree, self._about.get(name, ""), (), (), None, (), tuple(tied(root))))


def is_own(module: nn.Module) -> bool:
    """Whether a module gets a class of its own."""
    containers = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
    is_sequential = isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward
    return not (is_layer(module) or is_sequential or isinstance(module, containers)) and not _is_inside_layer(module)


def _is_inside_layer(module: nn.Module) -> bool:
    return type(module).__module__.startswith("torch.nn.modules.") and type(module) is not nn.Module


def _parts(module: nn.Module) -> Iterator[tuple[str, nn.Module | Tensor]]:
    for kept in (module._parameters, module._buffers, module._modules):
        yield from ((name, part) for name, part in kept.items() if part is not None)


def _below(module: nn.Module) -> list[nn.Module]:
    """The modules inside that get classes."""
    return [part for part in module.modules() if part is not module and is_own(part)]


def _height(module: nn.Module) -> int:
    return 1 + max(map(_height, module.children()), default=0)


def _keep_constants(module: nn.Module) -> None:
    """Makes tensors that are mere attributes buffers, and all buffers part of the state."""
    for name, value in list(vars(module).items()):
        if isinstance(value, Tensor):
            delattr(module, name)
            module.register_buffer(name, value)
    module._non_persistent_buffers_set.clear()


def _renamed(module: nn.Module, traced: Traced) -> Traced:
    """Gives constants that the code of a module makes the names constant, constant1, ..."""
    for node in traced.graph.nodes:
        if node.op == "get_attr" and str(node.target).startswith("_tensor_constant"):
            name = str(node.target).removeprefix("_tensor_").replace("constant0", "constant")
            if hasattr(module, str(node.target)) and not hasattr(module, name):
                setattr(module, name, getattr(module, str(node.target)))
                delattr(module, str(node.target))
            if not hasattr(module, str(node.target)):
                node.target = name
    return traced


def _zeros(tensor: Tensor) -> Call:
    sizes = [Argument("size", Value(size)) for size in tensor.shape] or [Argument("size", Value(()))]
    return Call("torch.zeros", (*sizes, Argument("dtype", Value(tensor.dtype), torch.float32, by_name=True)))


def _parameter(tensor: Tensor) -> Call:
    gradient = Argument("requires_grad", Value(tensor.requires_grad), True, by_name=True)
    return Call("nn.Parameter", (Argument("data", _zeros(tensor)), gradient))


def _buffer(tensor: Tensor) -> Tree:
    """A buffer whose numbers are in the code, if they are few."""
    few = (0 < tensor.numel() <= FEW and tensor.ndim <= 1) or 0 < tensor.numel() <= FEW // 2
    if not few or tensor.dtype not in (torch.float32, torch.float64, torch.int64):
        return _zeros(tensor)
    numbers = [repr(n) if tensor.dtype != torch.float32 else _short(n) for n in tensor.flatten().tolist()]
    if tensor.ndim > 1:
        return Text(f"torch.tensor([{', '.join(numbers)}]).view({', '.join(map(str, tensor.shape))})")
    inside = Items(tuple(map(Text, numbers))) if tensor.ndim else Text(numbers[0])
    dtype = Argument("dtype", Text("torch.float64"), by_name=True)
    return Call("torch.tensor", (Argument("data", inside), *([dtype] if tensor.dtype == torch.float64 else [])))


def _short(number: float) -> str:
    """The shortest text of a number in single precision."""
    import numpy as np

    text = str(np.float32(number))
    return f'float("{text}")' if text in ("nan", "inf", "-inf") else text


def _first_line(own: type[nn.Module]) -> str:
    text = (inspect.cleandoc(own.__doc__ or "").splitlines() or [""])[0]
    return "" if own.__doc__ == nn.Module.__doc__ else text


def tied(root: nn.Module) -> Iterator[str]:
    """Lines that make tied weights and modules one again."""
    first = dict[nn.Module, str]()
    shared = list[str]()
    for path, module in root.named_modules(remove_duplicate=False):
        if any(path.startswith(f"{other}.") for other in shared):
            continue
        if module in first:
            shared.append(path)
            if "." in path or "." in first[module]:  # others are the same from the beginning
                yield f"{attribute(root, path)} = {attribute(root, first[module])}"
        first.setdefault(module, path)
    known = dict[Tensor, str]()
    for path, tensor in root.named_parameters(remove_duplicate=False):
        if known.setdefault(tensor, path) != path and not any(path.startswith(f"{other}.") for other in shared):
            yield f"{attribute(root, path)} = {attribute(root, known[tensor])}"

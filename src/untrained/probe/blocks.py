"""Which modules of a network are its blocks, however the network's layers are nested.

A network's author groups the same layers in many ways: in one `nn.Sequential`, in `.features` and `.classifier`, in a
wrapper, in lists. None of that changes what the network computes, so none of it may change its blocks. What does tell
a block is the flow of data: a residual block, a cell or a transformer layer uses a tensor twice, or adds two; a mere
grouping hands its input from one child to the next.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from untrained.probe.evaluation import detached_state
from untrained.probe.hooks import hooked
from untrained.probe.probe import Probe, shared
from untrained.probe.runner import NORM_MODULES


@shared
def blocks(probe: Probe) -> tuple[list[nn.Module], bool]:
    """Returns the modules that are blocks, in the order in which the network holds them.

    If a module has a method `feature_modules()`, that method names them. Otherwise they are the outermost modules that

    - do more than hand their input from one child to the next: they use a tensor again after another was made of it;
    - hold a layer, or call two modules or more, as an activation written by hand does not.

    So are other modules of such a module's class, as an inverted residual block whose shortcut is off. The network
    itself is no block. Nor is a module that holds all the others: if there is only one outermost block, and it holds
    several in turn, these are the blocks.

    Args:
        probe: The network, with a batch on which it runs.

    Returns:
        The blocks, and whether the network names them itself.

    Example:
        The second layer adds what it makes to what it was given; the wrapper around all adds nothing:

        >>> layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        >>> net = nn.Sequential(nn.Sequential(nn.Linear(5, 8), layer))
        >>> blocks(Probe(net, torch.randn(2, 7, 5)))[0] == [layer]
        True
    """
    for module in probe.net.modules():
        if named := getattr(module, "feature_modules", None):
            return list(named()), True
    try:
        branching = _branching(probe.replace(inputs=probe.inputs[:2], targets=None, chunk=None))
    except Exception:  # whatever the network raises, as one whose samples are the nodes of one graph
        branching = _branching(probe)
    return _found(probe.net, branching), False


def _branching(probe: Probe) -> set[nn.Module]:
    """Returns the modules that do more than hand their input on."""
    flow = _Flow()
    hooks = [(module, flow.enter, flow.leave) for module in probe.net.modules()]
    with probe.untouched(), hooked(hooks, with_kwargs=True), torch.no_grad(), flow:
        probe.call(detached_state(probe), probe.inputs.detach())
    return flow.branching


def _found(net: nn.Module, branching: set[nn.Module]) -> list[nn.Module]:
    kinds = {type(module) for module in branching}

    def outermost(module: nn.Module) -> Iterator[nn.Module]:
        for child in module.children():
            if type(child) in kinds:
                yield child
            else:
                yield from outermost(child)

    first = level = list(dict.fromkeys(outermost(net)))  # a module that stands in two places is one block
    while len(level) == 1:
        level = list(dict.fromkeys(outermost(level[0])))
    return level or first


def _holds_layer(module: nn.Module) -> bool:
    return any(
        parameter.ndim > 1
        for part in module.modules()
        if not isinstance(part, NORM_MODULES)
        for parameter in part.parameters(recurse=False)
    )


OF_INPUT = "_untrained_of_input"
"""The attribute that marks what a pass has made of the network's input."""


class _Call:
    """A module's call that is under way.

    Attributes:
        given: what the module was called with.
        newest: what its last step has made: as long as every step takes nothing else, the module is a chain.
        modules: how many modules it has called.
    """

    def __init__(self, given: list[Tensor]) -> None:
        self.given = given
        self.newest = given
        self.is_chain = True
        self.modules = 0

    def step(self, taken: list[Tensor], made: list[Tensor]) -> None:
        if taken:
            self.is_chain = self.is_chain and _within(taken, self.newest)
            self.newest = made or self.newest  # a step that makes no tensor has asked for a size


class _Flow(TorchFunctionMode):
    """Watches a forward pass for modules that do more than hand their input from one child to the next."""

    def __init__(self) -> None:
        super().__init__()
        self.branching = set[nn.Module]()
        self._calls = list[_Call]()

    def enter(self, _module: nn.Module, args: Any, kwargs: Any) -> None:
        if not self._calls:
            _mark(_tensors((args, kwargs)))
        self._calls.append(_Call(_of_input((args, kwargs))))

    def leave(self, module: nn.Module, _args: Any, output: Any) -> None:
        call, made = self._calls.pop(), _of_input(output)
        branches = not (call.is_chain and _within(made, call.newest))
        if branches and (call.modules > 1 or _holds_layer(module)):
            self.branching.add(module)
        if self._calls:
            self._calls[-1].modules += 1
            self._calls[-1].step(call.given, made)

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        taken = _of_input((args, kwargs))
        output = func(*args, **(kwargs or {}))
        if taken and self._calls:
            made = _tensors(output)
            _mark(made)
            self._calls[-1].step(taken, made)
        return output


def _tensors(value: Any) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, Tensor)]


def _of_input(value: Any) -> list[Tensor]:
    return [tensor for tensor in _tensors(value) if hasattr(tensor, OF_INPUT)]


def _mark(tensors: list[Tensor]) -> None:
    for tensor in tensors:
        setattr(tensor, OF_INPUT, True)


def _within(tensors: list[Tensor], others: list[Tensor]) -> bool:
    return {id(tensor) for tensor in tensors} <= {id(other) for other in others}

"""Which networks the passes run, and how: call by call, so that every one is seen."""

import copy
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
import torch.utils.checkpoint as checkpointing
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from untrained.errors import InputError


def runnable(net: nn.Module) -> nn.Module:
    """`net`, or what it was before `torch.compile`.

    Raises InputError where there are no calls to see or no numbers to run on: TorchScript, lazy modules that have not
    run yet, parameters on the meta device.
    """
    net = _before_compile(net) or net
    for name, module in net.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise InputError("the network is TorchScript: give the nn.Module that it was made from")
        for key, tensor in (*module._parameters.items(), *module._buffers.items()):
            if tensor is None:
                continue
            called = f"{name}.{key}".removeprefix(".")
            if is_lazy(tensor):
                raise InputError(f"{called} of the network has no shape yet: run a lazy network on one batch first")
            if tensor.is_meta:
                raise InputError(f"{called} of the network is on the meta device, without numbers: initialise it first")
    return net


def eagerly() -> AbstractContextManager[None]:
    """Whatever is compiled, modules and functions, runs as if it were not."""
    if "torch._dynamo" in sys.modules:  # without which nothing is
        return torch.compiler.set_stance("force_eager")
    return nullcontext()


@contextmanager
def without_checkpoints() -> Iterator[None]:
    """What is checkpointed (`torch.utils.checkpoint`) runs once, and keeps its activations: run a second time, as the
    pass goes back, it would find the network as it was before."""
    names = ("CheckpointFunction", "_checkpoint_without_reentrant_generator")
    before = [getattr(checkpointing, name) for name in names]
    checkpointing.CheckpointFunction = _Once
    checkpointing._checkpoint_without_reentrant_generator = _nothing
    try:
        yield
    finally:
        for name, value in zip(names, before, strict=True):
            setattr(checkpointing, name, value)


class _Once:
    @staticmethod
    def apply(function: Callable[..., Any], _preserve: bool, *args: Any) -> Any:
        return function(*args)


def _nothing(*_args: Any, **_kwargs: Any) -> Iterator[None]:
    """Before the call and after it."""
    yield


def copied(net: nn.Module) -> nn.Module:
    """A deep copy, also where modules keep tensors of an earlier pass, which are copied without their graph."""
    memo = dict[int, Any]()
    for module in net.modules():
        for value in vars(module).values():
            parts = value.values() if isinstance(value, dict) else value
            for part in parts if isinstance(value, list | tuple | dict) else (value,):
                if isinstance(part, Tensor) and not part.is_leaf:
                    memo[id(part)] = part.detach().clone()
    return copy.deepcopy(net, memo)


def _before_compile(net: nn.Module) -> nn.Module | None:
    return None if isinstance(net, torch.jit.ScriptModule) else net._modules.get("_orig_mod")

"""Which networks the passes run, and how: module by module, so that every call in between is seen."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn
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


def eagerly(modules: Iterable[nn.Module]) -> AbstractContextManager[None]:
    """What is compiled among `modules` runs as if it were not."""
    if any(_before_compile(m) is not None or m._compiled_call_impl is not None for m in modules):
        return torch.compiler.set_stance("force_eager")
    return nullcontext()


def _before_compile(net: nn.Module) -> nn.Module | None:
    return None if isinstance(net, torch.jit.ScriptModule) else net._modules.get("_orig_mod")

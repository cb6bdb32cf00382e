"""Which networks the passes run, and how: call by call, so that a pass sees every call."""

import copy
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.utils.checkpoint as checkpointing
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from untrained.errors import InputError
from untrained.runtime.devices import temporarily


def runnable(net: nn.Module) -> nn.Module:
    """Returns `net`, or the network that `torch.compile` was given.

    Raises:
        InputError: If there are no calls to see (TorchScript), no numbers to run on (lazy modules that have not run
            yet, parameters on the meta device), or numbers that the metrics' formulas are not defined for (complex
            parameters).
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
            if tensor.is_complex() and key in module._parameters:
                raise InputError(f"{called} of the network is complex: metrics are defined for real weights")
    return net


def _before_compile(net: nn.Module) -> nn.Module | None:
    return None if isinstance(net, torch.jit.ScriptModule) else net._modules.get("_orig_mod")


def eagerly() -> AbstractContextManager[None]:
    """Runs compiled modules and functions in the block as if they were not compiled."""
    if "torch._dynamo" in sys.modules:  # otherwise nothing is compiled
        return torch.compiler.set_stance("force_eager")
    return nullcontext()


def without_checkpoints() -> AbstractContextManager[None]:
    """Runs activation checkpoints (`torch.utils.checkpoint`) in the block once, and keeps their activations.

    A checkpoint runs its function a second time during the backward pass. The network has its own weights again by
    then, not those of the pass, so that gradients would silently be of other numbers.
    """
    return temporarily(
        (checkpointing, "CheckpointFunction", _RunOnce),
        (checkpointing, "_checkpoint_without_reentrant_generator", _no_checkpoint),
    )


class _RunOnce:
    @staticmethod
    def apply(function: Callable[..., Any], _preserve_rng_state: bool, *args: Any) -> Any:
        return function(*args)


def _no_checkpoint(*_args: Any, **_kwargs: Any) -> Iterator[None]:
    """Does nothing before the call and nothing after it."""
    yield


def copied(net: nn.Module) -> nn.Module:
    """Returns a deep copy of `net`, also if modules keep tensors of an earlier pass: these lose their graph."""
    memo = dict[int, Any]()
    for module in net.modules():
        for value in vars(module).values():
            parts = value.values() if isinstance(value, dict) else value
            for part in parts if isinstance(value, list | tuple | dict) else (value,):
                if isinstance(part, Tensor) and not part.is_leaf:
                    memo[id(part)] = part.detach().clone()
    return copy.deepcopy(net, memo)

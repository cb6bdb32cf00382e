"""With what each module of a network is called."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only


@dataclass(frozen=True)
class ModuleCall:
    """The first call of a module, with copies of its arguments if they are needed."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def observed_calls(network: nn.Module, inputs: Any, needed: Callable[[nn.Module], bool]) -> dict[nn.Module, ModuleCall]:
    """Runs a network and notes the first call of each of its modules.

    Args:
        network: In evaluation mode.
        inputs: What it is called with.
        needed: Tells of a module whether its arguments are kept.

    Returns:
        Module -> its call; without the modules that are not called.
    """
    calls = dict[nn.Module, ModuleCall]()

    def note(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if module not in calls:
            kept = (args, kwargs) if needed(module) else ((), {})
            calls[module] = ModuleCall(*tree_map_only(Tensor, Tensor.clone, kept))

    handles = [module.register_forward_pre_hook(note, with_kwargs=True) for module in network.modules()]
    try:
        with torch.no_grad():
            network(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return calls

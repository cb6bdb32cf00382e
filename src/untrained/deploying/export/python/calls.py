"""With what each module of a network is called."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map


@dataclass(frozen=True)
class ModuleCall:
    """The first call of a module, with copies of its arguments."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def observed_calls(network: nn.Module, inputs: Any) -> dict[nn.Module, ModuleCall]:
    """Runs a network and notes the first call of each of its modules.

    Args:
        network: In evaluation mode.
        inputs: What it is called with.

    Returns:
        Module -> its call; without the modules that are not called.
    """
    calls = dict[nn.Module, ModuleCall]()

    def note(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if module not in calls:
            copy = tree_map(lambda leaf: leaf.clone() if isinstance(leaf, Tensor) else leaf, (args, kwargs))
            calls[module] = ModuleCall(*copy)

    handles = [module.register_forward_pre_hook(note, with_kwargs=True) for module in network.modules()]
    try:
        with torch.no_grad():
            network(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return calls

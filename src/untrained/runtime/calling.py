"""How a network takes its inputs: as they are, one by one, or by name."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn


def call_network(network: nn.Module, inputs: Any, called: Callable[..., Any] | None = None) -> Any:
    """Calls a network on a batch.

    Args:
        network: Its `forward` decides: inputs that are a tuple or a list go one by one to a forward that asks for
            several, those of a dictionary by name to one whose parameters have their names. All else goes as it is.
        inputs: A tensor, or tuples, lists and dictionaries of tensors.
        called: What is called instead of the network, with the parameters of its `forward`.

    Returns:
        What the network returns.

    Example:
        >>> import torch
        >>> call_network(nn.Bilinear(2, 3, 4), (torch.ones(5, 2), torch.ones(5, 3))).shape
        torch.Size([5, 4])
    """
    called = called or network
    if isinstance(inputs, Mapping) and _by_name(network, inputs):
        return called(**inputs)
    if isinstance(inputs, tuple | list) and _one_by_one(network):
        return called(*inputs)
    return called(inputs)


def _parameters(network: nn.Module) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(network.forward).parameters.values())
    except (TypeError, ValueError):  # a forward that does not tell
        return []


def _one_by_one(network: nn.Module) -> bool:
    found = _parameters(network)
    required = [p for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty]
    return len(required) > 1 or any(p.kind == p.VAR_POSITIONAL for p in found)


def _by_name(network: nn.Module, inputs: Mapping[Any, Any]) -> bool:
    found = _parameters(network)
    if not all(isinstance(name, str) for name in inputs):
        return False
    named = {p.name: p for p in found if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    takes_any = any(p.kind == p.VAR_KEYWORD for p in found)
    lacks = [name for name, p in named.items() if p.default is p.empty and name not in inputs]
    return not lacks and (takes_any or inputs.keys() <= named.keys())

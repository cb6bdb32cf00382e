"""Hooks on modules that last as long as a block of code."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn

Before = Callable[..., Any]
"""(module, inputs) -> None or other inputs."""
After = Callable[[nn.Module, Any, Any], Any]
"""(module, inputs, output) -> None or another output."""


@contextmanager
def hooked(hooks: Iterable[tuple[nn.Module, Before | None, After | None]], with_kwargs: bool = False) -> Iterator[None]:
    """Registers forward hooks for the block, and removes them after it, also after an error.

    Use it inside of `Runner.untouched`, which may copy the network: a copy would take the hooks along.

    Args:
        hooks: For each module, what to call before its forward pass and what to call after it; None for nothing.
        with_kwargs: Hand the call's keyword arguments to the hooks before it, too.

    Example:
        >>> import torch
        >>> net, shapes = nn.Sequential(nn.Linear(3, 4), nn.ReLU()), []
        >>> with hooked((module, None, lambda m, x, y: shapes.append(tuple(y.shape))) for module in net):
        ...     _ = net(torch.zeros(2, 3))
        >>> shapes
        [(2, 4), (2, 4)]
    """
    with ExitStack() as stack:
        for module, before, after in hooks:
            if before is not None:
                stack.enter_context(module.register_forward_pre_hook(before, with_kwargs=with_kwargs))
            if after is not None:
                stack.enter_context(module.register_forward_hook(after))
        yield

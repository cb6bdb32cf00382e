"""The feature maps between a network's blocks."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from untrained.metrics.probe import Probe

ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SiLU, nn.GELU, nn.Hardswish, nn.Mish, nn.Tanh, nn.Sigmoid)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def feature_maps(probe: Probe, state: dict[str, Tensor]) -> list[tuple[Tensor, int]]:
    """The output of each block in the order of the forward pass, with its graph, and which dimension holds channels.

    Which modules are blocks: what the network's method `feature_modules()` lists, if it has one. Otherwise, among the
    network's children, lists of modules and sequences of compound modules opened up:
    - compound modules that hold a layer, and all members of such lists and sequences (a cell, a residual block);
    - single activations that close a run of single modules with a layer that mixes channels, as depthwise convolutions
      do not; one that follows a compound module right away takes its place.
    The last layer of the network is no block. Maps have three dimensions or more (n x channels x positions..., or for
    other than convolutional blocks n x positions... x channels).
    """
    named = getattr(probe.net, "feature_modules", None)
    modules = dict.fromkeys(named() if named else (m for m in _pieces(probe.net)))
    members = set() if named else {id(m) for m in _members(probe.net)}
    found: list[tuple[Tensor, int]] = []
    mixes = follows = False

    def record(module: nn.Module, _inputs: Any, output: Any) -> Tensor | None:
        nonlocal mixes, follows
        if not isinstance(output, Tensor) or output.ndim < 3:
            return None
        compound = bool(list(module.children()))
        is_map = named is not None
        if not named:
            if compound:
                is_map = id(module) in members or _has_layer(module)
                follows = is_map
            elif isinstance(module, ACTIVATIONS):
                if follows:
                    found.pop()
                is_map = mixes or follows
                mixes = follows = False
            else:
                mixes = mixes or _mixes(module)
                follows = follows and not _has_layer(module) and not _pools(module)
        if not is_map:
            return None
        if not output.requires_grad:
            output = output.requires_grad_()
        found.append((output, 1 if _is_convolutional(probe.net) else output.ndim - 1))
        return output.clone()  # what follows may write into it

    handles = [module.register_forward_hook(record) for module in modules]
    try:
        with probe.untouched(), torch.enable_grad():
            probe.call(state, probe.inputs.detach().clone())
    finally:
        for handle in handles:
            handle.remove()
    if not found:
        raise ValueError("no feature map: the network has no blocks, and names none with feature_modules()")
    return found


def _pieces(net: nn.Module) -> Iterator[nn.Module]:
    """The children, lists and sequences of compound modules opened up."""
    for child in net.children():
        yield from _pieces(child) if _opens(child) else (child,)


def _members(net: nn.Module) -> Iterator[nn.Module]:
    """What stands in an opened list or sequence."""
    for child in net.children():
        if _opens(child):
            yield from _pieces(child)


def _opens(module: nn.Module) -> bool:
    children = list(module.children())
    if isinstance(module, nn.ModuleList):
        return True
    return isinstance(module, nn.Sequential) and bool(children) and all(list(c.children()) for c in children)


def _has_layer(module: nn.Module) -> bool:
    return any(p.ndim > 1 for p in module.parameters())


def _mixes(module: nn.Module) -> bool:
    return _has_layer(module) and getattr(module, "groups", 1) == 1


def _pools(module: nn.Module) -> bool:
    return "Pool" in type(module).__name__


def _is_convolutional(net: nn.Module) -> bool:
    return any(isinstance(m, CONVOLUTIONS) for m in net.modules())

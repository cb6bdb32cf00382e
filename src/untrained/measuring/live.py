"""The memory of an inference."""

import weakref
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from untrained.runtime.calling import call_network


def live_bytes(network: nn.Module, example: Any) -> int:
    """Measures the memory of an inference in evaluation mode.

    It is the most that all tensors together take at any time: parameters, buffers, the input, and the results of
    operations until nothing refers to them any more. Views take nothing of their own. What an operation takes inside
    itself, and the code of torch, are not counted, so the figure is the same on every machine.

    Args:
        network: The network.
        example: Its input.

    Returns:
        Bytes.

    Example:
        >>> live_bytes(nn.Linear(10, 5), torch.zeros(1, 10))  # 55 weights, 10 inputs and 5 outputs of 4 bytes
        280
    """
    modes = {part: part.training for part in network.modules()}
    network.eval()
    example = pytree.tree_map_only(Tensor, Tensor.clone, example)  # it may be a part of a large batch
    counter = _Live()
    for tensor in (*network.parameters(), *network.buffers(), *pytree.tree_leaves(example)):
        counter.add(tensor)
    try:
        with torch.no_grad(), counter:
            call_network(network, example)
    finally:
        for part, training in modes.items():
            part.training = training
    return counter.most


class _Live(TorchDispatchMode):
    """Adds up the storages that live."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._seen = set[int]()

    def add(self, tensor: Any) -> None:
        if not isinstance(tensor, Tensor) or tensor.layout != torch.strided:
            return
        storage = tensor.untyped_storage()
        place = storage._cdata
        if place in self._seen:
            return
        self._seen.add(place)
        self.now += storage.nbytes()
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self._freed, place, storage.nbytes()).atexit = False

    def _freed(self, place: int, size: int) -> None:
        self._seen.discard(place)
        self.now -= size

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        for tensor in pytree.tree_leaves(output):
            self.add(tensor)
        return output

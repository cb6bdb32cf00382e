"""The size of a network, the baselines that every metric has to beat."""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from untrained.metrics.base import metric
from untrained.metrics.probe import RELUS, Probe


@metric("params", paper="a size, no paper", cost="weights only")
def params(probe: Probe) -> float:
    """Parameters in millions: weights, biases, normalisations."""
    return sum(p.numel() for p in probe.net.parameters()) / 1e6


@metric("flops", paper="a size, no paper; counted as in NASLib (tensorwatch)", needs=("forward pass",), cost="forward")
def flops(probe: Probe) -> float:
    """Operations in millions for one sample in evaluation mode, as the published `flops` columns count them.

    Convolution: kernel size x input channels / groups multiply-adds, each counted once, for each output element, plus
    one for a bias. Linear: in x out, bias free. BatchNorm: 2 an element. ReLU: 1 an element. Average and
    max pooling: the whole window for each output element. Adaptive average pooling: (h + 1)(w + 1) for each output
    element, h x w the window. Sums, identity, zero and reshaping: free.
    """
    counter = _Counter()
    sample = probe.inputs[:1].detach().clone()
    with probe.untouched(training=False), torch.no_grad(), counter:
        probe.call(probe.state(Tensor.clone), sample)
    return counter.total / 1e6


CONVS = frozenset({F.conv1d, F.conv2d, F.conv3d})
WINDOW_POOLS = frozenset(
    {F.avg_pool1d, F.avg_pool2d, F.avg_pool3d, F.max_pool1d, F.max_pool2d, F.max_pool3d, torch.max_pool2d}
)
ADAPTIVE_POOLS = frozenset({F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d})


class _Counter(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        self.total += _operations(func, tuple(args), kwargs or {}, output)
        return output


def _operations(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> int:
    def argument(position: int, name: str) -> Any:
        return args[position] if len(args) > position else kwargs.get(name)

    if func in CONVS:
        weight: Tensor = argument(1, "weight")
        return output.numel() * (weight[0].numel() + (argument(2, "bias") is not None))
    if func is F.linear:
        weight = argument(1, "weight")
        return output.numel() * weight.shape[1]
    if func is F.batch_norm:
        return 2 * output.numel()
    if func in RELUS:
        return output.numel()
    if func in WINDOW_POOLS:
        kernel = argument(1, "kernel_size")
        dims = output.ndim - 2
        return output.numel() * (kernel**dims if isinstance(kernel, int) else math.prod(kernel))
    if func in ADAPTIVE_POOLS:
        x: Tensor = argument(0, "input")
        window = [i // o + 1 for i, o in zip(x.shape[2:], output.shape[2:], strict=True)]
        return output.numel() * math.prod(window)
    return 0

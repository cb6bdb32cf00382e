"""The size and speed of a network, the baselines that every metric has to beat."""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from untrained.metrics.base.metric import metric
from untrained.probe import Probe, functions
from untrained.probe.network import copied


@metric("params", paper="a size, no paper", cost="weights only")
def params(probe: Probe) -> float:
    """Parameters in millions: weights, biases, normalisations.

    Args:
        probe: A network.

    Returns:
        The number, in millions.

    Example:
        >>> params(Probe(nn.Linear(999, 1000), torch.zeros(1, 999)))
        1.0
    """
    return sum(p.numel() for p in probe.net.parameters()) / 1e6


@metric("layers", paper="a size, no paper; compared in Tybl & Neumann, CVPR 2025 (VKDNW)", cost="weights only")
def layers(probe: Probe) -> float:
    """The number of layers that can be trained: convolutions, linear layers, embeddings, by their weights.

    Many metrics grow with it; one that does not beat it tells little more. A weight that layers share counts once.

    Args:
        probe: A network; its batch is not looked at, unless to find out which bare parameters are weights.

    Returns:
        A whole number, 0 or more.

    Example:
        >>> layers(Probe(nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Linear(3, 1)), torch.zeros(1, 2)))
        2.0
    """
    return float(len(probe.known_layers))


@metric("flops", paper="a size, no paper; counted as in NASLib (tensorwatch)", needs=("forward pass",), cost="forward")
def flops(probe: Probe) -> float:
    """Operations in millions for one sample in evaluation mode, as the published `flops` columns count them.

    Convolution: kernel size x input channels / groups multiply-adds, each counted once, for each output element, plus
    one for a bias. Linear: in x out, bias free. BatchNorm: 2 an element. ReLU: 1 an element. Average and max pooling:
    the whole window for each output element. Adaptive average pooling: (h + 1)(w + 1) for each output element, h x w
    being the window. Sums, identity, zero and reshaping: free.

    Beyond those, a transposed convolution counts for each input element as a convolution for each output element;
    matrix products, attention and recurrent layers count the multiply-adds of their products.

    Args:
        probe: A network that runs on the batch's first sample alone.

    Returns:
        The number, in millions.

    Raises:
        ValueError: If the network calls a product whose operations are not counted, such as `torch.einsum`.

    Example:
        >>> flops(Probe(nn.Linear(1000, 1000), torch.zeros(4, 1000)))
        1.0
    """
    counter = _Counter()
    sample = probe.inputs[:1].detach()
    # With gradients: without, a transformer's layers are one function that says nothing of what it does.
    with probe.untouched(training=False), torch.enable_grad(), counter:
        probe.call(probe.state(Tensor.clone), sample)
    return counter.total / 1e6


@metric("latency", paper="a speed, no paper", direction=-1, needs=("forward pass", "clock"), cost="several passes")
def latency(probe: Probe, samples: int = 1, repeats: int = 11, warm_up: int = 3) -> float:
    """Milliseconds for a forward pass in evaluation mode on this device: the median of several.

    It differs from call to call, and between machines. A score that is to be compared needs a machine with nothing else
    to do, and the same number of threads.

    Args:
        probe: A network with a batch.
        samples: How many of the batch's samples go through at a time.
        repeats: How many passes are measured.
        warm_up: How many passes go before these, unmeasured.

    Returns:
        The median, in milliseconds.

    Raises:
        ValueError: If there are fewer samples than `samples`, or nothing to measure.

    Example:
        >>> latency(Probe(nn.Linear(8, 8), torch.zeros(1, 8)), repeats=3) > 0
        True
    """
    if samples < 1 or repeats < 1 or samples > len(probe.inputs):
        raise ValueError(f"{samples} samples of {len(probe.inputs)}, {repeats} repeats: give at least 1, and no more")
    net = copied(probe.net).eval().requires_grad_(False)
    if probe.dtype is not None:
        net.to(probe.dtype)
    inputs, device = probe.inputs[:samples].detach().clone(), probe.inputs.device
    autocast = torch.autocast(device.type, probe.autocast, enabled=probe.autocast is not None)
    milliseconds = []
    with probe.untouched(training=False), torch.no_grad(), autocast:
        for _ in range(warm_up + repeats):
            _wait(device)
            start = time.perf_counter()
            net(inputs)
            _wait(device)
            milliseconds.append(1e3 * (time.perf_counter() - start))
    return statistics.median(milliseconds[warm_up:])


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        getattr(torch, device.type).synchronize(device)


class _Counter(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        self.total += _operations(func, tuple(args), kwargs or {}, output)
        return output


def _operations(func: Any, args: Sequence[Any], kwargs: dict[str, Any], output: Any) -> int:
    if func in functions.RECURRENT:
        steps = args[0].shape[:-1].numel()  # of all samples, packed or not
        packed = isinstance(args[1], Tensor) and not args[1].is_floating_point()  # then these are the batch's sizes
        return steps * sum(w.numel() for w in args[3 if packed else 2] if w.ndim > 1)
    if func in functions.RECURRENT_CELLS:
        return args[0].shape[:-1].numel() * sum(w.numel() for w in args[2:4])
    if func is F.batch_norm:
        return 2 * output.numel()
    if functions.is_relu(func, args, kwargs):
        return output.numel()
    if func in functions.OTHER_MATRIX_PRODUCTS:
        raise ValueError(f"the network calls {func.__name__}, whose operations are not counted: use matmul")
    return _COUNTED[func](output, **functions.bound(func, args, kwargs)) if func in _COUNTED else 0


def _linear(output: Tensor, *, weight: Tensor, **_: Any) -> int:
    return output.numel() * weight.shape[1]


def _convolution(output: Tensor, *, weight: Tensor, bias: Tensor | None, **_: Any) -> int:
    return output.numel() * (weight[0].numel() + (bias is not None))


def _transposed(output: Tensor, *, input: Tensor, weight: Tensor, bias: Tensor | None, **_: Any) -> int:
    return input.numel() * weight[0].numel() + output.numel() * (bias is not None)


def _matrix_product(output: Tensor, **factors: Any) -> int:
    *_, left, _ = (factor for factor in factors.values() if isinstance(factor, Tensor))
    return output.numel() * left.shape[-1]


def _dot_product_attention(output: Tensor, *, query: Tensor, key: Tensor, **_: Any) -> int:
    return query.shape[:-1].numel() * key.shape[-2] * (query.shape[-1] + output.shape[-1])


def _attention(_output: Any, *, query: Tensor, key: Tensor, embed_dim_to_check: int, **_: Any) -> int:
    tokens, others, width = query.shape[:-1].numel(), key.shape[:-1].numel(), embed_dim_to_check
    projections = 2 * width**2 * (tokens + others)
    return projections + 2 * width * tokens * key.shape[0]


def _pool(output: Tensor, *, kernel_size: int | Sequence[int], **_: Any) -> int:
    dims = output.ndim - 2
    return output.numel() * (kernel_size**dims if isinstance(kernel_size, int) else math.prod(kernel_size))


def _adaptive_pool(output: Tensor, *, input: Tensor, **_: Any) -> int:
    return output.numel() * math.prod(i // o + 1 for i, o in zip(input.shape[2:], output.shape[2:], strict=True))


_COUNTED: dict[Any, Callable[..., int]] = {
    F.linear: _linear,
    **dict.fromkeys(functions.CONVOLUTIONS, _convolution),
    **dict.fromkeys(functions.TRANSPOSED, _transposed),
    **dict.fromkeys(functions.MATRIX_PRODUCTS | functions.ADDED_MATRIX_PRODUCTS, _matrix_product),
    F.scaled_dot_product_attention: _dot_product_attention,
    F.multi_head_attention_forward: _attention,
    **dict.fromkeys(functions.AVERAGE_POOLS | functions.MAX_POOLS, _pool),
    **dict.fromkeys(functions.ADAPTIVE_AVERAGE_POOLS, _adaptive_pool),
}
"""Function -> its operations, from its output and its arguments by name."""

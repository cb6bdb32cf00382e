"""The size and speed of a network, the baselines that every metric has to beat."""

import math
import statistics
import time
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from untrained.metrics.base.metric import metric
from untrained.probe.network import copied
from untrained.probe.per_sample.recorder import CONVOLUTIONS
from untrained.probe.probe import Probe
from untrained.probe.tape.rules import is_relu


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

    Beyond those: a transposed convolution counts for each input element as a convolution for each output element;
    matrix products, einsum, attention and recurrent layers count the multiply-adds of their products.
    """
    counter = _Counter()
    sample = probe.inputs[:1].detach()
    # With gradients: without, a transformer's layers are one function that says nothing of what it does.
    with probe.untouched(training=False), torch.enable_grad(), counter:
        probe.call(probe.state(Tensor.clone), sample)
    return counter.total / 1e6


@metric("latency", paper="a speed, no paper", direction=-1, needs=("forward pass", "clock"), cost="several passes")
def latency(probe: Probe, samples: int = 1, repeats: int = 11, warm_up: int = 3) -> float:
    """Milliseconds for a forward pass in evaluation mode on this device: the median of `repeats`, after `warm_up` more.

    samples: so many of the batch's samples at a time.

    Not deterministic: it differs from call to call, and between machines. A score that is to be compared needs a
    machine with nothing else to do, and the same number of threads.
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


WINDOW_POOLS = frozenset(
    {F.avg_pool1d, F.avg_pool2d, F.avg_pool3d, F.max_pool1d, F.max_pool2d, F.max_pool3d, torch.max_pool2d}
)
TRANSPOSED = frozenset({F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d})
PRODUCTS = frozenset(
    {torch.matmul, torch.mm, torch.bmm, Tensor.matmul, Tensor.mm, Tensor.bmm, Tensor.__matmul__, Tensor.__rmatmul__}
)
ADAPTIVE_POOLS = frozenset({F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d})


RECURRENT = frozenset({torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu})
CELLS = frozenset({torch.lstm_cell, torch.gru_cell, torch.rnn_tanh_cell, torch.rnn_relu_cell})


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

    if func in CONVOLUTIONS:
        weight: Tensor = argument(1, "weight")
        return output.numel() * (weight[0].numel() + (argument(2, "bias") is not None))
    if func in TRANSPOSED:
        x, weight = argument(0, "input"), argument(1, "weight")
        return x.numel() * weight[0].numel() + output.numel() * (argument(2, "bias") is not None)
    if func in PRODUCTS:
        return output.numel() * argument(0, "input").shape[-1]
    if func in (torch.addmm, torch.baddbmm, torch.Tensor.addmm, torch.Tensor.baddbmm):
        return output.numel() * args[1].shape[-1]
    if func is F.scaled_dot_product_attention:
        query, key = argument(0, "query"), argument(1, "key")
        return query.shape[:-1].numel() * key.shape[-2] * (query.shape[-1] + output.shape[-1])
    if func is F.multi_head_attention_forward:
        query, key, width = argument(0, "query"), argument(1, "key"), argument(3, "embed_dim_to_check")
        tokens, others = query.shape[:-1].numel(), key.shape[:-1].numel()
        projections = 2 * width**2 * (tokens + others)
        return projections + 2 * width * tokens * key.shape[0]
    if func in RECURRENT:
        steps = args[0].shape[:-1].numel()  # of all samples, packed or not
        packed = isinstance(args[1], Tensor) and not args[1].is_floating_point()  # then these are the batch's sizes
        return steps * sum(w.numel() for w in args[3 if packed else 2] if w.ndim > 1)
    if func in CELLS:
        return args[0].shape[:-1].numel() * sum(w.numel() for w in args[2:4])
    if func is torch.einsum and isinstance(args[0], str):
        operands = args[1] if isinstance(args[1], list | tuple) else args[1:]
        return _einsum(args[0], operands)
    if func is F.linear:
        weight = argument(1, "weight")
        return output.numel() * weight.shape[1]
    if func is F.batch_norm:
        return 2 * output.numel()
    if is_relu(func, args, kwargs):
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


def _einsum(equation: str, operands: Sequence[Tensor]) -> int:
    """One multiply-add for each choice of all indices, were the products taken at once."""
    sizes = dict[str, int]()
    for indices, operand in zip(equation.replace(" ", "").partition("->")[0].split(","), operands, strict=True):
        head, ellipsis, tail = indices.partition("...")
        first, last = len(head), operand.ndim - len(tail)
        sizes |= dict(zip(head, operand.shape[:first], strict=True)) | dict(
            zip(tail, operand.shape[last:], strict=True)
        )
        if ellipsis:
            sizes["..."] = max(sizes.get("...", 1), math.prod(operand.shape[first:last]))
    return math.prod(sizes.values())

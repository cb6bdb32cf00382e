"""BatchNorm on a CPU in the channels-last format.

PyTorch adds a channel's numbers one after the other in that format: over 64 x 32 x 32 of them single precision loses a
hundred times what it loses in the default format. The sums here run over rows of the image first, which is faster, too.

| name | what |
|---|---|
| x | samples x channels x height x width; a channel has n numbers |
| s, h | (var x + eps)^(-1/2) and s (x - mean x), for each channel |
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from untrained.probe.substitutes.channels_last import is_prepared

backward_sums = torch.ops.aten.native_batch_norm_backward


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`torch.nn.functional.batch_norm`, as precise in the channels-last format as in the default one."""
    if training and is_prepared(input):
        return normalise(input, weight, bias, running_mean, running_var, momentum, eps)[0]
    differentiated = input.requires_grad and torch.is_grad_enabled()
    if not training and running_mean is not None and running_var is not None and differentiated and is_prepared(input):
        # The gradient of this is one product; that of PyTorch's function takes sums that nobody asked for.
        s = (running_var + eps).rsqrt()
        scale = s if weight is None else s * weight
        offset = -running_mean * scale if bias is None else bias - running_mean * scale
        return torch.addcmul(_spread(offset), input, _spread(scale))
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def normalise(
    x: Tensor,
    gain: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns (gain h + bias, mean x, s) in training mode, in any format, and updates the running statistics."""
    if not is_prepared(x):
        output, mean, s = torch.native_batch_norm(x, gain, bias, running_mean, running_var, True, momentum, eps)
        return output, mean.detach(), s.detach()
    with torch.no_grad():
        n = x.numel() // x.shape[1]
        mean = x.mean((0, 2, 3))
        var = _sums(x, x, mean, torch.ones_like(mean))[0] / n
        if running_mean is not None and running_var is not None:
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(var * (n / (n - 1)), momentum)
        s = (var + eps).rsqrt()
    return _Normalise.apply(x, gain, bias, mean, s, eps), mean, s


def jacobian_product(
    t: Tensor, x: Tensor, gain: Tensor | None, mean: Tensor, s: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns gain s (t - mean t - h mean(h t)), the symmetric Jacobian of gain h times t; sum(h t); and sum t."""
    if not is_prepared(x):
        return backward_sums(t, x, gain, None, None, mean, s, True, eps, [True, True, True])
    t = t.contiguous(memory_format=torch.channels_last)
    n = x.numel() // x.shape[1]
    h_t, total = _sums(t, x, mean, s)
    scale = s if gain is None else s * gain
    slope = (scale * s).mul_(h_t).mul_(-1 / n)
    offset = (scale * total).mul_(-1 / n).addcmul_(slope, mean, value=-1)
    return torch.addcmul(_spread(offset), x, _spread(slope)).addcmul_(t, _spread(scale)), h_t, total


def channel_dot(a: Tensor, b: Tensor) -> Tensor:
    """Returns sum a b for each channel."""
    if is_prepared(a) and is_prepared(b):
        return _sums(a, b, a.new_zeros(a.shape[1]), a.new_ones(a.shape[1]))[0]
    return (a * b).sum([0, *range(2, a.ndim)])


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor | None, bias: Tensor | None, mean: Tensor, s: Tensor, eps: float):
        ctx.save_for_backward(x, gain, mean, s)
        ctx.eps = eps
        scale = s if gain is None else s * gain
        offset = -mean * scale if bias is None else bias - mean * scale
        return torch.addcmul(_spread(offset), x, _spread(scale))

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        (g,), (x, gain, mean, s) = grad_outputs, ctx.saved_tensors
        if torch.is_grad_enabled():  # PyTorch's own can be differentiated again
            found = backward_sums(g, x, gain, None, None, mean, s, True, ctx.eps, [True] * 3)
        else:
            found = jacobian_product(g, x, gain, mean, s, ctx.eps)
        wanted = [part if needed else None for part, needed in zip(found, ctx.needs_input_grad, strict=False)]
        return *wanted, None, None, None


def _sums(a: Tensor, x: Tensor, mean: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
    """Returns sum a s (x - mean) and sum a for each channel."""
    samples, channels, height, width = x.shape
    # These are the sums of BatchNorm's backward pass with every column of the image as a channel of its own. No other
    # function of PyTorch sums a product without making the product first.
    a, x = (t.as_strided((samples * height, width * channels), (width * channels, 1)) for t in (a, x))
    mean, s = (t.expand(width, channels).flatten() for t in (mean, s))
    _, products, totals = backward_sums(a, x, None, None, None, mean, s, True, 0.0, [False, True, True])
    return products.view(width, channels).sum(0), totals.view(width, channels).sum(0)


def _spread(per_channel: Tensor) -> Tensor:
    return per_channel.view(1, -1, 1, 1)

"""A network need not know in which memory format its tensors are."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from untrained.metrics.batch_norm import batch_norm
from untrained.metrics.pooling import avg_pool2d


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """`torch.nn.functional.hardsigmoid`, which PyTorch differentiates once only."""
    output = F.relu6(input + 3) / 6
    return input.copy_(output) if inplace else output


def instance_norm(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """`torch.nn.functional.instance_norm`, whose gradient of one sample is wrong where it arrives channels last."""
    output = F.instance_norm(input, *args, **kwargs)
    if output.requires_grad:
        output.register_hook(Tensor.contiguous)
    return output


def embedding(*args: Any, **kwargs: Any) -> Tensor:
    """`torch.nn.functional.embedding`, with a dense gradient."""
    return F.embedding(*args[:6], **kwargs | {"sparse": False})


SUBSTITUTES: dict[Any, Any] = {
    F.batch_norm: batch_norm,
    F.avg_pool2d: avg_pool2d,
    F.hardsigmoid: hardsigmoid,
    F.instance_norm: instance_norm,
    F.embedding: embedding,
}
"""What stands in for a function; it does the same."""


def in_default_format(func: Any, args: Sequence[Any]) -> Sequence[Any]:
    """`args`, contiguous if `func` reads its tensor as memory."""
    if (func is Tensor.view and not args[0].is_contiguous()) or func in (Tensor.as_strided, torch.as_strided):
        return args[0].contiguous(), *args[1:]
    return args


class AnyLayout(TorchFunctionMode):
    """Both of the above for every call."""

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        return SUBSTITUTES.get(func, func)(*in_default_format(func, args), **(kwargs or {}))

"""Which functions have a substitute, and the mode that calls it.

A network need not know in which memory format its tensors are.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from untrained.probe.substitutes.batch_norm import batch_norm
from untrained.probe.substitutes.pooling import avg_pool2d


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """`torch.nn.functional.hardsigmoid`, which PyTorch differentiates only once."""
    output = F.relu6(input + 3) / 6
    return input.copy_(output) if inplace else output


def instance_norm(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """`torch.nn.functional.instance_norm`, whose gradient of one sample is wrong if it arrives channels last."""
    output = F.instance_norm(input, *args, **kwargs)
    if output.requires_grad:
        output.register_hook(Tensor.contiguous)
    return output


def with_dense_gradient(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """An embedding whose gradient is an ordinary tensor, whatever its option `sparse` says."""
    return function(*args, **kwargs | {"sparse": False})


SUBSTITUTES: dict[Any, Any] = {
    F.batch_norm: batch_norm,
    F.avg_pool2d: avg_pool2d,
    F.hardsigmoid: hardsigmoid,
    F.instance_norm: instance_norm,
    F.embedding: partial(with_dense_gradient, F.embedding),
    F.embedding_bag: partial(with_dense_gradient, F.embedding_bag),
}
"""Function -> another one that returns the same."""


def in_default_format(func: Any, args: Sequence[Any]) -> Sequence[Any]:
    """Returns `args`, their first tensor contiguous if `func` reads it as memory."""
    if (func is Tensor.view and not args[0].is_contiguous()) or func in (Tensor.as_strided, torch.as_strided):
        return args[0].contiguous(), *args[1:]
    return args


class AnyLayout(TorchFunctionMode):
    """Calls the substitute of every function that has one, and hands contiguous tensors to those that read memory."""

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        return SUBSTITUTES.get(func, func)(*in_default_format(func, args), **(kwargs or {}))

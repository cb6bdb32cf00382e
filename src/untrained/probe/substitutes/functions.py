"""A network need not know in which memory format its tensors are."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from untrained.probe.substitutes.batch_norm import batch_norm
from untrained.probe.substitutes.pooling import avg_pool2d


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


def embedding_bag(input: Tensor, weight: Tensor, **given: Any) -> Any:
    """`torch.nn.functional.embedding_bag`, which PyTorch differentiates once only; bags of one length each, n x length,
    by embedding and sum."""
    special = any(given.get(option) is not None for option in ("padding_idx", "max_norm"))
    if input.ndim != 2 or given.get("mode") == "max" or special or given.get("scale_grad_by_freq"):
        dense: dict[str, Any] = given | {"sparse": False}
        return F.embedding_bag(input, weight, **dense)
    rows = F.embedding(input, weight)
    if (factors := given.get("per_sample_weights")) is not None:
        rows = rows * factors[..., None]
    return rows.sum(1) if given.get("mode") == "sum" else rows.mean(1)


SUBSTITUTES: dict[Any, Any] = {
    F.batch_norm: batch_norm,
    F.avg_pool2d: avg_pool2d,
    F.hardsigmoid: hardsigmoid,
    F.instance_norm: instance_norm,
    F.embedding: embedding,
    F.embedding_bag: embedding_bag,
}
"""What stands in for a function; it does the same."""


def in_default_format(func: Any, args: Sequence[Any]) -> Sequence[Any]:
    """`args`, contiguous if `func` reads its tensor as memory."""
    if (func is Tensor.view and not args[0].is_contiguous()) or func in (Tensor.as_strided, torch.as_strided):
        return args[0].contiguous(), *args[1:]
    return args


class AnyLayout(TorchFunctionMode):
    """Every call by its substitute, if it has one, and on contiguous tensors where it reads memory."""

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        return SUBSTITUTES.get(func, func)(*in_default_format(func, args), **(kwargs or {}))

"""A network need not know in which memory format its tensors are."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from untrained.metrics.batch_norm import batch_norm
from untrained.metrics.pooling import avg_pool2d

SUBSTITUTES: dict[Any, Any] = {F.batch_norm: batch_norm, F.avg_pool2d: avg_pool2d}
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

"""The vocabulary of torch functions: one name for each kind, and the arguments of a call by name.

Every part of the package that looks at the calls of a network (a `TorchFunctionMode`) asks here what a function is.
A function stands in a set in every spelling: `torch.add`, `Tensor.add` and `Tensor.add_` are all `SUMS`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Functions = frozenset[Any]


def _spellings(*names: str, owners: Sequence[Any] = (torch, Tensor)) -> Functions:
    return frozenset(getattr(owner, name) for owner in owners for name in names if hasattr(owner, name))


def _dimensions(name: str) -> Functions:
    """`name1d`, `name2d` and `name3d`, of `torch.nn.functional` and of `torch`."""
    return _spellings(*(f"{name}{d}d" for d in (1, 2, 3)), owners=(F, torch))


CONVOLUTIONS: Functions = frozenset({F.conv1d, F.conv2d, F.conv3d})
TRANSPOSED: Functions = frozenset({F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d})
LAYERS = CONVOLUTIONS | TRANSPOSED | {F.linear}
"""A product of an input and a weight, with or without a bias."""

NORMS: Functions = frozenset({F.batch_norm, F.layer_norm, F.group_norm, F.instance_norm, F.rms_norm})

AVERAGE_POOLS = _dimensions("avg_pool")
MAX_POOLS = _dimensions("max_pool")
ADAPTIVE_AVERAGE_POOLS = _dimensions("adaptive_avg_pool")
ADAPTIVE_MAX_POOLS = _dimensions("adaptive_max_pool")
POOLS = AVERAGE_POOLS | MAX_POOLS | ADAPTIVE_AVERAGE_POOLS | ADAPTIVE_MAX_POOLS

PURE_RELUS: Functions = frozenset({F.relu, torch.relu, Tensor.relu})
"""They write nothing, unless asked to by `inplace`."""
RELUS = PURE_RELUS | {F.relu6, torch.relu_, Tensor.relu_}
"""`hardtanh` is one as well if it begins at 0: ask `is_relu`."""
HARDTANHS: Functions = frozenset({F.hardtanh, F.hardtanh_})
ACTIVATIONS = (
    RELUS
    | HARDTANHS
    | {F.leaky_relu, F.elu, F.selu, F.celu, F.gelu, F.silu, F.mish, F.softplus, F.prelu, F.hardswish}
    | _spellings("tanh", "sigmoid")
)
DROPOUTS = _dimensions("dropout") | {F.dropout}

SUMS = _spellings("add", "add_")
DIFFERENCES = _spellings("sub", "sub_", "subtract", "subtract_")
PRODUCTS = _spellings("mul", "mul_", "multiply", "multiply_")
"""Element by element."""
MATRIX_PRODUCTS = _spellings("matmul", "mm", "bmm") | {Tensor.__matmul__}
ADDED_MATRIX_PRODUCTS = _spellings("addmm", "baddbmm")
OTHER_MATRIX_PRODUCTS = _spellings("einsum", "tensordot", "mv", "addmv", "dot", "outer", "addbmm", "bilinear")
RECURRENT: Functions = frozenset({torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu})
RECURRENT_CELLS: Functions = frozenset({torch.lstm_cell, torch.gru_cell, torch.rnn_tanh_cell, torch.rnn_relu_cell})

FLATTENINGS = _spellings("flatten", "reshape") | {Tensor.view}
RESHAPES = FLATTENINGS | _spellings("squeeze", "unsqueeze", "unflatten") | {Tensor.expand}
MOVES = _spellings("permute", "transpose", "movedim", "moveaxis", "swapaxes", "swapdims", "t") | {
    Tensor.mT.__get__,  # pyright: ignore[reportAttributeAccessIssue]: a property of C, seen by its getter
    Tensor.T.__get__,  # pyright: ignore[reportAttributeAccessIssue]: the same
}
"""Another order of the dimensions."""
SELECTIONS = _spellings("split", "chunk", "unbind", "narrow") | {Tensor.__getitem__}
JOINTS = _spellings("cat", "concat", "concatenate", "stack", "hstack", "vstack", owners=(torch,))
MEANS = _spellings("mean")
MAXIMA = _spellings("amax")
LINEAR = (
    AVERAGE_POOLS
    | ADAPTIVE_AVERAGE_POOLS
    | RESHAPES
    | MOVES
    | SELECTIONS
    | MEANS
    | _spellings("clone", "sum", "neg", "roll", "flip")
    | {Tensor.contiguous, Tensor.repeat}
)
"""Linear in the first argument, whatever the others are."""


def is_relu(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Tells whether a call is a ReLU's, with or without an upper end."""
    if func in HARDTANHS:
        return bound(func, args, kwargs)["min_val"] == 0
    return func in RELUS


def bound(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of a call by name, those left at their default included.

    Args:
        func: A function of `SIGNATURES`.
        args: Its positional arguments.
        kwargs: Its keyword arguments.

    Example:
        >>> import torch.nn.functional as F
        >>> given = bound(F.conv2d, ("x", "w"), {"padding": 1})
        >>> given["weight"], given["bias"], given["padding"], given["groups"]
        ('w', None, 1, 1)
    """
    return {**SIGNATURES[func], **dict(zip(SIGNATURES[func], args, strict=False)), **kwargs}


Signature = dict[str, Any]


def _of(functions: Iterable[Any], **parameters: Any) -> dict[Any, Signature]:
    return dict.fromkeys(functions, parameters)


SIGNATURES: dict[Any, Signature] = {
    **_of(CONVOLUTIONS, input=..., weight=..., bias=None, stride=1, padding=0, dilation=1, groups=1),
    **_of(TRANSPOSED, input=..., weight=..., bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1),
    **_of([F.linear], input=..., weight=..., bias=None),
    **_of([F.embedding], input=..., weight=..., padding_idx=None),
    **_of(
        [F.batch_norm],
        input=...,
        running_mean=...,
        running_var=...,
        weight=None,
        bias=None,
        training=False,
        momentum=0.1,
        eps=1e-5,
    ),
    **_of(
        [F.instance_norm],
        input=...,
        running_mean=None,
        running_var=None,
        weight=None,
        bias=None,
        use_input_stats=True,
        momentum=0.1,
        eps=1e-5,
    ),
    **_of([F.layer_norm], input=..., normalized_shape=..., weight=None, bias=None, eps=1e-5),
    **_of([F.rms_norm], input=..., normalized_shape=..., weight=None, eps=None),
    **_of([F.group_norm], input=..., num_groups=..., weight=None, bias=None, eps=1e-5),
    **_of(AVERAGE_POOLS | MAX_POOLS, input=..., kernel_size=...),
    **_of(ADAPTIVE_AVERAGE_POOLS | ADAPTIVE_MAX_POOLS, input=..., output_size=...),
    **_of(HARDTANHS, input=..., min_val=-1.0, max_val=1.0, inplace=False),
    **_of(MATRIX_PRODUCTS, input=..., other=...),
    **_of([torch.addmm, Tensor.addmm], input=..., mat1=..., mat2=...),
    **_of([torch.baddbmm, Tensor.baddbmm], input=..., batch1=..., batch2=...),
    **_of(FLATTENINGS | MEANS | MAXIMA, input=...),
    **_of([F.scaled_dot_product_attention], query=..., key=..., value=...),
    **_of([F.multi_head_attention_forward], query=..., key=..., value=..., embed_dim_to_check=...),
}
"""Function -> its parameters in order, each with its default; `...` marks one that must be given. Where only the first
parameters are asked for, only they are listed."""

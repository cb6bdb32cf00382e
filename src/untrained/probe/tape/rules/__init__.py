"""How tangents go through an operation: a rule makes a call, records it on a `Tape`, and says how to push tangents.

| name | what |
|---|---|
| u, v | the two directions in weight space; x_u is the derivative of x along u, x_uv the second one along both |
| y_uv | here: of the operation alone, with the x_uv of its inputs taken as zero |
| adjoint | dL/dy, constant |

A function without a rule of its own is differentiated by PyTorch, twice.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from untrained.probe.tape.rules.attention import attention
from untrained.probe.tape.rules.general import by_double_backward, general
from untrained.probe.tape.rules.linear import DIFFERENCES, joined, linear, plus
from untrained.probe.tape.rules.nonlinear import RELUS, batch_norm, dropout, hardtanh, is_relu, relu, relu6
from untrained.probe.tape.rules.products import layer, matrix_product, product
from untrained.probe.tape.tape import Rule

__all__ = ["RELUS", "RULES", "by_double_backward", "general", "is_relu"]

SUMS = frozenset({torch.add, Tensor.add, Tensor.add_})
PRODUCTS = frozenset({torch.mul, torch.multiply, Tensor.mul, Tensor.mul_, Tensor.multiply, Tensor.multiply_})
MATRIX_PRODUCTS = frozenset({torch.matmul, torch.mm, torch.bmm, Tensor.matmul, Tensor.mm, Tensor.bmm})
JOINTS = frozenset({torch.cat, torch.concat, torch.concatenate, torch.stack, torch.hstack, torch.vstack})
LAYERS = frozenset({F.linear, F.conv1d, F.conv2d, F.conv3d, F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d})
POOLS = frozenset(
    {
        *(F.avg_pool1d, F.avg_pool2d, F.avg_pool3d),
        *(F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d),
    }
)
RESHAPES = frozenset(
    getattr(owner, name)
    for owner in (torch, Tensor)
    for name in (
        *("flatten", "reshape", "permute", "transpose", "movedim", "squeeze", "unsqueeze", "clone", "split", "chunk"),
        *("unbind", "narrow", "mean", "sum", "neg", "roll", "flip"),
    )
) | frozenset({Tensor.view, Tensor.expand, Tensor.contiguous, Tensor.__getitem__, Tensor.repeat, Tensor.unflatten})
DROPOUTS = frozenset({F.dropout, F.dropout1d, F.dropout2d, F.dropout3d})

RULES: dict[Any, Rule] = {
    F.batch_norm: batch_norm,
    **dict.fromkeys(RELUS, relu),
    F.relu6: relu6,
    **dict.fromkeys((F.hardtanh, F.hardtanh_), hardtanh),
    **dict.fromkeys(DROPOUTS, dropout),
    F.multi_head_attention_forward: attention,
    **dict.fromkeys(LAYERS, layer),
    **dict.fromkeys(SUMS | DIFFERENCES, plus),
    **dict.fromkeys(PRODUCTS, product),
    **dict.fromkeys(MATRIX_PRODUCTS, matrix_product),
    **dict.fromkeys(JOINTS, joined),
    **dict.fromkeys(POOLS | RESHAPES, linear),
}
"""Function -> its rule."""

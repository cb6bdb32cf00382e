"""How tangents go through an operation: a rule makes a call, records it on a `Tape`, and tells how to push tangents.

| name | what |
|---|---|
| u, v | the two directions in weight space; x_u is the derivative of x along u, x_uv the second one along both |
| y_uv | in the rules: of the operation alone, with the x_uv of its inputs taken as zero |
| adjoint | dL/dy, constant |

A function without a rule of its own is differentiated by PyTorch, twice.
"""

from typing import Any

import torch.nn.functional as F

from untrained.probe import functions
from untrained.probe.tape.rules.attention import attention
from untrained.probe.tape.rules.general import by_double_backward, general
from untrained.probe.tape.rules.linear import joined, linear, plus
from untrained.probe.tape.rules.nonlinear import batch_norm, dropout, hardtanh, relu, relu6
from untrained.probe.tape.rules.products import layer, matrix_product, product
from untrained.probe.tape.tape import Rule

__all__ = ["RULES", "by_double_backward", "general"]

RULES: dict[Any, Rule] = {
    **dict.fromkeys(functions.LINEAR, linear),
    **dict.fromkeys(functions.LAYERS, layer),
    **dict.fromkeys(functions.SUMS | functions.DIFFERENCES, plus),
    **dict.fromkeys(functions.PRODUCTS, product),
    **dict.fromkeys(functions.MATRIX_PRODUCTS, matrix_product),
    **dict.fromkeys(functions.JOINTS, joined),
    **dict.fromkeys(functions.RELUS, relu),
    F.relu6: relu6,
    **dict.fromkeys(functions.HARDTANHS, hardtanh),
    **dict.fromkeys(functions.DROPOUTS, dropout),
    F.batch_norm: batch_norm,
    F.multi_head_attention_forward: attention,
}
"""Function -> its rule."""

"""The curvature w^T H g of the loss L along the weights w and their gradient g, in one sweep forward.

H g itself is never needed, so nothing has to be propagated back. Along two directions u and v in weight space, the
second derivative of L(z(w)) splits into a sum over the operations y = f(x) of the forward pass,

    u^T H v = z_u^T (d2L/dz2) z_v + sum_f <dL/dy, f_uv>,

f_uv the operation's own second derivative along the tangents of its inputs (the chain rule, with the adjoints dL/dy of
the first backward pass). Linear operations add nothing. The tangents go forward: with u = w and v = g, a convolution
takes four, W (x + x_u), W x_v, G x and G x_u; two passes of reverse mode take six (and eight with the
convolutions that carry them back). After Pearlmutter, Fast Exact Multiplication by the Hessian, 1994.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from untrained.probe.probe import Probe, shared
from untrained.probe.tape.rules import by_double_backward
from untrained.probe.tape.tape import ZERO, Tangent

Sweep = tuple[Tensor, Tensor | None, Tensor | None]
"""(sum_f <dL/dy, f_uv>, z_u, z_v)."""


@shared
def curvature(probe: Probe) -> float:
    """Computes w^T H g over the weights of all layers, with g = dL/dw taken as constant.

    A part of the batch that calls a function unknown to the tape is differentiated twice by PyTorch instead.

    Example:
        >>> probe = Probe(torch.nn.Linear(3, 2), torch.ones(4, 3), torch.tensor([0, 1, 1, 1]))
        >>> isinstance(curvature(probe), float)
        True
    """
    total, outputs_u, outputs_v = 0.0, list[Tensor](), list[Tensor]()
    for part in probe.parts():
        sweep = tangent_sweep if part.forward.tape.gap is None else double_backward
        second, z_u, z_v = sweep(part, probe.weight_gradients)
        total += second.item()
        outputs_u.append(torch.zeros_like(part.outputs) if z_u is None else z_u)
        outputs_v.append(torch.zeros_like(part.outputs) if z_v is None else z_v)
    return total + probe.loss_curvature(torch.cat(outputs_u), torch.cat(outputs_v))


def tangent_sweep(probe: Probe, v: Sequence[Tensor]) -> Sweep:
    """Sweeps forward along u = w and v, by the rules on the tape."""
    tape, adjoints = probe.forward.tape, probe.adjoints
    # These are the very tensors that the pass ran on, so that a product can see that u is the weight itself.
    u = [probe.forward.params[layer.weight].detach() for layer in probe.layers]
    tangents: dict[int | None, Tangent] = {
        number: Tangent(w, g) for number, (w, g) in enumerate(zip(u, v, strict=True))
    }
    last_use = {number: index for index, operation in enumerate(tape.operations) for number in operation.inputs}
    total = torch.zeros((), dtype=torch.float64, device=probe.inputs.device)
    with probe.precision(), torch.no_grad():
        for index, (operation, of_outputs) in enumerate(zip(tape.operations, adjoints, strict=True)):
            given = [tangents.get(number, ZERO) for number in operation.inputs]
            for number in set(operation.inputs):
                if last_use[number] == index and number != tape.result:
                    tangents.pop(number, None)
            if any(t.u is not None or t.v is not None for t in given):
                results, second = operation.push(given, of_outputs)
                tangents.update(zip(operation.outputs, results, strict=True))
                if second is not None:
                    total += second
    outputs = tangents.get(tape.result, ZERO)
    return total, outputs.u, outputs.v


def double_backward(probe: Probe, v: Sequence[Tensor]) -> Sweep:
    """Computes the same for any network, by differentiating the whole gradient a second time."""
    weights = [probe.forward.params[layer.weight] for layer in probe.layers]
    tangents = [Tangent(w, g) for w, g in zip(probe.weights, v, strict=True)]
    second, (z_u,), (z_v,) = by_double_backward([probe.outputs], weights, [probe.output_adjoint], tangents)
    return second, z_u, z_v

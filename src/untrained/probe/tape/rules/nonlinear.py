"""ReLU, dropout and BatchNorm."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from untrained.probe.functions import PURE_RELUS, is_relu
from untrained.probe.substitutes.batch_norm import channel_dot, jacobian_product, normalise
from untrained.probe.tape.rules.general import general
from untrained.probe.tape.rules.linear import each
from untrained.probe.tape.rules.products import product
from untrained.probe.tape.tape import Tangent, Tape


def relu(tape: Tape, func: Any, input: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Records a ReLU, in place or not."""
    number = tape.variable(input)
    before = input._version
    if not (any(args) or any(kwargs.values())) and func in PURE_RELUS and (same := tape.relu_of(number)) is not None:
        tape.rectify(same)  # branches of a cell often begin with a ReLU of the same tensor: compute it once for all
        return same
    output = func(input, *args, **kwargs)
    tape.rectify(output, number if input._version == before else None)
    positive = tape.keep(output)  # if and only if the input is; and an in-place ReLU leaves no input

    def push(tangents: Sequence[Tangent], _: Any) -> tuple[list[Tangent], None]:
        return [each(lambda t: torch.ops.aten.threshold_backward(t, positive, 0), tangents[0])], None

    tape.record([number], [output], push)
    return output


def relu6(tape: Tape, func: Any, *args: Any, **kwargs: Any) -> Any:
    """Records a ReLU with an upper end."""
    output = general(tape, func, *args, **kwargs)
    tape.rectify(output)
    return output


def hardtanh(tape: Tape, func: Any, *args: Any, **kwargs: Any) -> Any:
    """Records `hardtanh`, which is a ReLU with an upper end if its lower end is 0: `nn.ReLU6` calls it like that."""
    return (relu6 if is_relu(func, args, kwargs) else general)(tape, func, *args, **kwargs)


def dropout(tape: Tape, func: Any, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Records dropout as the product with a mask, which `func` draws from ones."""
    return product(tape, Tensor.mul_ if inplace else torch.mul, input, func(torch.ones_like(input), p, training))


def batch_norm(
    tape: Tape,
    func: Any,
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Records BatchNorm: y = gain h + bias, h = s (x - mean x), s = (var x + eps)^(-1/2).

    Means are over all dimensions but the channels'.

    With the symmetric J x_u = gain s (x_u - mean x_u - h m_u), m_u = mean(h x_u):
    y_u = J x_u, s_u = -s^2 m_u, and along both
    h_uv = -s (m_v h_u + m_u h_v + h mean(h_v x_u)).
    """
    if tape.variable(weight) is not None or tape.variable(bias) is not None:
        return general(tape, func, input, running_mean, running_var, weight, bias, training, momentum, eps)
    tape.batch_statistics |= training
    number = tape.variable(input)
    # Views that belong to this call alone, so that their gradients are dL/dx and sum(h dL/dy) of this call.
    input = input.view_as(input)
    if weight is not None:
        gain = weight.view_as(weight) if weight.requires_grad else weight.detach().requires_grad_()
    else:
        dtype = torch.float32 if input.dtype in (torch.float16, torch.bfloat16) else input.dtype
        gain = torch.ones(input.shape[1], dtype=dtype, device=input.device, requires_grad=True)
    gamma = gain.detach()
    if not training:
        assert running_var is not None
        scale = gamma * (running_var + eps).rsqrt()
        output = func(input, running_mean, running_var, gain, bias, training, momentum, eps)
        shaped = scale.reshape(-1, *[1] * (input.ndim - 2))
        tape.record([number], [output], lambda tangents, _: ([each(lambda t: t * shaped, tangents[0])], None))
        return output
    if input.numel() == input.shape[1]:
        return func(input, running_mean, running_var, gain, bias, training, momentum, eps)  # raises, and tells why
    x = tape.keep(input)
    output, mean, s = normalise(input, gain, bias, running_mean, running_var, momentum, eps)

    def push(tangents: Sequence[Tangent], adjoints: Sequence[Tensor | None]) -> tuple[list[Tangent], Tensor | None]:
        n = x.numel() // x.shape[1]

        def jacobian(t: Tensor) -> tuple[Tensor, Tensor]:
            y, h_t, _ = jacobian_product(t.to(x.dtype), x, gamma, mean, s, eps)
            return y, h_t / n

        (x_u, x_v), (adjoint, gain_gradient) = tangents[0], adjoints
        if x_u is None or x_v is None:
            return [each(lambda t: jacobian(t)[0], tangents[0])], None
        (y_u, m_u), (y_v, m_v) = jacobian(x_u), jacobian(x_v)
        if adjoint is None or gain_gradient is None:
            return [Tangent(y_u, y_v)], None
        # adjoint is dL/dx: <dL/dy, J x_u> = <J dL/dy, x_u>. A gain of zero leaves no h_u in y_u, and no gradient.
        h_vu = torch.where(gamma == 0, 0, channel_dot(y_u, y_v) / gamma) / n + gamma * eps * s**4 * m_u * m_v
        second = s * (m_v * channel_dot(adjoint, x_u) + m_u * channel_dot(adjoint, x_v)) + gain_gradient * h_vu
        return [Tangent(y_u, y_v)], -second.sum(dtype=torch.float64)

    tape.record([number], [output], push, edges=[input, gain] if number is not None else [])
    return output

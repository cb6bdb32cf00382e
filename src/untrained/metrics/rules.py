"""How tangents go through an operation: a rule makes a call, records it on a `Tape`, and says how to push tangents.

| name | what |
|---|---|
| u, v | the two directions in weight space; x_u is the derivative of x along u, x_uv the second one along both |
| y_uv | here: of the operation alone, with the x_uv of its inputs taken as zero |
| adjoint | dL/dy, constant |

A function without a rule of its own is differentiated by PyTorch, twice.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from untrained.metrics.batch_norm import jacobian_product, normalise
from untrained.metrics.tape import ZERO, Rule, Tangent, Tape


def general(tape: Tape, func: Any, *args: Any, **kwargs: Any) -> Any:
    """Any function of tensors, by double backward."""
    slots = [value for value in _tensors((args, kwargs)) if tape.variable(value) is not None]
    if not slots:
        output = func(*args, **kwargs)
        tape.constant(_tensors(output))
        return output
    numbers = [tape.variable(value) for value in slots]
    versions = [value._version for value in slots]
    random = random_state(slots[0].device)
    output = func(*args, **kwargs)
    outputs = _tensors(output)
    selected = [number for number, value in enumerate(outputs) if value.requires_grad]
    if not selected:
        return output
    if not torch.equal(random, random_state(slots[0].device)):
        tape.gap = f"{_name(func)} draws random numbers"
    primals = [tape.keep(value, version) for value, version in zip(slots, versions, strict=True)]
    # The variables themselves must not be kept: they hold the graph.
    order = {id(value): _Slot(number) for number, value in enumerate(slots)}
    stored = _replaced((args, kwargs), lambda value: order.get(id(value), value))

    def function(*values: Tensor) -> tuple[Tensor, ...]:
        filled_args, filled_kwargs = _replaced(stored, lambda x: values[x.number] if isinstance(x, _Slot) else x)
        found = _tensors(func(*filled_args, **filled_kwargs))
        return tuple(found[number] for number in selected)

    def push(tangents: Sequence[Tangent], adjoints: Sequence[Tensor | None]) -> tuple[list[Tangent], Tensor | None]:
        with torch.enable_grad():
            x = [primal.clone().requires_grad_() for primal in primals]
            second, y_u, y_v = by_double_backward(function(*x), x, adjoints, tangents)
        return [Tangent(*pair) for pair in zip(y_u, y_v, strict=True)], second

    chosen = [outputs[number] for number in selected]
    tape.record(numbers, chosen, push, edges=chosen)
    return output


def by_double_backward(
    y: Sequence[Tensor], x: Sequence[Tensor], adjoints: Sequence[Tensor | None], tangents: Sequence[Tangent]
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """(<dL/dy, y_uv>, y_u, y_v) for y with its graph to x, dL/dy the adjoints and x_u, x_v the tangents.

    The gradient of <c, y> with c = dL/dy is linear in c: its products with x_u and x_v, differentiated by c, are the
    tangents.
    """
    c = [torch.zeros_like(out) if a is None else a.detach().clone() for out, a in zip(y, adjoints, strict=True)]
    c = [adjoint.requires_grad_() for adjoint in c]
    gradients = torch.autograd.grad(y, x, c, create_graph=True, materialize_grads=True)

    def along(direction: Sequence[Tensor | None]) -> Tensor:
        products = [(g * t).sum() for g, t in zip(gradients, direction, strict=True) if t is not None]
        return torch.stack([*products, c[0].sum() * 0]).sum()

    u, v = [t.u for t in tangents], [t.v for t in tangents]
    y_u = torch.autograd.grad(along(u), c, retain_graph=True, materialize_grads=True)
    both = torch.autograd.grad(along(v), [*c, *x], retain_graph=True, materialize_grads=True)
    y_v, products = both[: len(c)], both[len(c) :]
    second = [(t * p).sum(dtype=torch.float64) for t, p in zip(u, products, strict=True) if t is not None]
    zero = torch.zeros((), dtype=torch.float64, device=c[0].device)
    return torch.stack([*second, zero]).sum(), list(y_u), list(y_v)


def linear(tape: Tape, func: Any, x: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Linear in the first argument."""
    if any(tape.variable(value) is not None for value in _tensors((args, kwargs))):
        return general(tape, func, x, *args, **kwargs)
    number = tape.variable(x)
    output = func(x, *args, **kwargs)
    # The strides of a tangent need not allow a view where those of its tensor do.
    along: Any = Tensor.reshape if func is Tensor.view else func
    several = not isinstance(output, Tensor)

    def push(tangents: Sequence[Tangent], _: Any) -> tuple[list[Tangent], None]:
        tangent = _each(lambda t: along(t, *args, **kwargs), tangents[0])
        if not several:
            return [tangent], None
        count = len(output_shapes)
        parts = [[None] * count if t is None else list(t) for t in tangent]
        return [Tangent(*pair) for pair in zip(*parts, strict=True)], None

    outputs = _tensors(output)
    output_shapes = [value.shape for value in outputs]
    tape.record([number], outputs, push)
    return output


def joined(tape: Tape, func: Any, tensors: Sequence[Tensor], *args: Any, **kwargs: Any) -> Any:
    """Linear in a list of tensors: concatenation and stacking."""
    numbers = [tape.variable(value) for value in tensors]
    shapes = [value.shape for value in tensors]
    output = func(tensors, *args, **kwargs)

    def along(parts: Sequence[Tensor | None]) -> Tensor | None:
        some = next((part for part in parts if part is not None), None)
        if some is None:
            return None
        filled = [some.new_zeros(s) if p is None else p for p, s in zip(parts, shapes, strict=True)]
        return func(filled, *args, **kwargs)

    def push(tangents: Sequence[Tangent], _: Any) -> tuple[list[Tangent], None]:
        return [Tangent(along([t.u for t in tangents]), along([t.v for t in tangents]))], None

    tape.record(numbers, [output], push)
    return output


def plus(tape: Tape, func: Any, *args: Any, **kwargs: Any) -> Any:
    """x + alpha y, or x - alpha y, in place or not."""
    if len(args) != 2:
        return general(tape, func, *args, **kwargs)
    numbers = [tape.variable(value) for value in args]
    output = func(*args, **kwargs)
    alpha = kwargs.get("alpha", 1)
    factor = -alpha if func in DIFFERENCES else alpha
    shape = output.shape

    def along(a: Tensor | None, b: Tensor | None) -> Tensor | None:
        if b is None:
            return None if a is None else a.expand(shape)
        if a is None:
            return (b if factor == 1 else b * factor).expand(shape)
        return torch.add(a, b, alpha=factor)

    def push(tangents: Sequence[Tangent], _: Any) -> tuple[list[Tangent], None]:
        a, b = tangents
        return [Tangent(along(a.u, b.u), along(a.v, b.v))], None

    tape.record(numbers, [output], push)
    return output


# Products


def product(tape: Tape, func: Any, *args: Any, **kwargs: Any) -> Any:
    """x y, element by element, in place or not."""
    if len(args) != 2:
        return general(tape, func, *args, **kwargs)
    x, y = args
    if not isinstance(y, Tensor):
        number = tape.variable(x)
        output = func(x, y)

        def push(tangents: Sequence[Tangent], _: Any) -> tuple[list[Tangent], None]:
            return [ZERO if y == 0 else _each(lambda t: t * y, tangents[0])], None

        tape.record([number], [output], push)
        return output
    return _bilinear(tape, lambda: func(x, y), torch.mul, x, y)


def matrix_product(tape: Tape, func: Any, *args: Any, **kwargs: Any) -> Any:
    if len(args) != 2:
        return general(tape, func, *args, **kwargs)
    return _bilinear(tape, lambda: func(*args), torch.matmul, *args)


def layer(tape: Tape, func: Any, input: Tensor, weight: Tensor, bias: Tensor | None = None, *a: Any, **k: Any) -> Any:
    """Convolutions and the linear layer."""
    if tape.variable(bias) is not None:
        return general(tape, func, input, weight, bias, *a, **k)
    shape = (-1,) if func is F.linear else (-1, *[1] * (weight.ndim - 2))
    constant = None if bias is None else bias.detach().reshape(shape)
    return _bilinear(
        tape,
        lambda: func(input, weight, bias, *a, **k),
        lambda x, w: func(x, w, None, *a, **k),
        input,
        weight,
        constant,
    )


def _bilinear(
    tape: Tape,
    run: Callable[[], Tensor],
    times: Callable[[Tensor, Tensor], Tensor],
    x: Tensor,
    w: Tensor,
    constant: Tensor | None = None,
) -> Tensor:
    """`run` returns y = x times w, plus a constant.

    y_u = x_u w + x w_u, and y_uv = x_u w_v + x_v w_u.
    """
    numbers = [tape.variable(x), tape.variable(w)]
    # Each is needed for the tangent of the other.
    x_ = tape.keep(x) if numbers[1] is not None else None
    w_ = tape.keep(w) if numbers[0] is not None or tape.is_weight(w) else None
    output = run()
    y_ = tape.keep(output) if tape.is_weight(w) else None

    def both(left: Tensor | None, right: Tensor | None) -> Tensor | None:
        return None if left is None or right is None else times(left, right)

    def push(tangents: Sequence[Tangent], adjoints: Sequence[Tensor | None]) -> tuple[list[Tangent], Tensor | None]:
        x, w = tangents
        x_v_w, x_u_w_v = both(x.v, w_), both(x.u, w.v)
        if y_ is not None and w_ is not None and w.u is not None and w.u.is_set_to(w_):
            # u is the weight itself: x w_u is y without its constant, and x_v w_u is known.
            product = y_ if constant is None else y_ - constant
            y_u, x_v_w_u = product if x.u is None else times(x.u, w_).add_(product), x_v_w
        else:
            y_u, x_v_w_u = _plus(both(x.u, w_), both(x_, w.u)), both(x.v, w.u)
        terms = [_dot(a, y) for a in adjoints if a is not None for y in (x_u_w_v, x_v_w_u) if y is not None]
        return [Tangent(y_u, _plus(x_v_w, both(x_, w.v)))], torch.stack(terms).sum() if terms else None

    tape.record(numbers, [output], push, edges=[] if None in numbers else [output])
    return output


# Nonlinear operations


def relu(tape: Tape, func: Any, input: Tensor, *args: Any, **kwargs: Any) -> Any:
    number = tape.variable(input)
    output = func(input, *args, **kwargs)
    tape.rectify(output)
    positive = tape.keep(output)  # where the input is, and an in-place ReLU leaves no input

    def push(tangents: Sequence[Tangent], _: Any) -> tuple[list[Tangent], None]:
        return [_each(lambda t: torch.ops.aten.threshold_backward(t, positive, 0), tangents[0])], None

    tape.record([number], [output], push)
    return output


def relu6(tape: Tape, func: Any, *args: Any, **kwargs: Any) -> Any:
    output = general(tape, func, *args, **kwargs)
    tape.rectify(output)
    return output


def dropout(tape: Tape, func: Any, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """The product with a mask, which is drawn in the way the function does it."""
    return product(tape, torch.mul, input, func(torch.ones_like(input), p, training))


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
    """y = gain h + bias, h = s (x - mean x), s = (var x + eps)^(-1/2), the means over all but the channels.

    With the symmetric J x_u = gain s (x_u - mean x_u - h m_u), m_u = mean(h x_u):
    y_u = J x_u, s_u = -s^2 m_u, and along both
    h_uv = -s (m_v h_u + m_u h_v + h mean(h_v x_u)).
    """
    if tape.variable(weight) is not None or tape.variable(bias) is not None:
        return general(tape, func, input, running_mean, running_var, weight, bias, training, momentum, eps)
    tape.batch_statistics |= training
    number = tape.variable(input)
    # A tensor of this call alone, so that its gradient is mean(h dL/dy) of this call.
    if weight is not None:
        gain = weight.view_as(weight)
    else:
        dtype = torch.float32 if input.dtype in (torch.float16, torch.bfloat16) else input.dtype
        gain = torch.ones(input.shape[1], dtype=dtype, device=input.device, requires_grad=True)
    gamma = gain.detach()
    if not training:
        assert running_var is not None
        scale = gamma * (running_var + eps).rsqrt()
        output = func(input, running_mean, running_var, gain, bias, training, momentum, eps)
        shaped = scale.reshape(-1, *[1] * (input.ndim - 2))
        tape.record([number], [output], lambda tangents, _: ([_each(lambda t: t * shaped, tangents[0])], None))
        return output
    if input.numel() == input.shape[1]:
        return func(input, running_mean, running_var, gain, bias, training, momentum, eps)  # raises, and says why
    x = tape.keep(input)
    output, mean, s = normalise(input, gain, bias, running_mean, running_var, momentum, eps)

    def push(tangents: Sequence[Tangent], adjoints: Sequence[Tensor | None]) -> tuple[list[Tangent], Tensor | None]:
        n = x.numel() // x.shape[1]

        def jacobian(t: Tensor) -> tuple[Tensor, Tensor]:
            y, h_t = jacobian_product(t.to(x.dtype), x, gamma, mean, s, eps)
            return y, h_t / n

        (x_u, x_v), (adjoint, gain_gradient) = tangents[0], adjoints
        if x_u is None or x_v is None:
            return [_each(lambda t: jacobian(t)[0], tangents[0])], None
        (y_u, m_u), (y_v, m_v) = jacobian(x_u), jacobian(x_v)
        if adjoint is None or gain_gradient is None:
            return [Tangent(y_u, y_v)], None
        # adjoint is dL/dx: <dL/dy, J x_u> = <J dL/dy, x_u>. A gain of zero leaves no h_u in y_u, and no gradient.
        h_vu = torch.where(gamma == 0, 0, _channel_dot(y_u, y_v) / gamma) / n + gamma * eps * s**4 * m_u * m_v
        second = s * (m_v * _channel_dot(adjoint, x_u) + m_u * _channel_dot(adjoint, x_v)) + gain_gradient * h_vu
        return [Tangent(y_u, y_v)], -second.sum(dtype=torch.float64)

    tape.record([number], [output], push, edges=[input, gain] if number is not None else [])
    return output


class _Slot(NamedTuple):
    """Stands in the stored arguments of a call where a variable stood."""

    number: int


def _replaced(value: Any, replace: Callable[[Any], Any]) -> Any:
    """`value` with `replace` done to all that is in its tuples, lists and dicts."""
    if type(value) in (tuple, list):
        return type(value)(_replaced(part, replace) for part in value)
    if type(value) is dict:
        return {key: _replaced(part, replace) for key, part in value.items()}
    return replace(value)


def _tensors(value: Any) -> list[Tensor]:
    found: list[Tensor] = []
    _replaced(value, lambda part: found.append(part) if isinstance(part, Tensor) else None)
    return found


def by_memory(x: Tensor) -> Tensor:
    """n x ..., each sample's numbers in the order of memory: the same for every sample, and no copy."""
    if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
        x = x.permute(0, 2, 3, 1)
    return x.flatten(1) if x.ndim > 1 else x


def random_state(device: torch.device) -> Tensor:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def _name(func: Any) -> str:
    return getattr(func, "__name__", repr(func))


def _dot(a: Tensor, b: Tensor) -> Tensor:
    if a.stride() != b.stride() or a.dtype != b.dtype:
        return (a * b).sum(dtype=torch.float64)
    return torch.dot(by_memory(a).flatten(), by_memory(b).flatten()).double()


def _channel_dot(a: Tensor, b: Tensor) -> Tensor:
    """Sum over all dimensions but the channels."""
    return (a * b).sum([0, *range(2, a.ndim)])


def _plus(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    """a + b, written into a."""
    if a is None or b is None:
        return b if a is None else a
    return a.add_(b)


def _each(f: Callable[[Tensor], Any], tangent: Tangent) -> Tangent:
    return Tangent(*(None if t is None else f(t) for t in tangent))


DIFFERENCES = frozenset({torch.sub, torch.subtract, Tensor.sub, Tensor.sub_, Tensor.subtract, Tensor.subtract_})
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
RELUS = frozenset({F.relu, F.relu6, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_})
DROPOUTS = frozenset({F.dropout, F.dropout1d, F.dropout2d, F.dropout3d})

RULES: dict[Any, Rule] = {
    F.batch_norm: batch_norm,
    **dict.fromkeys(RELUS, relu),
    F.relu6: relu6,
    **dict.fromkeys(DROPOUTS, dropout),
    **dict.fromkeys(LAYERS, layer),
    **dict.fromkeys(SUMS | DIFFERENCES, plus),
    **dict.fromkeys(PRODUCTS, product),
    **dict.fromkeys(MATRIX_PRODUCTS, matrix_product),
    **dict.fromkeys(JOINTS, joined),
    **dict.fromkeys(POOLS | RESHAPES, linear),
}
"""Function -> its rule."""

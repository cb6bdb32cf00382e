"""Operations with two factors: element by element, of matrices, convolutions."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from untrained.probe.substitutes.channels_last import by_memory
from untrained.probe.tape.rules.general import general
from untrained.probe.tape.rules.linear import each, linear
from untrained.probe.tape.tape import ZERO, Tangent, Tape


def product(tape: Tape, func: Any, *args: Any, **kwargs: Any) -> Any:
    """Records x y, element by element, in place or not."""
    if len(args) != 2:
        return general(tape, func, *args, **kwargs)
    x, y = args
    if not isinstance(y, Tensor):
        number = tape.variable(x)
        output = func(x, y)

        def push(tangents: Sequence[Tangent], _: Any) -> tuple[list[Tangent], None]:
            return [ZERO if y == 0 else each(lambda t: t * y, tangents[0])], None

        tape.record([number], [output], push)
        return output
    return _bilinear(tape, lambda: func(x, y), torch.mul, x, y)


def matrix_product(tape: Tape, func: Any, *args: Any, **kwargs: Any) -> Any:
    """Records a product of matrices; it is a layer if its right factor is a weight."""
    if len(args) != 2:
        return general(tape, func, *args, **kwargs)
    x, w = args
    output = _bilinear(tape, lambda: func(x, w), torch.matmul, x, w)
    # x W has its channels last, as a layer has. W x has its channels in another dimension: it counts as no layer.
    is_layer = isinstance(w, Tensor) and w.ndim == 2 and tape.note_product(w, output)
    return linear(tape, Tensor.clone, output) if is_layer else output


def layer(tape: Tape, func: Any, input: Tensor, weight: Tensor, bias: Tensor | None = None, *a: Any, **k: Any) -> Any:
    """Records a convolution or a linear function."""
    output = _layer(tape, func, input, weight, bias, *a, **k)
    return linear(tape, Tensor.clone, output) if tape.note_product(weight, output) else output


def _layer(tape: Tape, func: Any, input: Tensor, weight: Tensor, bias: Tensor | None, *a: Any, **k: Any) -> Any:
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
    """Records y = x w + constant, with y_u = x_u w + x w_u and y_uv = x_u w_v + x_v w_u.

    Args:
        tape: The record.
        run: Makes the call, and returns y.
        times: (x, w) -> x w, without the constant.
        x: The first factor.
        w: The second factor, of a layer its weight.
        constant: What is added to the product.
    """
    numbers = [tape.variable(x), tape.variable(w)]
    # Each factor is needed for the tangent of the other.
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
            # u is the weight itself: x w_u is y without its constant, and x_v w_u is x_v w, both of which are known.
            product = y_ if constant is None else y_ - constant
            y_u, x_v_w_u = product if x.u is None else times(x.u, w_).add_(product), x_v_w
        else:
            y_u, x_v_w_u = _plus(both(x.u, w_), both(x_, w.u)), both(x.v, w.u)
        terms = [_dot(a, y) for a in adjoints if a is not None for y in (x_u_w_v, x_v_w_u) if y is not None]
        return [Tangent(y_u, _plus(x_v_w, both(x_, w.v)))], torch.stack(terms).sum() if terms else None

    tape.record(numbers, [output], push, edges=[] if None in numbers else [output])
    return output


def _dot(a: Tensor, b: Tensor) -> Tensor:
    if a.stride() != b.stride() or a.dtype != b.dtype:
        return (a * b).sum(dtype=torch.float64)
    return torch.dot(by_memory(a).flatten(), by_memory(b).flatten()).double()


def _plus(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    """Returns a + b, written into a; None stands for zero."""
    if a is None or b is None:
        return b if a is None else a
    return a.add_(b)

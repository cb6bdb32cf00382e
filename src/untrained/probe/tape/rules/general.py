"""Any function of tensors, differentiated twice by PyTorch."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from untrained.probe.tape.tape import Tangent, Tape
from untrained.runtime.seeding import random_states


def general(tape: Tape, func: Any, *args: Any, **kwargs: Any) -> Any:
    """Records any function of tensors, to be differentiated by double backward."""
    slots = [value for value in tensors_in((args, kwargs)) if tape.variable(value) is not None]
    if not slots:
        output = func(*args, **kwargs)
        tape.constant(tensors_in(output))
        return output
    numbers = [tape.variable(value) for value in slots]
    versions = [value._version for value in slots]
    before = random_states(slots[0].device)
    output = func(*args, **kwargs)
    if type(output) in (tuple, list):
        # The function may make one output of another, such as a cell's state. The adjoint of a copy leaves out
        # what happens inside the call.
        output = _replaced(output, lambda x: x.clone() if isinstance(x, Tensor) and x.requires_grad else x)
    outputs = tensors_in(output)
    selected = [number for number, value in enumerate(outputs) if value.requires_grad]
    if not selected:
        return output
    if random_states(slots[0].device) != before:
        tape.gap = f"{_name(func)} draws random numbers"
    if any(value.is_complex() for value in (*slots, *outputs)):
        tape.gap = f"{_name(func)} has to do with complex numbers"
    primals = [tape.keep(value, version) for value, version in zip(slots, versions, strict=True)]
    # Do not keep the variables themselves: they hold the graph.
    order = {id(value): _Place(number) for number, value in enumerate(slots)}
    stored = _replaced((args, kwargs), lambda value: order.get(id(value), value))

    def function(*values: Tensor) -> tuple[Tensor, ...]:
        filled_args, filled_kwargs = _replaced(stored, lambda x: values[x.number] if isinstance(x, _Place) else x)
        found = tensors_in(func(*filled_args, **filled_kwargs))
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
    """Differentiates a function twice.

    The gradient of <c, y> with c = dL/dy is linear in c: its products with x_u and x_v, differentiated by c, are y_u
    and y_v.

    Args:
        y: The function's outputs, with their graph to x.
        x: Its inputs.
        adjoints: dL/dy for each output.
        tangents: (x_u, x_v) for each input.

    Returns:
        (<dL/dy, y_uv>, y_u, y_v).

    Raises:
        ValueError: If PyTorch has no second derivative of the function.
    """
    c = [torch.zeros_like(out) if a is None else a.detach().clone() for out, a in zip(y, adjoints, strict=True)]
    c = [adjoint.requires_grad_() for adjoint in c]
    gradients = torch.autograd.grad(y, x, c, create_graph=True, materialize_grads=True)
    try:
        return _products(gradients, x, c, tangents)
    except RuntimeError as error:
        if "is not implemented" not in str(error):
            raise
        raise ValueError(f"PyTorch has no second derivative of a function that the network calls: {error}") from error


def _products(
    gradients: Sequence[Tensor], x: Sequence[Tensor], c: Sequence[Tensor], tangents: Sequence[Tangent]
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
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


class _Place(NamedTuple):
    """Takes the place of a variable in the stored arguments of a call."""

    number: int


def _replaced(value: Any, replace: Callable[[Any], Any]) -> Any:
    """Applies `replace` to every value in nested tuples, lists and dictionaries."""
    if type(value) in (tuple, list):
        return type(value)(_replaced(part, replace) for part in value)
    if type(value) is dict:
        return {key: _replaced(part, replace) for key, part in value.items()}
    return replace(value)


def tensors_in(value: Any) -> list[Tensor]:
    """Returns the tensors in nested tuples, lists and dictionaries."""
    found: list[Tensor] = []
    _replaced(value, lambda part: found.append(part) if isinstance(part, Tensor) else None)
    return found


def _name(func: Any) -> str:
    return getattr(func, "__name__", repr(func))

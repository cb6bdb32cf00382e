"""Linear operations: they have no second derivative, and do the same to tangents as to their arguments."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from untrained.probe.functions import DIFFERENCES, MOVES, SELECTIONS
from untrained.probe.tape.rules.general import general, tensors_in
from untrained.probe.tape.tape import Tangent, Tape


def linear(tape: Tape, func: Any, x: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Records a function that is linear in its first argument."""
    if any(tape.variable(value) is not None for value in tensors_in((args, kwargs))):
        return general(tape, func, x, *args, **kwargs)
    number = tape.variable(x)
    output = func(x, *args, **kwargs)
    # The strides of a tangent may not allow a view even if those of its tensor do.
    along: Any = Tensor.reshape if func is Tensor.view else func
    several = not isinstance(output, Tensor)

    def push(tangents: Sequence[Tangent], _: Any) -> tuple[list[Tangent], None]:
        tangent = each(lambda t: along(t, *args, **kwargs), tangents[0])
        if not several:
            return [tangent], None
        count = len(output_shapes)
        parts = [[None] * count if t is None else list(t) for t in tangent]
        return [Tangent(*pair) for pair in zip(*parts, strict=True)], None

    outputs = tensors_in(output)
    output_shapes = [value.shape for value in outputs]
    tape.record([number], outputs, push)
    if func in SELECTIONS:
        tape.note_rows(x, outputs)  # they may be rows of a weight
    if func in MOVES and x.ndim == 2:
        tape.note_rows(x, outputs, transposed=True)
    return output


def joined(tape: Tape, func: Any, tensors: Sequence[Tensor], *args: Any, **kwargs: Any) -> Any:
    """Records a function that is linear in a list of tensors: concatenation and stacking."""
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
    """Records x + alpha y or x - alpha y, in place or not."""
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


def each(f: Callable[[Tensor], Any], tangent: Tangent) -> Tangent:
    """Applies `f` to both derivatives of a tangent, if they are not zero."""
    return Tangent(*(None if t is None else f(t) for t in tangent))

"""A record of a forward pass, operation by operation, so that tangents can be pushed through it once more.

| word | meaning |
|---|---|
| variable | a tensor that depends on the weights; it is known by its number |
| tangent | the derivatives of a variable along two directions u and v in weight space |
| adjoint | the derivative dL/dy of the loss with respect to a variable y |
"""

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.overrides import TorchFunctionMode

from untrained.probe.substitutes.functions import SUBSTITUTES, in_default_format


class Tangent(NamedTuple):
    """The derivatives of a tensor along two directions in weight space; None stands for zero."""

    u: Tensor | None = None
    v: Tensor | None = None


ZERO = Tangent()

Push = Callable[[Sequence[Tangent], Sequence[Tensor | None]], tuple[Sequence[Tangent], Tensor | None]]
"""(tangents of the inputs, adjoints) -> tangents of the outputs, and sum <dL/dy, d2y/du dv> over the outputs y.

The second derivative is that of the operation alone: those of its inputs count as zero.
"""


@dataclass(frozen=True)
class Operation:
    """One recorded call."""

    inputs: tuple[int | None, ...]
    """The variables that go in; None for a constant."""
    outputs: tuple[int, ...]
    edges: tuple[GradientEdge, ...]
    """The places in the graph at which to find the adjoints that `push` asks for."""
    push: Push


class _Known(NamedTuple):
    tensor: "weakref.ref[Tensor]"
    version: int
    variable: int | None


class Product(NamedTuple):
    """The output of a convolution or linear function of a weight, or of some of its rows."""

    weight: int
    """The weight's number."""
    used: int
    """How many numbers of the weight were used."""
    output: Tensor
    version: int
    """The output's count of writes, right after the call: a higher one shows that something wrote into it since."""


Rule = Callable[..., Any]
"""(tape, function, *arguments) -> what the function returns; the rule records the call on the tape."""


class Tape(TorchFunctionMode):
    """Records every call on variables. The first variables are the weights; a tensor written into becomes another one.

    It also does what `AnyLayout` does.

    Args:
        weights: The layers' weights.
        rules: Function -> how to call and record it.
        otherwise: The rule of every other function.
        copy: Hand copies of the outputs of layers on, because something writes into them.

    Attributes:
        operations: The recorded calls, in order.
        result: The variable that is the network's output; None if it is a constant.
        rectified: The output of each ReLU call, and its count of writes right after the call.
        products: The output of each layer function.
        gap: Why the record cannot be used; None if it can.
        batch_statistics: Whether an operation mixes the samples of the batch.
    """

    def __init__(
        self, weights: Sequence[Tensor], rules: Mapping[Any, Rule], otherwise: Rule, copy: bool = False
    ) -> None:
        super().__init__()
        self.operations: list[Operation] = []
        self.result: int | None = None
        self.rectified: list[tuple[Tensor, int]] = []
        self.products: list[Product] = []
        self.gap: str | None = None
        self.batch_statistics = False
        self._rules, self._otherwise, self._copy = rules, otherwise, copy
        self._relus: dict[int, tuple[Tensor, int]] = {}
        self._rows: dict[int, int] = {}
        self._known: dict[int, _Known] = {}
        self._kept: list[tuple[Tensor, int]] = []
        self._variables = 0
        for weight in weights:
            self._add(weight)
        self._weights = self._variables

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        args, kwargs = in_default_format(func, args), kwargs or {}
        rule = self._rules.get(func, self._otherwise) if args and "out" not in kwargs else self._otherwise
        return rule(self, SUBSTITUTES.get(func, func), *args, **kwargs)

    def variable(self, value: Any) -> int | None:
        """Returns the number of the variable that `value` is; None if it is a constant.

        Ask before the call: it may write into the tensor.
        """
        if not isinstance(value, Tensor) or not value.requires_grad:
            return None
        known = self._known.get(id(value))
        if known is not None and known.tensor() is value and known.version == value._version:
            return known.variable
        if not value.is_leaf:
            self.gap = "a tensor comes from an operation that cannot be recorded, or was written into through a view"
        return None

    def is_weight(self, value: Any) -> bool:
        number = self.variable(value)
        return number is not None and number < self._weights

    def weight_of(self, value: Any) -> int | None:
        """Returns the number of the weight that `value` is, or has rows of; None if it is something else."""
        number = self.variable(value)
        if number is None or number < self._weights:
            return number
        return self._rows.get(number)

    def keep(self, tensor: Tensor, version: int | None = None) -> Tensor:
        """Keeps the numbers of `tensor` for a later push, as they are now or were at `version`.

        If something writes into the tensor, the record has a gap.
        """
        self._kept.append((tensor.detach(), tensor._version if version is None else version))
        return self._kept[-1][0]

    def record(
        self, inputs: Sequence[int | None], outputs: Sequence[Tensor], push: Push, edges: Sequence[Tensor] = ()
    ) -> None:
        """Records a call.

        Args:
            inputs: The variables that went in; None for a constant.
            outputs: What the call has just returned.
            push: How tangents go through it.
            edges: The tensors whose adjoints `push` needs.
        """
        if not torch.is_grad_enabled() or not any(output.requires_grad for output in outputs):
            return
        if all(number is None for number in inputs):
            self.constant(outputs)
            return
        numbers = tuple(self._add(output) for output in outputs)
        found = tuple(get_gradient_edge(tensor) for tensor in edges)
        self.operations.append(Operation(tuple(inputs), numbers, found, push))

    def constant(self, outputs: Sequence[Tensor]) -> None:
        """Notes that `outputs` depend on no variable."""
        for output in outputs:
            if output.requires_grad:
                self._known[id(output)] = _Known(weakref.ref(output), output._version, None)

    def relu_of(self, variable: int | None) -> Tensor | None:
        """Returns the output of an earlier ReLU of `variable`; None if there is none, or something wrote into it."""
        output, version = self._relus.get(-1 if variable is None else variable, (None, 0))
        return output if output is not None and output._version == version and not self._copy else None

    def rectify(self, output: Tensor, variable: int | None = None) -> None:
        """Notes the output of a ReLU; `variable` is its input, if that was not written into."""
        if variable is not None:
            self._relus[variable] = (output, output._version)
        output = output.detach().clone() if self._copy else output.detach()
        self.rectified.append((output, output._version))

    def note_rows(self, weight: Tensor, parts: Sequence[Tensor], transposed: bool = False) -> None:
        """Notes which of `parts` are rows of a weight.

        Args:
            weight: What they are made of; nothing is noted unless it is a weight.
            parts: Those whose rows are as long as the weight's are rows of it.
            transposed: `parts` is the weight's transpose, which counts as all of its rows.
        """
        number = self.weight_of(weight)
        for part in parts:
            of_part = self.variable(part)
            fits = transposed or part.shape[1:] == weight.shape[1:]
            if number is not None and of_part is not None and fits:
                self._rows[of_part] = number

    def note_product(self, weight: Tensor, output: Tensor) -> bool:
        """Notes the output of a layer, if `weight` is a layer's; tells whether to hand on a copy in its place."""
        number = self.weight_of(weight)
        if number is None or not output.requires_grad:
            return False
        self.products.append(Product(number, weight.numel(), output, output._version))
        return self._copy

    def finish(self, outputs: Tensor) -> None:
        """Ends the record; `outputs` are the network's."""
        self.result = self.variable(outputs)
        if any(tensor._version != version for tensor, version in self._kept):
            self.gap = "something writes into the argument of an operation"

    def _add(self, tensor: Tensor) -> int:
        number = self._variables
        self._known[id(tensor)] = _Known(weakref.ref(tensor), tensor._version, number)
        self._variables += 1
        return number

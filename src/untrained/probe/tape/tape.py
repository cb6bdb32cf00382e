"""What a forward pass did, operation by operation, so that tangents can be pushed through it once more."""

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
    """Derivatives of a tensor along two directions in weight space; None stands for zero."""

    u: Tensor | None = None
    v: Tensor | None = None


ZERO = Tangent()

Push = Callable[[Sequence[Tangent], Sequence[Tensor | None]], tuple[Sequence[Tangent], Tensor | None]]
"""(tangents of the inputs, adjoints) -> tangents of the outputs, and sum <dL/dy, d2y/du dv> over the outputs y, where
the second derivative is the operation's own: that of its inputs counts as zero."""


@dataclass(frozen=True)
class Operation:
    inputs: tuple[int | None, ...]
    """Numbers of the variables that go in; None for a constant."""
    outputs: tuple[int, ...]
    edges: tuple[GradientEdge, ...]
    """Where in the graph the adjoints dL/d... that `push` asks for are found."""
    push: Push


class _Known(NamedTuple):
    tensor: "weakref.ref[Tensor]"
    version: int
    variable: int | None


class Product(NamedTuple):
    """What a convolution or linear function made with a weight, or with some of its rows."""

    weight: int
    """The weight's number."""
    used: int
    """How many of its numbers were used."""
    output: Tensor
    version: int
    """Which the output had: it has another if something wrote into it since."""


Rule = Callable[..., Any]
"""(tape, function, *its arguments) -> what the function returns; records the call on the tape."""


class Tape(TorchFunctionMode):
    """Records the calls that the `weights` have an influence on. A rule says how to record each function.

    A variable is a tensor that depends on the weights; the first of them are the weights themselves. A tensor that is
    written into becomes another variable. Stands in for `AnyLayout`.
    """

    def __init__(
        self, weights: Sequence[Tensor], rules: Mapping[Any, Rule], otherwise: Rule, copy: bool = False
    ) -> None:
        super().__init__()
        self.operations: list[Operation] = []
        self.result: int | None = None
        """The number of the network's output, if it is a variable."""
        self.rectified: list[tuple[Tensor, int]] = []
        """The output of each ReLU call, and the version it had: it has another if something wrote into it since."""
        self.products: list[Product] = []
        self.gap: str | None = None
        """Why the recording cannot be used, where it cannot."""
        self.batch_statistics = False
        """Does an operation mix the samples of the batch?"""
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
        """The number of the variable that `value` is; None if it is a constant. To be asked before the call, which may
        write into it."""
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
        """The number of the weight that `value` is, or has rows of; None if it is something else."""
        number = self.variable(value)
        if number is None or number < self._weights:
            return number
        return self._rows.get(number)

    def keep(self, tensor: Tensor, version: int | None = None) -> Tensor:
        """`tensor` for a later push, as it is now or was at `version`; there is none if something writes into it."""
        self._kept.append((tensor.detach(), tensor._version if version is None else version))
        return self._kept[-1][0]

    def record(
        self, inputs: Sequence[int | None], outputs: Sequence[Tensor], push: Push, edges: Sequence[Tensor] = ()
    ) -> None:
        """The call that has just returned `outputs`. `edges`: the tensors whose adjoints `push` needs."""
        if not torch.is_grad_enabled() or not any(output.requires_grad for output in outputs):
            return
        if all(number is None for number in inputs):
            self.constant(outputs)
            return
        numbers = tuple(self._add(output) for output in outputs)
        found = tuple(get_gradient_edge(tensor) for tensor in edges)
        self.operations.append(Operation(tuple(inputs), numbers, found, push))

    def constant(self, outputs: Sequence[Tensor]) -> None:
        """`outputs` depend on no variable."""
        for output in outputs:
            if output.requires_grad:
                self._known[id(output)] = _Known(weakref.ref(output), output._version, None)

    def relu_of(self, variable: int | None) -> Tensor | None:
        """What an earlier ReLU has made of `variable`, unless something wrote into it (or may, in copies)."""
        output, version = self._relus.get(-1 if variable is None else variable, (None, 0))
        return output if output is not None and output._version == version and not self._copy else None

    def rectify(self, output: Tensor, variable: int | None = None) -> None:
        """`output` is a ReLU's, of `variable` if that is as it was before."""
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
        """`output` is a layer's if `weight` is one's. Is a copy to be handed on in its place?"""
        number = self.weight_of(weight)
        if number is None or not output.requires_grad:
            return False
        self.products.append(Product(number, weight.numel(), output, output._version))
        return self._copy

    def finish(self, outputs: Tensor) -> None:
        """The pass is over, and `outputs` are the network's."""
        self.result = self.variable(outputs)
        if any(tensor._version != version for tensor, version in self._kept):
            self.gap = "something writes into the argument of an operation"

    def _add(self, tensor: Tensor) -> int:
        number = self._variables
        self._known[id(tensor)] = _Known(weakref.ref(tensor), tensor._version, number)
        self._variables += 1
        return number

"""Gradients sample by sample, from one backward pass over the batch.

If samples do not influence each other, the gradient of sample i with respect to a layer's weight follows from what went
into the layer and the gradient of what came out, both of sample i alone (see `gradients`). `Uses` records every call of
a function that takes a parameter; when the backward pass reaches the call's output, the parameter's gradient of each
sample can be computed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self
from weakref import ref

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from untrained.probe.functions import CONVOLUTIONS, Functions, bound
from untrained.probe.per_sample.gradients import Convolution, Elementwise, Linear, Lookup, Use
from untrained.probe.sample_dimension import same_outputs
from untrained.runtime.seeding import CPU, random_states

SUPPORTED: Functions = CONVOLUTIONS | {F.linear, F.embedding, F.batch_norm, F.layer_norm, F.rms_norm, F.group_norm}
"""The functions of which a gradient a sample is known."""

Take = Callable[[str, list[tuple[Use, Tensor]]], None]
"""Called with a parameter's name and all its uses, each with the gradient B of what came out of it."""


def _take_nothing(_name: str, _parts: list[tuple[Use, Tensor]]) -> None:
    pass


class Uses(TorchFunctionMode):
    """Records how a network's forward pass uses its parameters, and keeps the output of every such call differentiable.

    Args:
        parameters: Name -> tensor, as handed to the network; none of them need require a gradient.
        n: How many samples the batch has. A call whose input has another first dimension has no per-sample gradient. If
            the dimensions are equal by chance, a pass over another number of samples shows it: see `compare`.

    Attributes:
        count: How often the pass uses each parameter.
        unsupported: Parameters used by a call whose per-sample gradient is not implemented.
        leaves: The tensors at which the graph begins.
        draws: Whether the pass drew random numbers.

    Example:
        >>> weight, x = torch.ones(2, 3), torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 1.0]])
        >>> uses, found = Uses({"weight": weight}, n=2), {}
        >>> with uses:
        ...     y = F.linear(x, weight)
        >>> uses.backward(y[:, 0].sum(), lambda name, parts: found.update({name: summed(parts)}))
        >>> found["weight"][0]
        tensor([[1., 2., 3.],
                [0., 0., 0.]])
    """

    def __init__(self, parameters: dict[str, Tensor], n: int) -> None:
        super().__init__()
        self.parameters = parameters
        self.names = {id(tensor): name for name, tensor in parameters.items()}
        self.device = next((tensor.device for tensor in parameters.values()), CPU)
        self.n = n
        self.count = Counter[str]()
        self.unsupported: set[str] = set()
        self.leaves: list[Tensor] = []
        self.draws = False
        self._take: Take = _take_nothing
        self._arrived: dict[str, list[tuple[Use, Tensor]]] = {}

    def __enter__(self) -> Self:
        self._before = random_states(self.device)
        return super().__enter__()

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)
        self.draws = random_states(self.device) != self._before

    def compare(self, outputs: Tensor, other: "Uses", other_outputs: Tensor) -> None:
        """Marks as unsupported every parameter whose calls turn out to mix samples.

        The evidence is a pass over a different number of the same first samples. A call whose first dimension is
        something else than samples, such as the steps of a sequence, is unsupported there. If a sample has other
        outputs there, samples influence each other, and all calls are unsupported.

        Args:
            outputs: The outputs of this pass.
            other: The record of the other pass. If it ran on parameters that require a gradient, it also shows calls
                that no mode sees, such as those within `torch.vmap`.
            other_outputs: The outputs of the other pass.
        """
        self.unsupported |= other.unsupported | other.unseen(other_outputs)
        both = min(self.n, other.n)
        if not (self.draws or same_outputs(outputs[:both], other_outputs[:both])):
            self.unsupported |= set(self.names.values())

    def unseen(self, outputs: Tensor) -> set[str]:
        """Returns the parameters on which `outputs` depend although no call that uses them was seen."""
        asked = {name: tensor for name, tensor in self.parameters.items() if tensor.requires_grad}
        if not asked or not outputs.requires_grad:
            return set()
        found = torch.autograd.grad(outputs.sum(), list(asked.values()), allow_unused=True)
        return {name for name, g in zip(asked, found, strict=True) if g is not None and not self.count[name]}

    def backward(self, total: Tensor, take: Take) -> None:
        """Makes the backward pass of `total`, and hands over each parameter's uses as soon as all were reached.

        Args:
            total: A scalar, mostly a sum over samples. Parameters on which it does not depend are left out.
            take: Called once for each of the other parameters.
        """
        if not total.requires_grad:
            return
        self._take, self._arrived = take, {}
        torch.autograd.grad(total, self.leaves, retain_graph=True, allow_unused=True)
        for name, parts in self._arrived.items():  # parameters some of whose uses have no part in `total`
            take(name, parts)
        self._take, self._arrived = _take_nothing, {}

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        used = {self.names[id(t)] for t in _flat((*args, *kwargs.values())) if id(t) in self.names}
        if not used or not any(isinstance(part, Tensor) for part in _flat((output,))):
            return output
        if not torch.is_grad_enabled():  # inside a function with a gradient of its own, in which hooks are not called
            self.unsupported |= used
            return output
        uses = list(self._uses(func, args, kwargs)) if func in SUPPORTED else []
        known = {use.parameter for use in uses}
        if used - known or any(len(use.A) != self.n for use in uses):
            self.unsupported |= used
            return output
        handed_on = output
        if not output.requires_grad:
            output.requires_grad_()
            self.leaves.append(output)
            handed_on = output.clone()  # a leaf must not be written into
        self.count.update(use.parameter for use in uses)
        # Register the hook at once, not before the backward pass: an in-place function may take the output over later.
        # Refer to `self` weakly: the output may be one of `leaves`, and must not hold the object that holds it.
        me: ref[Any] = ref(self)
        output.register_hook(lambda B: _arrived(me, uses, B.detach()))
        return handed_on

    def _uses(self, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Iterator[Use]:
        given = bound(func, args, kwargs)
        A: Tensor = given["input"].detach()
        weight, bias = given["weight"], given.get("bias")
        name = self.names.get(id(weight))
        dims: tuple[int, ...] = (1,)  # of the bias, and of a scale
        if func is F.linear:
            dims = (A.ndim - 1,)
            scale = Linear(name, A) if name else None
        elif func is F.embedding:
            scale = Lookup(name, A, len(given["weight"]), given["padding_idx"]) if name else None
        elif func in CONVOLUTIONS:
            kernel = given["weight"].shape[2:]
            stride, dilation = (_each(given[key], len(kernel)) for key in ("stride", "dilation"))
            padding = _padding(given["padding"], kernel, dilation)
            scale = Convolution(name, A, kernel, stride, padding, dilation, given["groups"]) if name else None
        else:
            if func is F.batch_norm:
                if given["training"] or given["running_mean"] is None:
                    return  # the samples influence each other
                normal = F.batch_norm(A, given["running_mean"], given["running_var"], eps=given["eps"])
            elif func is F.group_norm:
                normal = F.group_norm(A, given["num_groups"], eps=given["eps"])
            else:
                shape = given["normalized_shape"]
                dims = tuple(range(A.ndim - len(shape), A.ndim))
                normal = func(A, shape, eps=given["eps"])
            scale = Elementwise(name, normal, dims) if name else None
        if scale is not None:
            yield scale
        if bias is not None and id(bias) in self.names:
            yield Elementwise(self.names[id(bias)], A.new_ones(len(A), *[1] * (A.ndim - 1)), dims)

    def _arrive(self, uses: list[Use], B: Tensor) -> None:
        for use in uses:
            parts = self._arrived.setdefault(use.parameter, [])
            parts.append((use, B))
            if len(parts) == self.count[use.parameter]:
                self._take(use.parameter, self._arrived.pop(use.parameter))


def _arrived(uses: "ref[Any]", of_call: list[Use], B: Tensor) -> None:
    if (record := uses()) is not None:
        record._arrive(of_call, B)


def summed(parts: list[tuple[Use, Tensor]]) -> Tensor:
    """Returns n x (the parameter's shape): a parameter's gradient of each sample, summed over the parameter's uses."""
    first, *others = (use.gradient(B) for use, B in parts)
    return sum(others, start=first)


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from value
        else:
            yield value


def _each(value: Any, dims: int) -> list[int]:
    return [value] * dims if isinstance(value, int) else list(value) * (dims if len(value) == 1 else 1)


def _padding(padding: Any, kernel: Sequence[int], dilation: Sequence[int]) -> list[tuple[int, int]]:
    """(before, after) in each dimension."""
    if padding == "same":
        total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return [(t // 2, t - t // 2) for t in total]
    return [(p, p) for p in _each(0 if padding == "valid" else padding, len(kernel))]

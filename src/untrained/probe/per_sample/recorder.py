"""Gradients sample by sample, from one backward pass over the batch.

Where samples do not touch each other, the gradient of sample i with respect to a layer's weight follows from what went
into the layer and the gradient of what came out, both of sample i alone (see `use`). A `Uses` records every call of a
function that takes a parameter; when the backward pass reaches its output, the parameter's gradient is there for each
sample.
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

Take = Callable[[str, list[tuple[Use, Tensor]]], None]
"""Called with a parameter's name and all its uses, each with its B."""


def _leave(_name: str, _parts: list[tuple[Use, Tensor]]) -> None:
    """Takes nothing."""


class Uses(TorchFunctionMode):
    """Records how a network's forward pass uses its parameters, and keeps every such call's output differentiable.

    parameters: name -> tensor, as handed to the network; none of them need require a gradient.
    n: samples. A call whose input has another first dimension has no gradient a sample. One that has the same by chance
    shows with another number of samples: see `compare`.
    """

    def __init__(self, parameters: dict[str, Tensor], n: int) -> None:
        super().__init__()
        if complex_ := [name for name, tensor in parameters.items() if tensor.is_complex()]:
            raise ValueError(f"{complex_[0]} is complex: the metric is defined for real weights")
        self.parameters = parameters
        self.names = {id(tensor): name for name, tensor in parameters.items()}
        self.device = next((tensor.device for tensor in parameters.values()), CPU)
        self.n = n
        self.count = Counter[str]()
        """Uses of each parameter."""
        self.unsupported: set[str] = set()
        """Parameters that something uses of which no gradient a sample is known."""
        self.leaves: list[Tensor] = []
        """Where the graph begins."""
        self.draws = False
        """Did the pass draw random numbers?"""
        self.take = _leave
        self.arrived: dict[str, list[tuple[Use, Tensor]]] = {}

    def __enter__(self) -> Self:
        self._before = random_states(self.device)
        return super().__enter__()

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)
        self.draws = random_states(self.device) != self._before

    def compare(self, outputs: Tensor, other: "Uses", other_outputs: Tensor) -> None:
        """Takes nothing for a sample's own which a pass over another number of the first samples shows not to be.

        A call that goes by something else than samples, such as the steps of a sequence, has no gradient a sample; no
        call has where the samples have other outputs in the other pass: they touch each other. Where the other pass ran
        on parameters that require a gradient, it tells of calls that cannot be seen, too, as within `torch.vmap`.
        """
        self.unsupported |= other.unsupported | other.unseen(other_outputs)
        both = min(self.n, other.n)
        if not (self.draws or same_outputs(outputs[:both], other_outputs[:both])):
            self.unsupported |= set(self.names.values())

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        used = {self.names[id(t)] for t in _flat((*args, *kwargs.values())) if id(t) in self.names}
        if not used or not any(isinstance(part, Tensor) for part in _flat((output,))):
            return output
        if not torch.is_grad_enabled():  # within a function with a gradient of its own, where no hook is called
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
        # At once, not when the pass goes back: later an in-place function may have taken the output over. The output,
        # which may be one of `leaves`, is not to hold what holds it.
        me: ref[Any] = ref(self)
        output.register_hook(lambda B: _arrived(me, uses, B.detach()))
        return handed_on

    def unseen(self, outputs: Tensor) -> set[str]:
        """Parameters on which `outputs` depend by other calls than those that were seen."""
        asked = {name: tensor for name, tensor in self.parameters.items() if tensor.requires_grad}
        if not asked or not outputs.requires_grad:
            return set()
        found = torch.autograd.grad(outputs.sum(), list(asked.values()), allow_unused=True)
        return {name for name, g in zip(asked, found, strict=True) if g is not None and not self.count[name]}

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
                    return  # the samples touch each other
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

    def backward(self, total: Tensor, take: Take) -> None:
        """Hands `take` each parameter's uses with their B, as the backward pass of `total` (a scalar) gets there.

        A parameter on which `total` does not depend is left out.
        """
        if not total.requires_grad:
            return
        self.take, self.arrived = take, {}
        torch.autograd.grad(total, self.leaves, retain_graph=True, allow_unused=True)
        for name, parts in self.arrived.items():  # some of their uses have no part in `total`
            take(name, parts)
        self.take, self.arrived = _leave, {}

    def _arrive(self, uses: list[Use], B: Tensor) -> None:
        for use in uses:
            parts = self.arrived.setdefault(use.parameter, [])
            parts.append((use, B))
            if len(parts) == self.count[use.parameter]:
                self.take(use.parameter, self.arrived.pop(use.parameter))


def _arrived(uses: "ref[Any]", of_call: list[Use], B: Tensor) -> None:
    if (pass_ := uses()) is not None:
        pass_._arrive(of_call, B)


def summed(parts: list[tuple[Use, Tensor]]) -> Tensor:
    """n x (the parameter's shape): a parameter's gradient is the sum over its uses."""
    first, *others = (use.gradient(B) for use, B in parts)
    return sum(others, start=first)


SUPPORTED: Functions = CONVOLUTIONS | {F.linear, F.embedding, F.batch_norm, F.layer_norm, F.rms_norm, F.group_norm}
"""The functions of which a gradient a sample is known."""


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

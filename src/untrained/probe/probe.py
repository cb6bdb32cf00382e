"""What a metric is given: the shared passes over one untrained network and one batch, whole or in chunks."""

from collections.abc import Callable, Iterator
from functools import cached_property, wraps
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.errors import InputError
from untrained.probe.forward import Forward, Layer
from untrained.probe.outputs import Heads, join
from untrained.probe.passes import Loss, Passes
from untrained.probe.sample_dimension import check_alone

__all__ = ["Layer", "Loss", "Probe", "shared"]

T = TypeVar("T")


def shared(compute: "Callable[[Probe], T]") -> "Callable[[Probe], T]":
    """Decorates a function of a probe that several metrics ask for: it is computed once for each probe.

    A pass that every metric may need is a property of `Probe`; a pass of one family is a function with this decorator.

    Args:
        compute: A function of a probe.

    Returns:
        The same function, which keeps its result with the probe.

    Example:
        >>> @shared
        ... def input_norm(probe: Probe) -> float:
        ...     print("computed")
        ...     return probe.inputs.norm().item()
        >>> probe = Probe(nn.Linear(3, 2), torch.ones(4, 3))
        >>> input_norm(probe) == input_norm(probe)
        computed
        True
    """

    @wraps(compute)
    def computed_once(probe: "Probe") -> T:
        if compute not in probe.shared:
            probe.shared[compute] = compute(probe)
        return probe.shared[compute]

    return computed_once


class Probe(Passes):
    """The passes over one untrained network and one batch, each computed when it is first asked for, and once.

    The network is left exactly as it was found: passes run on copies of parameters and buffers; training mode and
    random states are put back; gradients are never written.

    Args:
        net: The network.
        inputs: n x ... tensor, samples first.
        targets: n labels, or whatever `loss` takes; None if no metric needs them.
        loss: (outputs, targets) -> mean loss of the batch. It gets what the network returns: a tensor, or tuples, lists
            and dictionaries of tensors. Everywhere else their numbers are one long output of each sample.
        seed: Of the random numbers that the network draws as it runs (dropout).
        second: A second batch (inputs, targets), for metrics that compare two.
        strict: Count Conv2d and Linear modules only as layers, as the public implementations do.
        second_order: Set it if a second-order metric (grasp) will be asked for: the first backward pass then keeps its
            adjoints. Affects speed only.
        dtype: What the copies and the inputs are cast to; None leaves their own types.
        autocast: The type of `torch.autocast`, such as `torch.bfloat16`; None runs without.
        chunk: Run the batch through the network so many samples at a time, to save memory. The values are the same; if
            they cannot be, as with the batch statistics of BatchNorm, a metric raises ValueError.

    Raises:
        InputError: If the network cannot be run call by call, or the inputs or the chunk are of no use.

    Example:
        >>> net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> probe = Probe(net, torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1]))
        >>> [tuple(g.shape) for g in probe.weight_gradients]
        [(4, 3), (2, 4)]
        >>> tuple(probe.input_jacobian.shape)
        (5, 3)
        >>> tuple(probe.replace(inputs=probe.inputs[:2], targets=probe.targets[:2]).outputs.shape)
        (2, 2)
    """

    def __init__(
        self,
        net: nn.Module,
        inputs: Tensor,
        targets: Any = None,
        *,
        loss: Loss = F.cross_entropy,
        seed: int = 0,
        second: tuple[Tensor, Any] | None = None,
        strict: bool = False,
        second_order: bool = False,
        dtype: torch.dtype | None = None,
        autocast: torch.dtype | None = None,
        chunk: int | None = None,
    ) -> None:
        if chunk is not None and chunk < 1:
            raise InputError(f"a chunk of {chunk} samples: give at least 1")
        super().__init__(
            *(net, inputs, targets),
            loss=loss,
            second_order=second_order,
            seed=seed,
            strict=strict,
            dtype=dtype,
            autocast=autocast,
        )
        self.second = None if second is None else (self.prepared(second[0]), second[1])
        self.chunk = None if chunk is None or chunk >= len(inputs) else chunk
        self.shared: dict[Callable[[Probe], Any], Any] = {}

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that `replace` carries over."""
        return super().settings | {"chunk": self.chunk}

    # Everything below is about chunks: without them, each pass is that of the whole batch.

    def check_whole(self) -> None:
        """Raises ValueError if the batch is to go through in chunks, for passes that need all of it at once."""
        if self.chunk is not None:
            raise ValueError("this needs the whole batch at once: it cannot be had in chunks")

    def parts(self, linearised: bool = True) -> "Iterator[Probe]":
        """Yields this probe, or one for each chunk of the batch.

        Args:
            linearised: Make the loss of a chunk's probe <dL/dz, z>, dL/dz being the chunk's rows of the whole batch's.
                Its gradients are then the chunk's share of the whole, whatever the loss; its curvature lacks that of
                the loss (see `curvature`). Otherwise a chunk's probe has no targets.
        """
        if self.chunk is None:
            yield self
            return
        for start in range(0, len(self.inputs), self.chunk):
            rows = slice(start, start + self.chunk)
            yield self.replace(
                inputs=self.inputs[rows],
                targets=self.output_adjoint[rows] if linearised else None,
                loss=_inner_product,
                second_order=self.second_order,
                chunk=None,
            )

    @cached_property
    def forward(self) -> Forward:
        """The forward pass over the whole batch in training mode, with its graph.

        Raises:
            ValueError: If the batch is to go through in chunks.
        """
        self.check_whole()
        return super().forward

    @cached_property
    def outputs(self) -> Tensor:
        """z, n x classes, or n x (all numbers of a sample) if the network returns several tensors.

        They have their graph, unless the batch goes through in chunks.
        """
        if self.chunk is None:
            return super().outputs
        self._check_chunks()
        return torch.cat([part.outputs.detach() for part in self.parts(linearised=False)])

    @cached_property
    def heads(self) -> Heads | None:
        """How the outputs are put together, if the network returns several tensors."""
        if self.chunk is None:
            return super().heads
        heads = self._whole(slice(1)).forward.heads
        if heads is not None and heads.constant:
            raise ValueError("the network returns tensors without a gradient as well: the batch cannot go in chunks")
        return heads

    @cached_property
    def weight_gradients(self) -> list[Tensor]:
        """g_l for each of `layers`, detached; zero if the loss does not depend on the weight."""
        if self.chunk is None:
            return super().weight_gradients
        total = [torch.zeros_like(weight) for weight in self.weights]
        for part in self.parts():
            for sum_, gradient in zip(total, part.weight_gradients, strict=True):
                sum_ += gradient
        return total

    @cached_property
    def parameter_gradients(self) -> dict[str, Tensor]:
        """dL/dtheta for every parameter by name, biases and normalisations included; zero if the loss does not depend
        on it. Detached."""
        if self.chunk is None:
            return super().parameter_gradients
        total = {name: self.prepared(torch.zeros_like(p)) for name, p in self.net.named_parameters()}
        for part in self.parts():
            for name, gradient in part.parameter_gradients.items():
                total[name] += gradient
        return total

    @cached_property
    def input_jacobian(self) -> Tensor:
        """J, n x inputs.

        Raises:
            ValueError: If the inputs are whole numbers, such as tokens.
        """
        if self.chunk is None:
            return super().input_jacobian
        self._check_chunks()
        return torch.cat([part.input_jacobian for part in self.parts(linearised=False)])

    @cached_property
    def active_units(self) -> list[Tensor]:
        """For each ReLU call, n x units booleans: whether the unit's input is above 0.

        Raises:
            ValueError: If the network calls no ReLU, or its outputs are not all finite.
        """
        if self.chunk is None:
            return super().active_units
        self._check_chunks()
        return [torch.cat(units) for units in zip(*(p.active_units for p in self.parts(False)), strict=True)]

    def _whole(self, samples: slice) -> "Probe":
        """A probe of these samples at once, without targets."""
        return self.replace(inputs=self.inputs[samples], targets=None, chunk=None)

    def _check_chunks(self) -> None:
        """Raises ValueError if the outputs of a chunk depend on more than its own samples."""
        pair = self._whole(slice(2)).forward
        if pair.tape.batch_statistics:
            raise ValueError("BatchNorm takes its statistics from the whole batch: no chunks of it give the same score")
        if pair.draws:
            raise ValueError("the network draws random numbers, others for chunks than for the whole batch")
        if len(pair.outputs) != min(2, len(self.inputs)):
            raise ValueError("the outputs are not one for each sample: the batch cannot go through in chunks")
        for i, together in enumerate(pair.outputs):
            check_alone(together, self._whole(slice(i, i + 1)).outputs[0])


def _inner_product(outputs: Any, adjoint: Tensor) -> Tensor:
    return (join(outputs)[0] * adjoint).sum()

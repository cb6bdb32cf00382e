"""The shared passes over one untrained network.

| name | shape | what |
|---|---|---|
| n | | samples in the batch |
| W_l, g_l | as the layer's weight | weight of layer l and the gradient dL/dW_l of the mean loss L over the batch |
| a_l | n x channels x ... | output of layer l, before any normalisation or activation |
| J | n x inputs | gradient of the sum of all outputs of all samples with respect to the batch, a row a sample |

These passes are in training mode: BatchNorm uses the statistics of the batch. `evaluation` has one in evaluation mode.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, wraps
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from untrained.errors import InputError
from untrained.probe.forward import Forward, Layer
from untrained.probe.outputs import Heads, join
from untrained.probe.runner import Runner
from untrained.probe.sample_dimension import Arrange, resized, same_outputs, samples_first, unchanged
from untrained.probe.substitutes.channels_last import by_memory

Loss = Callable[[Any, Any], Tensor]
"""(what the network returns, the batch's targets) -> mean loss, a scalar; mostly of n x classes outputs, n targets."""

__all__ = ["Layer", "Loss", "Probe", "check_alone", "shared"]

T = TypeVar("T")


def shared(compute: "Callable[[Probe], T]") -> "Callable[[Probe], T]":
    """Decorates a function of a probe that several metrics ask for: it is computed once for each probe.

    A pass that every metric may need is a property of `Probe`; a pass of one family is a function with this decorator.

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


class Probe(Runner):
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
        super().__init__(net, inputs, seed=seed, strict=strict, dtype=dtype, autocast=autocast)
        with torch.inference_mode(False):  # tensors made in that mode cannot be differentiated
            self.targets = pytree.tree_map_only(Tensor, lambda t: t.clone() if t.is_inference() else t, targets)
        self.loss_function = loss
        self.second = None if second is None else (self.prepared(second[0]), second[1])
        self.second_order = second_order
        self.chunk = None if chunk is None or chunk >= len(inputs) else chunk
        self.shared: dict[Callable[[Probe], Any], Any] = {}
        self._resized: dict[bool, Forward] = {}

    def replace(self, **changed: Any) -> "Probe":
        """Returns a probe of the same network with other settings, such as another batch.

        Args:
            **changed: Arguments of `Probe`. The others are this probe's, except `second` and `second_order`, which are
                left at their defaults.

        Example:
            >>> probe = Probe(nn.Linear(3, 2), torch.randn(5, 3), torch.zeros(5, dtype=torch.long))
            >>> half = probe.replace(inputs=probe.inputs[:2], targets=probe.targets[:2])
            >>> tuple(half.outputs.shape)
            (2, 2)
        """
        settings: dict[str, Any] = {
            "inputs": self.inputs,
            "targets": self.targets,
            "loss": self.loss_function,
            "seed": self.seed,
            "strict": self.strict,
            "dtype": self.dtype,
            "autocast": self.autocast,
            "chunk": self.chunk,
        }
        probe = Probe(self.net, **settings | changed)
        if "known_layers" in vars(self) and probe.strict == self.strict:
            vars(probe)["known_layers"] = self.known_layers  # to find bare parameters among them takes a pass
        return probe

    @cached_property
    def forward(self) -> Forward:
        """The forward pass over the whole batch in training mode, with its graph.

        Raises:
            ValueError: If the batch is to go through in chunks.
        """
        self.check_whole()
        return self.run()

    def check_whole(self) -> None:
        """Raises ValueError if the batch is to go through in chunks, for passes that need all of it at once."""
        if self.chunk is not None:
            raise ValueError("this needs the whole batch at once: it cannot be had in chunks")

    @cached_property
    def outputs(self) -> Tensor:
        """n x classes, or n x (all numbers of a sample) if the network returns several tensors.

        They have their graph, unless the batch goes through in chunks.
        """
        if self.chunk is None:
            return self.forward.outputs
        self._check_chunks()
        return torch.cat([part.outputs.detach() for part in self.parts(linearised=False)])

    @cached_property
    def heads(self) -> Heads | None:
        """How the outputs are put together, if the network returns several tensors."""
        if self.chunk is None:
            return self.forward.heads
        heads = self._whole(self.inputs[:1]).forward.heads
        if heads is not None and heads.constant:
            raise ValueError("the network returns tensors without a gradient as well: the batch cannot go in chunks")
        return heads

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

    @property
    def labels(self) -> Tensor | None:
        """The targets, if they are n class labels."""
        targets = self.targets
        fits = isinstance(targets, Tensor) and targets.ndim == 1 and not targets.is_floating_point()
        return targets.long() if fits else None

    @cached_property
    def loss(self) -> Tensor:
        """The scalar L, with the graph that `outputs` has."""
        return self._loss_of(self.outputs)

    @cached_property
    def output_adjoint(self) -> Tensor:
        """dL/dz, n x classes, z the outputs."""
        return self._loss_gradient[1].detach()

    def loss_curvature(self, z_u: Tensor, z_v: Tensor) -> float:
        """z_u^T (d2L/dz2) z_v, z the outputs."""
        z, gradient = self._loss_gradient
        if not gradient.requires_grad:
            return 0.0
        (product,) = torch.autograd.grad(gradient, z, z_v.to(z.dtype), retain_graph=True, materialize_grads=True)
        return (product * z_u).sum(dtype=torch.float64).item()

    @cached_property
    def weight_gradients(self) -> list[Tensor]:
        """g_l for each of `layers`, detached; zero if the loss does not depend on the weight."""
        if self.chunk is None:
            return self._backward[0] if self.layers else []  # `layers` raises if there is none
        total = [torch.zeros_like(weight) for weight in self.weights]
        for part in self.parts():
            for sum_, gradient in zip(total, part.weight_gradients, strict=True):
                sum_ += gradient
        return total

    @property
    def output_gradients(self) -> list[Tensor]:
        """dL/da for each of `forward.calls`, detached."""
        return self._backward[1]

    @property
    def adjoints(self) -> list[list[Tensor | None]]:
        """The adjoints that each operation on `forward.tape` asks for, detached."""
        if not self.second_order:
            self.second_order = True
            self.__dict__.pop("_backward", None)
        return self._backward[2]

    @cached_property
    def input_jacobian(self) -> Tensor:
        """J, n x inputs.

        Raises:
            ValueError: If the inputs are whole numbers, such as tokens.
        """
        if not self.inputs.is_floating_point():
            raise ValueError(f"the inputs are {self.inputs.dtype}: only floating-point inputs have a Jacobian")
        if self.chunk is not None:
            self._check_chunks()
            return torch.cat([part.input_jacobian for part in self.parts(linearised=False)])
        (jacobian,) = torch.autograd.grad(
            self.outputs.sum(), self.forward.inputs, retain_graph=True, materialize_grads=True
        )
        return jacobian.flatten(1)

    @cached_property
    def active_units(self) -> list[Tensor]:
        """For each ReLU call, n x units booleans: whether the unit's input is above 0.

        Raises:
            ValueError: If the network calls no ReLU, or its outputs are not all finite.
        """
        if self.chunk is not None:
            self._check_chunks()
            return [torch.cat(units) for units in zip(*(p.active_units for p in self.parts(False)), strict=True)]
        if not self.forward.rectified:
            raise ValueError("the network calls no ReLU")
        if not torch.isfinite(self.outputs).all():
            raise ValueError("the network's outputs are not all finite numbers")
        n, units = len(self.inputs), list[Tensor]()
        for output, arrange in zip(self.forward.rectified, self.samples_first(lambda f: f.rectified), strict=True):
            # The output is positive if and only if the input is, and an in-place ReLU leaves no input.
            active = output > 0
            units.append(active.flatten().expand(n, -1) if arrange is None else by_memory(arrange(active)))
        return units

    def samples_first(self, tensors_of: Callable[[Forward], Sequence[Tensor]]) -> list[Arrange | None]:
        """Finds the dimension of the samples in tensors of the forward pass, by a pass over another number of samples.

        That pass is made only in case of doubt. In image networks feature maps and outputs have samples first, if they
        seem to; so has everything if the network runs on no other number of samples.

        Args:
            tensors_of: Picks the tensors from a forward pass.

        Returns:
            For each tensor, how to bring samples first; None if it does not depend on them.

        Raises:
            ValueError: If the dimension cannot be told.
        """
        n, tensors = len(self.inputs), tensors_of(self.forward)
        seem_right = all(len(t) == n for t in tensors)
        plain = all(t.ndim > 3 or t is self.outputs for t in tensors) and any(
            self.forward.params[layer.weight].ndim > 3 for layer in self.known_layers
        )
        if seem_right and plain:
            return [unchanged] * len(tensors)
        try:
            others = tensors_of(self._of_another_size(training=True))
        except Exception as error:  # anything, for example from a network whose samples are the nodes of one graph
            if seem_right:
                return [unchanged] * len(tensors)
            raise ValueError(f"the network does not run on another number of samples: {error}") from error
        if len(others) != len(tensors):
            raise ValueError("the network makes other calls with another number of samples")
        arranged = list[Arrange | None]()
        for k, (tensor, other) in enumerate(zip(tensors, others, strict=True)):
            try:
                arranged.append(samples_first(tensor, other, n))
            except ValueError:
                if not (self.forward.tape.batch_statistics or self.forward.draws):
                    raise
                # Other samples, other statistics or dropout, other numbers in the same place: look in evaluation mode.
                tensor, other = (
                    tensors_of(self._in_evaluation)[k],
                    tensors_of(self._of_another_size(training=False))[k],
                )
                arranged.append(samples_first(tensor, other, n))
        return arranged

    @cached_property
    def _in_evaluation(self) -> Forward:
        return self.run(training=False)

    def _of_another_size(self, training: bool) -> Forward:
        if training not in self._resized:
            self._resized[training] = self._whole(resized(self.inputs)).run(training)
        return self._resized[training]

    def _whole(self, inputs: Tensor) -> "Probe":
        """A probe of other inputs at once, without targets."""
        return self.replace(inputs=inputs, targets=None, chunk=None)

    def _loss_of(self, outputs: Tensor) -> Tensor:
        if self.targets is None:
            raise ValueError("the batch has no targets")
        labels = self.labels
        if self.loss_function is F.cross_entropy and labels is not None and outputs.ndim == 2:
            if len(labels) != len(outputs):
                raise ValueError(f"{len(labels)} labels for {len(outputs)} outputs")
            if labels.max() >= outputs.shape[1]:  # an error from which a GPU does not recover
                raise ValueError(f"label {int(labels.max())}: the network has outputs for {outputs.shape[1]} classes")
        with self.untouched(), self.precision():
            loss = self.loss_function(outputs if self.heads is None else self.heads.split(outputs), self.targets)
        if loss.ndim != 0:
            raise ValueError(f"the loss has shape {tuple(loss.shape)}: it must be one number")
        if not torch.isfinite(loss):
            raise ValueError(f"the loss is {loss.item()}")
        return loss

    @cached_property
    def _loss_gradient(self) -> tuple[Tensor, Tensor]:
        """(z, dL/dz with its graph to z), z a copy of the outputs."""
        z = self.outputs.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self._loss_of(z), z, create_graph=True, materialize_grads=True)
        return z, gradient

    @cached_property
    def _backward(self) -> tuple[list[Tensor], list[Tensor], list[list[Tensor | None]]]:
        """dL/dW for each layer, dL/da for each call; and, if `second_order`, the adjoints for the tape's operations."""
        forward = self.forward
        tensors = [forward.params[layer.weight] for layer in self.known_layers]
        tensors += [call.output for call in forward.calls]
        operations = forward.tape.operations if self.second_order and forward.tape.gap is None else []
        edges = [edge for operation in operations for edge in operation.edges]
        wanted: list[Any] = [*tensors, *edges]
        found = torch.autograd.grad(self.outputs, wanted, self.output_adjoint, retain_graph=True, allow_unused=True)
        gradients = [torch.zeros_like(t) if g is None else g for t, g in zip(tensors, found, strict=False)]
        of_edges = iter(found[len(tensors) :])
        adjoints: list[list[Tensor | None]] = [[next(of_edges) for _ in operation.edges] for operation in operations]
        return gradients[: len(self.known_layers)], gradients[len(self.known_layers) :], adjoints

    def _check_chunks(self) -> None:
        """Raises ValueError if the outputs of a chunk depend on more than its own samples."""
        pair = self._whole(self.inputs[:2]).forward
        if pair.tape.batch_statistics:
            raise ValueError("BatchNorm takes its statistics from the whole batch: no chunks of it give the same score")
        if pair.draws:
            raise ValueError("the network draws random numbers, others for chunks than for the whole batch")
        if len(pair.outputs) != min(2, len(self.inputs)):
            raise ValueError("the outputs are not one for each sample: the batch cannot go through in chunks")
        for i, together in enumerate(pair.outputs):
            check_alone(together, self._whole(self.inputs[i : i + 1]).outputs[0])


def check_alone(together: Tensor, alone: Tensor) -> None:
    """Raises ValueError if the outputs of a sample in a batch differ from its outputs alone."""
    if not same_outputs(together, alone):
        raise ValueError("the outputs for one sample depend on the other samples: chunks would change the score")


def _inner_product(outputs: Any, adjoint: Tensor) -> Tensor:
    return (join(outputs)[0] * adjoint).sum()

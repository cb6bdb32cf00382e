"""The passes over a whole batch that every metric may need.

| name | shape | what |
|---|---|---|
| n | | samples in the batch |
| z | n x classes | outputs |
| L | | mean loss over the batch |
| W_l, g_l | as the layer's weight | weight of layer l and the gradient dL/dW_l |
| a_l | n x channels x ... | output of layer l, before any normalisation or activation |
| J | n x inputs | gradient of the sum of all outputs of all samples with respect to the batch, a row for each sample |

They are in training mode: BatchNorm uses the statistics of the batch. `evaluation` has a pass in evaluation mode.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from untrained.probe.forward import Forward
from untrained.probe.outputs import Heads
from untrained.probe.runner import Runner
from untrained.probe.sample_dimension import Arrange, resized, samples_first, unchanged
from untrained.probe.substitutes.channels_last import by_memory

Loss = Callable[[Any, Any], Tensor]
"""(what the network returns, the batch's targets) -> mean loss, a scalar; mostly of n x classes outputs, n targets."""


class Passes(Runner):
    """Each pass is computed when it is first asked for, and once.

    Args:
        net: The network.
        inputs: n x ... tensor, samples first.
        targets: Whatever `loss` takes.
        loss: The mean loss of the batch.
        second_order: Keep what second-order metrics need of the first backward pass.
        **settings: Those of `Runner`.
    """

    def __init__(
        self,
        net: nn.Module,
        inputs: Tensor,
        targets: Any = None,
        *,
        loss: Loss = F.cross_entropy,
        second_order: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(net, inputs, **settings)
        with torch.inference_mode(False):  # tensors made in that mode cannot be differentiated
            self.targets = pytree.tree_map_only(Tensor, lambda t: t.clone() if t.is_inference() else t, targets)
        self.loss_function = loss
        self.second_order = second_order
        self._resized: dict[bool, Forward] = {}

    @property
    def settings(self) -> dict[str, Any]:
        return super().settings | {"targets": self.targets, "loss": self.loss_function}

    @cached_property
    def forward(self) -> Forward:
        """The forward pass in training mode, with its graph."""
        return self.run()

    @cached_property
    def outputs(self) -> Tensor:
        """z, n x classes, or n x (all numbers of a sample) if the network returns several tensors; with their graph."""
        return self.forward.outputs

    @cached_property
    def heads(self) -> Heads | None:
        """How the outputs are put together, if the network returns several tensors."""
        return self.forward.heads

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
        """dL/dz, n x classes."""
        return self._loss_gradient[1].detach()

    def loss_curvature(self, z_u: Tensor, z_v: Tensor) -> float:
        """Returns z_u^T (d2L/dz2) z_v for two tangents of the outputs, n x classes."""
        z, gradient = self._loss_gradient
        if not gradient.requires_grad:
            return 0.0
        (product,) = torch.autograd.grad(gradient, z, z_v.to(z.dtype), retain_graph=True, materialize_grads=True)
        return (product * z_u).sum(dtype=torch.float64).item()

    @cached_property
    def weight_gradients(self) -> list[Tensor]:
        """g_l for each of `layers`, detached; zero if the loss does not depend on the weight."""
        return self._backward[0] if self.layers else []  # `layers` raises if there is none

    @cached_property
    def parameter_gradients(self) -> dict[str, Tensor]:
        """dL/dtheta for every parameter by name, biases and normalisations included; zero if the loss does not depend
        on it. Detached."""
        params = {name: self.forward.params[name] for name, _ in self.net.named_parameters()}
        if not params:
            return {}
        found = torch.autograd.grad(
            self.outputs, list(params.values()), self.output_adjoint, retain_graph=True, materialize_grads=True
        )
        return dict(zip(params, found, strict=True))

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
        total, inputs = self.outputs.sum(), self.forward.inputs
        (jacobian,) = torch.autograd.grad(total, inputs, retain_graph=True, materialize_grads=True)
        return jacobian.flatten(1)

    @cached_property
    def active_units(self) -> list[Tensor]:
        """For each ReLU call, n x units booleans: whether the unit's input is above 0.

        Raises:
            ValueError: If the network calls no ReLU, or its outputs are not all finite.
        """
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
        tensors = tensors_of(self.forward)
        seem_right = all(len(t) == len(self.inputs) for t in tensors)
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
        return [self._arrange(tensors_of, k) for k in range(len(tensors))]

    def _arrange(self, tensors_of: Callable[[Forward], Sequence[Tensor]], k: int) -> Arrange | None:
        n = len(self.inputs)
        try:
            return samples_first(tensors_of(self.forward)[k], tensors_of(self._of_another_size(training=True))[k], n)
        except ValueError:
            if not (self.forward.tape.batch_statistics or self.forward.draws):
                raise
            # Other samples, other statistics or dropout, other numbers in the same place: look in evaluation mode.
            whole, other = self._in_evaluation, self._of_another_size(training=False)
            return samples_first(tensors_of(whole)[k], tensors_of(other)[k], n)

    @cached_property
    def _in_evaluation(self) -> Forward:
        return self.run(training=False)

    def _of_another_size(self, training: bool) -> Forward:
        if training not in self._resized:
            self._resized[training] = self.replace(inputs=resized(self.inputs), targets=None).run(training)
        return self._resized[training]

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

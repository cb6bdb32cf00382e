"""The shared passes over one untrained network.

| name | shape | what |
|---|---|---|
| n | | samples in the batch |
| W_l, g_l | as the layer's weight | weight of layer l and the gradient dL/dW_l of the mean loss L over the batch |
| a_l | n x channels x ... | output of layer l, before any normalisation or activation |
| J | n x inputs | gradient of the sum of all outputs of all samples with respect to the batch, a row a sample |

Everything data-dependent is computed in training mode: BatchNorm uses the statistics of the batch.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

Loss = Callable[[Tensor, Tensor], Tensor]
"""(n x classes outputs, n targets) -> mean loss, a scalar."""

RELUS = frozenset({F.relu, F.relu6, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_})
NORMS = frozenset({F.batch_norm, F.layer_norm, F.group_norm, F.instance_norm, F.rms_norm})
NORM_MODULES = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)


class Layer(NamedTuple):
    """A module with a weight of two dimensions or more (convolution, linear, embedding, ...; no normalisation)."""

    name: str
    module: nn.Module
    weight: str
    """Name of its parameter in the network."""


class LayerCall(NamedTuple):
    """One call of a layer in the forward pass."""

    layer: Layer
    output: Tensor


@dataclass
class Forward:
    """What the one forward pass left behind, its autograd graph included."""

    inputs: Tensor
    outputs: Tensor
    params: dict[str, Tensor]
    """The copies of parameters and buffers that the pass ran on, by name."""
    calls: list[LayerCall] = field(default_factory=list)
    active: list[Tensor] = field(default_factory=list)


T = TypeVar("T")


def shared(compute: "Callable[[Probe], T]") -> "Callable[[Probe], T]":
    """Decorator of a function of a probe that several metrics ask for: computed once a probe.

    What every metric may need is a property of `Probe`; what one family shares stands beside it, decorated with this.
    """

    @wraps(compute)
    def computed_once(probe: "Probe") -> T:
        if compute not in probe.shared:
            probe.shared[compute] = compute(probe)
        return probe.shared[compute]

    return computed_once


class Probe:
    """Lazily computed, memoised passes over `net` and one batch; asked twice, computed once.

    The network is left exactly as it was found: passes run on detached parameters and copied buffers, training mode
    and the random state are put back, gradients are never written.

    inputs: n x ... tensor. targets: n labels, or whatever `loss` takes; None where no metric needs them.
    loss: mean loss of the batch, cross entropy unless given.
    seed: random state during the passes (dropout).
    second: a second batch (inputs, targets), for metrics that compare two.
    strict: count as the public implementations do: only Conv2d and Linear are layers.
    second_order: keep the graph of the loss gradient, so that a metric that differentiates it costs no second
    forward and backward pass. Right either way, only slower where the guess is wrong.
    """

    def __init__(
        self,
        net: nn.Module,
        inputs: Tensor,
        targets: Tensor | None = None,
        *,
        loss: Loss = F.cross_entropy,
        seed: int = 0,
        second: tuple[Tensor, Tensor | None] | None = None,
        strict: bool = False,
        second_order: bool = False,
    ) -> None:
        self.net = net
        self.inputs = inputs
        self.targets = targets
        self.loss_function = loss
        self.seed = seed
        self.second = second
        self.strict = strict
        self.second_order = second_order
        self.shared: dict[Callable[[Probe], Any], Any] = {}

    @cached_property
    def layers(self) -> list[Layer]:
        """Every layer with a weight, in the order of the network's modules; a shared weight counts once."""
        found = dict[int, Layer]()
        for name, module in self.net.named_modules():
            weight = module._parameters.get("weight")
            if self.strict and not isinstance(module, nn.Conv2d | nn.Linear):
                continue
            if weight is not None and weight.ndim > 1 and not isinstance(module, NORM_MODULES):
                found.setdefault(id(weight), Layer(name, module, f"{name}.weight" if name else "weight"))
        if not found:
            raise ValueError("the network has no layer with a weight")
        return list(found.values())

    @cached_property
    def weights(self) -> list[Tensor]:
        """W_l for each of `layers`, detached."""
        return [cast(Tensor, layer.module.weight).detach() for layer in self.layers]

    @cached_property
    def forward(self) -> Forward:
        """The forward pass in training mode, with its graph."""
        forward, versions = self._run(clone_outputs=False)
        if any(call.output._version != v for call, v in zip(forward.calls, versions, strict=True)):
            # Something wrote into a layer's output (an in-place activation or sum): hand on copies instead.
            forward, _ = self._run(clone_outputs=True)
        return forward

    @property
    def outputs(self) -> Tensor:
        """n x classes."""
        return self.forward.outputs

    @cached_property
    def loss(self) -> Tensor:
        """The scalar L, with its graph."""
        if self.targets is None:
            raise ValueError("the batch has no targets")
        outputs = self.outputs
        with self.untouched():
            loss = self.loss_function(outputs, self.targets)
        if loss.ndim != 0:
            raise ValueError(f"the loss has shape {tuple(loss.shape)}: it must be one number")
        if not torch.isfinite(loss):
            raise ValueError(f"the loss is {loss.item()}")
        return loss

    @cached_property
    def weight_gradients(self) -> list[Tensor]:
        """g_l for each of `layers`, detached; zero where the loss does not depend on the weight."""
        return [g.detach() for g in self._loss_gradients[: len(self.layers)]]

    @cached_property
    def output_gradients(self) -> list[Tensor]:
        """dL/da for each of `forward.calls`, detached."""
        return [g.detach() for g in self._loss_gradients[len(self.layers) :]]

    @cached_property
    def hessian_gradient_products(self) -> list[Tensor]:
        """H g for each of `layers`: the Hessian of L over all layers' weights, times g taken as constant."""
        if not self.second_order:
            self.second_order = True
            self.__dict__.pop("_loss_gradients", None)
        gradients = self._loss_gradients[: len(self.layers)]
        product = torch.stack([(g.detach() * g).sum() for g in gradients if g.requires_grad]).sum()
        weights = [self.forward.params[layer.weight] for layer in self.layers]
        return list(torch.autograd.grad(product, weights, retain_graph=True, materialize_grads=True))

    @cached_property
    def input_jacobian(self) -> Tensor:
        """J, n x inputs."""
        if not self.forward.inputs.requires_grad:
            raise ValueError(f"the inputs are {self.inputs.dtype}: only floating-point inputs have a Jacobian")
        (jacobian,) = torch.autograd.grad(
            self.outputs.sum(), self.forward.inputs, retain_graph=True, materialize_grads=True
        )
        return jacobian.flatten(1)

    @property
    def active_units(self) -> list[Tensor]:
        """For each ReLU call, n x units booleans: is the unit's input above 0?"""
        if not self.forward.active:
            raise ValueError("the network calls no ReLU")
        return self.forward.active

    @cached_property
    def synflow_gradients(self) -> list[tuple[Tensor, Tensor]]:
        """(|W_l|, dR/d|W_l|) in float64: R is the sum of the outputs for one all-ones sample, with every parameter
        and buffer replaced by its absolute value and every normalisation by the identity (Tanaka et al. 2020)."""

        def absolute(t: Tensor) -> Tensor:
            return t.abs().double() if t.is_floating_point() else t.clone()

        if not self.inputs.is_floating_point():
            raise ValueError(f"the inputs are {self.inputs.dtype}: an all-ones sample needs floating-point inputs")
        state = self.state(absolute)
        ones = torch.ones_like(self.inputs[:1], dtype=torch.float64)
        with self.untouched(), _WithoutNorms():
            outputs = _tensor(self.call(state, ones))
        weights = [state[layer.weight] for layer in self.layers]
        gradients = torch.autograd.grad(outputs.sum(), weights, materialize_grads=True)
        return [(w.detach(), g) for w, g in zip(weights, gradients, strict=True)]

    @cached_property
    def _loss_gradients(self) -> list[Tensor]:
        """dL/dW for each layer, then dL/da for each call, with their own graph if `second_order`."""
        targets = [self.forward.params[layer.weight] for layer in self.layers]
        targets += [call.output for call in self.forward.calls]
        return list(
            torch.autograd.grad(
                self.loss, targets, retain_graph=True, create_graph=self.second_order, materialize_grads=True
            )
        )

    def _run(self, clone_outputs: bool) -> tuple[Forward, list[int]]:
        state = self.state(Tensor.clone)
        inputs = self.inputs.detach().clone()
        inputs.requires_grad_(inputs.is_floating_point())
        calls, versions = list[LayerCall](), list[int]()

        def recorder(layer: Layer) -> Callable[[nn.Module, Any, Any], Tensor | None]:
            def record(_module: nn.Module, _inputs: Any, output: Any) -> Tensor | None:
                if not isinstance(output, Tensor):
                    return None
                calls.append(LayerCall(layer, output))
                versions.append(output._version)
                return output.clone() if clone_outputs else None

            return record

        active = _ActiveUnits()
        handles: list[RemovableHandle] = []
        try:
            handles += [layer.module.register_forward_hook(recorder(layer)) for layer in self.layers]
            with self.untouched(), active, torch.enable_grad():
                outputs = _tensor(self.call(state, inputs))
        finally:
            for handle in handles:
                handle.remove()
        return Forward(inputs, outputs, state, calls, active.codes), versions

    def state(self, copied: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
        """A copy of every parameter (to be differentiated) and buffer by name; what is shared stays shared."""
        copies, state = dict[int, Tensor](), dict[str, Tensor]()
        for name, module in self.net.named_modules():
            for key, tensor in (*module._parameters.items(), *module._buffers.items()):
                if tensor is None:
                    continue
                if id(tensor) not in copies:
                    copy = copied(tensor.detach())
                    copies[id(tensor)] = copy.requires_grad_() if key in module._parameters else copy
                state[f"{name}.{key}" if name else key] = copies[id(tensor)]
        return state

    def call(self, state: dict[str, Tensor], inputs: Tensor) -> Any:
        """The network's outputs with `state` in the place of its own.

        Each module is named once and its tensors are tied by `state` already: left to tie them itself,
        `functional_call` would put a module that stands under two names back wrongly.
        """
        return functional_call(self.net, state, (inputs,), tie_weights=False)

    @contextmanager
    def untouched(self, training: bool = True) -> Iterator[None]:
        """Training (or evaluation) mode and seeded random states inside; all as they were outside."""
        modes = [(module, module.training) for module in self.net.modules()]
        devices = [self.inputs.device] if self.inputs.device.type == "cuda" else []
        states = random.getstate(), np.random.get_state()  # a network may draw from either
        with torch.random.fork_rng(devices):
            torch.manual_seed(self.seed)
            random.seed(self.seed)
            np.random.seed(self.seed % 2**32)
            for module, _ in modes:
                module.training = training
            try:
                yield
            finally:
                for module, mode in modes:
                    module.training = mode
                random.setstate(states[0])
                np.random.set_state(states[1])


class _ActiveUnits(TorchFunctionMode):
    """Records which units each ReLU lets through, whether called as a module or as a function."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if func in RELUS:
            # The output is positive exactly where the input is, and an in-place ReLU leaves no input.
            self.codes.append((output.detach() > 0).flatten(1))
        return output


class _WithoutNorms(TorchFunctionMode):
    """Every normalisation hands its input on."""

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in NORMS:
            return args[0] if args else kwargs["input"]
        return func(*args, **kwargs)


def _tensor(outputs: Any) -> Tensor:
    if not isinstance(outputs, Tensor):
        raise TypeError(f"the network returns a {type(outputs).__name__}: it must return one tensor")
    return outputs

"""Running a network without leaving a trace in it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils.parametrize import ParametrizationList
from torch.overrides import TorchFunctionMode

from untrained.errors import InputError
from untrained.probe.attributes import attributes_restored
from untrained.probe.forward import Forward, Layer, TensorSlot
from untrained.probe.hooks import hooked
from untrained.probe.layer_calls import LayerCalls, Version
from untrained.probe.network import copied, eagerly, runnable, without_checkpoints
from untrained.probe.outputs import join
from untrained.probe.substitutes.channels_last import prepared
from untrained.probe.substitutes.functions import AnyLayout
from untrained.probe.tape.rules import RULES, general
from untrained.probe.tape.tape import Tape
from untrained.probe.used_weights import UsedWeights
from untrained.runtime.devices import default_dtype, without_cudnn
from untrained.runtime.seeding import random_states, seeded

NORM_MODULES = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)


class Runner:
    """Runs a network on copies of its parameters and buffers, and leaves everything as it was.

    Args:
        net: The network.
        inputs: n x ... tensor, samples first.
        seed: Of the random numbers that the network draws as it runs (dropout).
        strict: Count Conv2d and Linear modules only as layers, as the public implementations do.
        dtype: What the copies and the inputs are cast to; None leaves their own types.
        autocast: The type of `torch.autocast`, such as `torch.bfloat16`; None runs without.

    Raises:
        InputError: If `inputs` are no tensor of samples, or the network cannot be run (see `runnable`).
    """

    def __init__(
        self,
        net: nn.Module,
        inputs: Tensor,
        *,
        seed: int = 0,
        strict: bool = False,
        dtype: torch.dtype | None = None,
        autocast: torch.dtype | None = None,
    ) -> None:
        if not isinstance(inputs, Tensor) or inputs.ndim == 0:
            given = "a tensor of no dimension" if isinstance(inputs, Tensor) else f"of type {type(inputs).__name__}"
            raise InputError(f"the inputs are {given}: give one tensor, samples first")
        self.net = runnable(net)
        self.seed = seed
        self.strict = strict
        self.dtype = dtype
        self.autocast = autocast
        self.inputs = self.prepared(inputs.detach())
        self._own_modes: dict[bool, list[bool]] = {}

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that `replace` carries over."""
        return {
            "inputs": self.inputs,
            "seed": self.seed,
            "strict": self.strict,
            "dtype": self.dtype,
            "autocast": self.autocast,
        }

    def replace(self, **changed: Any) -> Self:
        """Returns an object of the same class and network with other settings, such as another batch.

        Args:
            **changed: Arguments of the class. The others stay the same, except a probe's `second` and `second_order`,
                which are left at their defaults.
        """
        other = type(self)(self.net, **self.settings | changed)
        if "known_layers" in vars(self) and other.strict == self.strict:
            vars(other)["known_layers"] = self.known_layers  # to find bare parameters among them takes a pass
        return other

    @cached_property
    def modules(self) -> list[tuple[str, nn.Module]]:
        """Every module of the network with its name, once."""
        return list(self.net.named_modules())

    @cached_property
    def slots(self) -> list[TensorSlot]:
        """The places in which the modules keep their parameters and buffers."""
        return [
            TensorSlot(held, key, f"{name}.{key}" if name else key, held is module._parameters)
            for name, module in self.modules
            for held in (module._parameters, module._buffers)
            for key, tensor in held.items()
            if tensor is not None
        ]

    @property
    def layers(self) -> list[Layer]:
        """The layers' weights: every parameter of two dimensions or more that the network uses as a weight.

        These are the parameters with "weight" in their name, as PyTorch's modules call theirs, those that their module
        lists in an attribute `layer_weights`, and those that the forward pass uses as a weight of a layer function or a
        matrix product (see `UsedWeights`). Normalisations have none. Attention has one for all of its inputs, a
        recurrent layer two for each of its own; a parametrised weight counts by the parameters that it is made of. In
        strict mode Conv2d and Linear modules alone count.

        Returns:
            The layers in the order of the network's modules; a shared weight counts once.

        Raises:
            ValueError: there is none.
        """
        if not self.known_layers:
            raise ValueError("the network has no layer with a weight")
        return self.known_layers

    @cached_property
    def known_layers(self) -> list[Layer]:
        """`layers`, for what works without any, too."""
        named, bare = dict[int, Layer](), dict[int, Layer]()
        for name, module in self.modules:
            if isinstance(module, NORM_MODULES) or (self.strict and not isinstance(module, nn.Conv2d | nn.Linear)):
                continue
            made_of = isinstance(module, ParametrizationList) and name.rpartition(".")[2].startswith("weight")
            listed = getattr(module, "layer_weights", ())
            for key, weight in module._parameters.items():
                if weight is not None and weight.ndim > 1:
                    is_named = "weight" in key or made_of or key in listed
                    layer = Layer(name, module, f"{name}.{key}" if name else key)
                    (named if is_named else bare).setdefault(id(weight), layer)
        unknown = {key: layer for key, layer in bare.items() if key not in named}
        used = (
            self._used_as_weights([layer.weight for layer in unknown.values()]) if unknown and not self.strict else []
        )
        named |= {key: layer for key, layer in unknown.items() if layer.weight in used}
        order = [id(parameter) for parameter in self.net.parameters()]
        return [named[key] for key in order if key in named]

    def _used_as_weights(self, names: list[str]) -> set[str]:
        """Returns those of the parameters `names` that a forward pass uses as weights."""
        if not names or self.strict:
            return set()
        try:
            return self._watch_weights(names, self.inputs[:2].detach())
        except Exception:  # whatever the network raises, as one whose samples are the nodes of one graph
            return self._watch_weights(names, self.inputs.detach())

    def _watch_weights(self, names: list[str], inputs: Tensor) -> set[str]:
        state = self.state(Tensor.clone)
        watch = UsedWeights({name: state[name] for name in names}, inputs)
        with self.untouched(), torch.no_grad(), watch:
            self.call(state, inputs)
        return watch.names

    @cached_property
    def weights(self) -> list[Tensor]:
        """W_l for each of `layers`, detached."""
        return [self.prepared(self.net.get_parameter(layer.weight).detach()) for layer in self.layers]

    def prepared(self, tensor: Tensor) -> Tensor:
        """Returns `tensor` in the type and memory format of the passes; itself if it has them already."""
        if self.dtype is not None and tensor.is_floating_point():
            tensor = tensor.to(self.dtype)
        return prepared(tensor)

    def state(self, copied: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
        """Copies every parameter and buffer.

        Args:
            copied: Makes the copy of one tensor, for example `Tensor.clone`.

        Returns:
            The copies by name, parameters ready to be differentiated. A tensor that modules share is copied once.
        """
        copies, state = dict[int, Tensor](), dict[str, Tensor]()
        for slot in self.slots:
            tensor = slot.held[slot.key]
            if id(tensor) not in copies:
                own = copied(self.prepared(tensor.detach()))
                copies[id(tensor)] = own.requires_grad_() if slot.is_parameter else own
            state[slot.name] = copies[id(tensor)]
        return state

    def call(self, state: dict[str, Tensor], inputs: Tensor, dtype: torch.dtype | None = None) -> Any:
        """Runs the network with `state` in the place of its own parameters and buffers.

        This is `torch.func.functional_call`, without looking up each of hundreds of tensors by name.

        Args:
            state: Parameters and buffers by name. A tensor that the network replaces as it runs, such as a counter, is
                replaced in here.
            inputs: n x ...
            dtype: Of the tensors that the network makes as it runs; None takes the passes' own type.

        Returns:
            What the network returns.
        """
        own = [slot.held[slot.key] for slot in self.slots]
        try:
            for slot in self.slots:
                slot.held[slot.key] = state[slot.name]
            with self.precision(), default_dtype(dtype):
                return self.net(inputs.clone())  # the network may write into it
        finally:
            for (held, key, name, _), tensor in zip(self.slots, own, strict=True):
                state[name], held[key] = held.get(key, state[name]), tensor

    def run(self, training: bool = True) -> Forward:
        """Makes a forward pass with its graph.

        Args:
            training: Whether the network is in training mode; else in evaluation mode.
        """
        forward, versions = self._run(training, copy_outputs=False)
        if any(tensor._version != version for tensor, version in versions):
            # Something wrote into a layer's or a ReLU's output (an in-place activation or sum): hand on copies instead.
            forward, _ = self._run(training, copy_outputs=True)
        return forward

    def _run(self, training: bool, copy_outputs: bool) -> tuple[Forward, list[Version]]:
        state = self.state(Tensor.clone)
        inputs = self.inputs.detach().clone()
        inputs.requires_grad_(inputs.is_floating_point())
        layers = self.known_layers
        tape = Tape([state[layer.weight] for layer in layers], RULES, general, copy_outputs)
        record = LayerCalls(self.net, layers, tape, state, strict=self.strict, copy=copy_outputs)
        with self.untouched(training, tape), hooked(record.hooks), torch.enable_grad():
            before = random_states(inputs.device)
            outputs, heads = join(self.call(state, inputs))
            draws = random_states(inputs.device) != before
        tape.finish(outputs)
        record.finish()
        forward = Forward(inputs, outputs, heads, state, tape, draws, record.calls, record.seen)
        return forward, record.versions + tape.rectified

    @contextmanager
    def untouched(self, training: bool = True, mode: TorchFunctionMode | None = None) -> Iterator[None]:
        """Sets the network's mode and seeds the random states for the block; puts both back after it.

        Attributes that a forward pass changes on modules are put back as well.

        Args:
            training: Training mode, or else evaluation mode.
            mode: Sees every call of the network that no mode inside the block handles; None stands for `AnyLayout`.
        """
        modules = [module for _, module in self.modules]
        with attributes_restored(modules), seeded(self.seed, self.inputs.device):
            for module, trains in zip(modules, self._modes(training), strict=True):
                if module.training is not trains:  # to set an attribute of a module takes long
                    module.training = trains
            with mode or AnyLayout():  # around all other modes, so that they see what the network calls
                yield

    def _modes(self, training: bool) -> list[bool]:
        """The mode of each of `modules` if the network is in training (or evaluation) mode."""
        if all(type(module).train is nn.Module.train for _, module in self.modules):
            return [training] * len(self.modules)
        if training not in self._own_modes:
            # A module that decides its mode itself, such as a frozen BatchNorm, may do more in `train`: ask a copy.
            asked = copied(self.net).train(training)
            self._own_modes[training] = [module.training for module in asked.modules()]
        return self._own_modes[training]

    @contextmanager
    def precision(self) -> Iterator[None]:
        """Sets how operations run in the block, so that every one is seen and has two derivatives.

        - Operations run under autocast, if it was asked for; tensors that the network makes have the passes' own type.
        - What is compiled runs call by call, what is checkpointed runs once.
        - Attention and transformer layers run part by part: PyTorch's single functions for them cannot be looked into.
        - Recurrent layers run without cuDNN, which differentiates once, and in training mode only.
        """
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            with (
                torch.autocast(self.inputs.device.type, self.autocast, enabled=self.autocast is not None),
                sdpa_kernel(SDPBackend.MATH),
                without_cudnn(any(isinstance(module, nn.RNNBase) for _, module in self.modules)),
                eagerly(),
                without_checkpoints(),
                default_dtype(self.dtype),
            ):
                yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)

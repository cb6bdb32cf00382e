"""What a forward pass left behind."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor, nn

from untrained.probe.outputs import Heads
from untrained.probe.tape.tape import Tape


class Layer(NamedTuple):
    """A weight of two dimensions or more (of a convolution, a linear layer, an embedding, ...; of no normalisation)."""

    name: str
    module: nn.Module
    weight: str
    """Name of the parameter in the network."""

    @property
    def bias(self) -> str:
        """What the weight's bias is called, if it has one."""
        place, dot, name = self.weight.rpartition(".")
        return place + dot + name.replace("weight", "bias")


class TensorSlot(NamedTuple):
    """Where a module keeps a parameter or a buffer."""

    held: dict[str, Any]
    key: str
    name: str
    """In the network."""
    is_parameter: bool


class LayerCall(NamedTuple):
    """One call of a layer in the forward pass."""

    layer: Layer
    used: int
    """How many of its weights."""
    output: Tensor


@dataclass
class Forward:
    """What one forward pass left behind, its autograd graph included."""

    inputs: Tensor
    outputs: Tensor
    heads: Heads | None
    """What the outputs are made of, where the network returns several tensors."""
    params: dict[str, Tensor]
    """The copies of parameters and buffers that the pass ran on, by name."""
    tape: Tape
    """Every operation on what depends on the layers' weights."""
    draws: bool
    """Does the network draw random numbers?"""
    calls: list[LayerCall] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    """The weights of layers whose calls these are."""

    @property
    def rectified(self) -> list[Tensor]:
        """The output of each ReLU call."""
        return [output for output, _ in self.tape.rectified]

    @property
    def called(self) -> list[Tensor]:
        """The output of each of `calls`."""
        return [call.output for call in self.calls]

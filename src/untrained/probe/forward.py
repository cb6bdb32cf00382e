"""What a forward pass left behind."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor, nn

from untrained.probe.outputs import Heads
from untrained.probe.tape.tape import Tape


class Layer(NamedTuple):
    """A weight of two dimensions or more: of a convolution, a linear layer, an embedding, ... but of no normalisation.

    Example:
        >>> Layer("head", nn.Linear(3, 2), "head.weight").bias
        'head.bias'
    """

    name: str
    """Of the module in the network."""
    module: nn.Module
    weight: str
    """Name of the parameter in the network."""

    @property
    def bias(self) -> str:
        """The name that the weight's bias has, if there is one."""
        place, dot, name = self.weight.rpartition(".")
        return place + dot + name.replace("weight", "bias")


class TensorSlot(NamedTuple):
    """A place in which a module keeps a parameter or a buffer."""

    held: dict[str, Any]
    key: str
    name: str
    """Of the tensor in the network."""
    is_parameter: bool


class LayerCall(NamedTuple):
    """One call of a layer in the forward pass."""

    layer: Layer
    used: int
    """How many numbers of the weight the call uses."""
    output: Tensor


@dataclass
class Forward:
    """What one forward pass left behind, its autograd graph included."""

    inputs: Tensor
    outputs: Tensor
    heads: Heads | None
    """How the outputs are put together, if the network returns several tensors."""
    params: dict[str, Tensor]
    """The copies of parameters and buffers that the pass ran on, by name."""
    tape: Tape
    """Every operation on tensors that depend on the layers' weights."""
    draws: bool
    """Whether the network draws random numbers."""
    calls: list[LayerCall] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    """The weights whose calls are in `calls`."""

    @property
    def rectified(self) -> list[Tensor]:
        """The output of each ReLU call."""
        return [output for output, _ in self.tape.rectified]

    @property
    def called(self) -> list[Tensor]:
        """The output of each of `calls`."""
        return [call.output for call in self.calls]

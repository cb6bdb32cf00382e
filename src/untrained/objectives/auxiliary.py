"""Auxiliary heads: outputs in the middle of a network, which a training compares with the targets, too."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from untrained.runtime.calling import call_network


class InTraining:
    """A network as its training calls it: with the outputs of its auxiliary head, if it has one.

    A network has one if it has the method `forward_with_auxiliary`, which takes what its `forward` takes and gives
    (outputs, auxiliary outputs), and a number `auxiliary_weight` above 0. Everything else calls its `forward`, which
    gives its outputs alone.

    Args:
        network: the network.
        compiled: whether it is compiled by `torch.compile`.

    Example:
        >>> class Two(nn.Linear):
        ...     auxiliary_weight = 0.5
        ...     def forward_with_auxiliary(self, x):
        ...         return self(x), 2 * self(x)
        >>> network, x = Two(3, 1), torch.ones(1, 3)
        >>> whole = InTraining(network)
        >>> loss = whole.loss(lambda outputs: outputs.sum(), whole(x))
        >>> round((loss / network(x)).item(), 3)
        2.0
    """

    def __init__(self, network: nn.Module, *, compiled: bool = False) -> None:
        self.network = network
        both = getattr(network, "forward_with_auxiliary", None)
        self.weight = float(getattr(network, "auxiliary_weight", 0.0)) if callable(both) else 0.0
        called: Any = both if self.weight else network
        self._called = torch.compile(called) if compiled else called

    def __call__(self, inputs: Any) -> tuple[Any, Any]:
        """Inputs of the network -> its outputs, and those of its auxiliary head or None."""
        outputs = call_network(self.network, inputs, self._called)
        return outputs if self.weight else (outputs, None)

    def loss(self, of: Callable[[Any], Tensor], outputs: tuple[Any, Any]) -> Tensor:
        """The loss of the outputs, and that of the auxiliary ones by their weight.

        Args:
            of: outputs -> their loss.
            outputs: what a call gave.
        """
        whole, auxiliary = outputs
        return of(whole) + self.weight * of(auxiliary) if self.weight else of(whole)

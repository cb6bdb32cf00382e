"""What a training-free metric is: a named function from a `Probe` to a number."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from untrained.metrics.probe import Probe

Need = Literal["labels", "loss gradient", "Hessian", "input Jacobian", "activations", "data-free pass", "forward pass"]


@dataclass(frozen=True)
class Metric:
    """A training-free metric (zero-cost proxy).

    direction: +1 where a higher score is held to be better, -1 where a lower one is.
    needs: what it asks of the probe; empty for the weights alone.
    paper: where it comes from.
    """

    name: str
    function: Callable[[Probe], float]
    direction: Literal[1, -1]
    needs: tuple[Need, ...]
    paper: str

    def __call__(self, probe: Probe) -> float:
        # The passes differentiate, also where the caller has turned gradients off.
        with torch.inference_mode(False), torch.enable_grad():
            return float(self.function(probe))

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().split("\n")[0]


def metric(
    name: str, *, paper: str, direction: Literal[1, -1] = 1, needs: tuple[Need, ...] = ()
) -> Callable[[Callable[[Probe], float]], Metric]:
    """Decorator that makes a `Metric` of a function `Probe -> float`."""

    def wrap(function: Callable[[Probe], float]) -> Metric:
        # The module's name for the function now means the Metric: say where pickle finds the function itself.
        function.__qualname__ += ".function"
        return Metric(name, function, direction, needs, paper)

    return wrap

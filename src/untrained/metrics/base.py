"""What a training-free metric is: a named function from a `Probe` to a number."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch

from untrained.errors import InputError
from untrained.metrics.probe import Probe

Need = Literal[
    "labels",
    "loss gradient",
    "Hessian",
    "input Jacobian",
    "activations",
    "data-free pass",
    "forward pass",
    "sample gradients",
    "feature maps",
    "second batch",
    "random draws",
]
Cost = Literal["weights only", "forward", "forward and backward", "several passes"]
""""forward and backward" is one pass over the batch each; "several passes" is the work of two such pairs or more."""


@dataclass(frozen=True)
class Metric:
    """A training-free metric (zero-cost proxy).

    direction: +1 where a higher score is held to be better, -1 where a lower one is.
    needs: what it asks of the probe; empty for the weights alone.
    cost: the work that it does when nothing is shared with another metric.
    paper: where it comes from.
    options: keyword arguments of the function that are not left at their default; they stand in the name.
    """

    name: str
    function: Callable[..., float]
    direction: Literal[1, -1]
    needs: tuple[Need, ...]
    paper: str
    cost: Cost = "forward and backward"
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __call__(self, probe: Probe) -> float:
        # The passes differentiate, also where the caller has turned gradients off.
        with torch.inference_mode(False), torch.enable_grad():
            return float(self.function(probe, **self.options))

    def with_options(self, **options: Any) -> "Metric":
        """The metric under another reading: `fisher.with_options(fan_in=False)` is called `fisher(fan_in=False)`.

        Raises `InputError` for an option that the function does not have.
        """
        has = list(inspect.signature(self.function).parameters)[1:]
        for option in options:
            if option not in has:
                raise InputError(f"metric {self.name!r} has no option {option!r}: it has {', '.join(has) or 'none'}")
        base, options = self.name.partition("(")[0], {**self.options, **options}
        written = ",".join(f"{key}={value}" for key, value in sorted(options.items()))
        return replace(self, name=f"{base}({written})" if options else base, options=options)

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().split("\n")[0]


def metric(
    name: str,
    *,
    paper: str,
    direction: Literal[1, -1] = 1,
    needs: tuple[Need, ...] = (),
    cost: Cost = "forward and backward",
) -> Callable[[Callable[..., float]], Metric]:
    """Decorator that makes a `Metric` of a function `Probe -> float`.

    The function's further parameters, each with a default, are the metric's options.
    """

    def wrap(function: Callable[..., float]) -> Metric:
        # The module's name for the function now means the Metric: say where pickle finds the function itself.
        function.__qualname__ += ".function"
        return Metric(name, function, direction, needs, paper, cost)

    return wrap

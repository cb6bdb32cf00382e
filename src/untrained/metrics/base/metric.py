"""What a training-free metric is: a named function from a `Probe` to a number."""

import inspect
import math
import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, fields, replace
from types import FunctionType
from typing import Any, Literal, get_args

import numpy as np
import torch

from untrained.errors import InputError
from untrained.metrics.base.options import checked_options, choices, defaults
from untrained.metrics.base.sources import source
from untrained.probe import Probe
from untrained.runtime.devices import exact_kernels
from untrained.runtime.lookup import SourceFile, file_of

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
    "clock",
]
Cost = Literal["weights only", "forward", "forward and backward", "several passes"]
""""forward and backward" is one pass over the batch each; "several passes" is the work of two such pairs or more."""


@dataclass(frozen=True, repr=False)
class Metric:
    """A training-free metric (zero-cost proxy): a function of a `Probe` with its name and what is known of it.

    Called with a probe, it gives the score. `help` of a metric shows its function's docstring and these facts.

    Args:
        name: What a column of scores is called, options included.
        function: `Probe` and options -> number.
        direction: 1 if a higher score is held to be better, -1 if a lower one is.
        needs: What it asks of the probe; empty for the weights alone.
        paper: The paper that it comes from.
        cost: Its work if nothing is shared with another metric.
        options: The function's keyword arguments that are not left at their defaults.
        formula: What it computes, in LaTeX, for a page of the documentation.

    Raises:
        InputError: If a field is not what it should be, or the function cannot be called with a probe alone.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from untrained.metrics import Probe, fisher
        >>> fisher.direction, fisher.with_options(fan_in=False).name
        (1, 'fisher(fan_in=False)')
        >>> probe = Probe(nn.Linear(2, 2), torch.ones(4, 2), torch.tensor([0, 1, 1, 0]))
        >>> fisher(probe, fan_in=False) == fisher(probe) / 2
        True
    """

    name: str
    function: Callable[..., float]
    direction: Literal[1, -1]
    needs: tuple[Need, ...]
    paper: str
    cost: Cost = "forward and backward"
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    formula: str = ""

    def __post_init__(self) -> None:
        # The name is a column of a table beside two others, and is given in a list separated by commas.
        if self.name in ("arch", "reasons") or not re.fullmatch(r"[^\s,()]+(\(.+\))?", self.name):
            raise InputError(f"a metric cannot be called {self.name!r}: give it a name of one word")
        if self.direction not in (1, -1):
            raise InputError(f"metric {self.name!r}: direction {self.direction!r} must be 1 (higher is better) or -1")
        if self.cost not in get_args(Cost):
            raise InputError(f"metric {self.name!r}: cost {self.cost!r} must be one of {', '.join(get_args(Cost))}")
        if isinstance(self.needs, str) or not set(self.needs) <= set(get_args(Need)):
            raise InputError(
                f"metric {self.name!r}: needs {self.needs!r} must be a tuple of {', '.join(get_args(Need))}"
            )
        try:
            inspect.signature(self.function).bind(None, **self.options)
        except (TypeError, ValueError) as error:
            raise InputError(f"metric {self.name!r} cannot be called with a Probe alone: {error}") from error
        object.__setattr__(self, "__doc__", self._description())

    def __repr__(self) -> str:
        given = {name: default for name, (default, _) in self.all_options.items()} | dict(self.options)
        return f"{self.base_name}({', '.join(['probe', *(f'{name}={value}' for name, value in given.items())])})"

    def __call__(self, probe: Probe, **options: Any) -> float:
        """Returns the score.

        Args:
            probe: A network with a batch.
            **options: See `with_options`.

        Raises:
            ValueError: If the score is infinite or not a number, or the metric says why there is none.
            TypeError: If the function returns no number.
            InputError: If `probe` is a network, the function has no such option, or it does not take such a value.
        """
        if isinstance(probe, torch.nn.Module):
            raise InputError(f"metric {self.name!r} takes a Probe, not a network: give Probe(net, inputs, targets)")
        if options:
            return self.with_options(**options)(probe)
        # A clock is to be read in the settings that networks run in.
        exact = nullcontext() if "clock" in self.needs else exact_kernels(probe.inputs.device)
        # The passes differentiate, even if the caller has turned gradients off, in a precision of their own.
        own = torch.autocast(probe.inputs.device.type, enabled=False)
        with exact, own, torch.inference_mode(False), torch.enable_grad():
            try:
                value = _number(self.function(probe, **self.options))
            except torch.linalg.LinAlgError as error:  # pyright: ignore[reportPrivateImportUsage]: documented
                raise ValueError(f"the network's numbers are not all finite: {error}") from error
        if not math.isfinite(value):
            raise ValueError(f"the score is {value}")
        return value

    def with_options(self, **options: Any) -> "Metric":
        """Returns the metric under another reading; `fisher.with_options(fan_in=False)` is `fisher(fan_in=False)`.

        Args:
            **options: Keyword arguments of the function. Those given earlier are kept.

        Raises:
            InputError: If the function has no such option, or it does not take such a value.

        Example:
            >>> from untrained.metrics import zen
            >>> zen.with_options(reading="code", drawn=False).name
            'zen(drawn=False,reading=code)'
        """
        options = checked_options(self.base_name, self.function, {**self.options, **options})
        written = ",".join(f"{key}={value}" for key, value in options.items())
        return replace(self, name=f"{self.base_name}({written})" if options else self.base_name, options=options)

    def renamed(self, name: str) -> "Metric":
        """Returns the same metric under another name, its options kept.

        Args:
            name: The new name, without options.
        """
        return replace(self, name=name + self.name.removeprefix(self.base_name))

    @property
    def base_name(self) -> str:
        """The name without its options."""
        return self.name.partition("(")[0]

    @property
    def all_options(self) -> dict[str, tuple[Any, tuple[Any, ...]]]:
        """Option -> (its default, the values that it can take if these are few and known)."""
        return {name: (value, choices(self.function, name)) for name, value in defaults(self.function).items()}

    @property
    def source(self) -> str:
        """`package.module:name#hash` of a metric of the user's own, empty for one of ours; see `sources`."""
        return source(self.function)

    def _description(self) -> str:
        direction = "higher is better" if self.direction == 1 else "lower is better"
        facts = {"Paper": self.paper, "Direction": direction, "Cost": self.cost, "Needs": ", ".join(self.needs)}
        lines = (f"{name}: {fact or 'nothing'}" for name, fact in facts.items())
        return "\n".join([inspect.getdoc(self.function) or "", "", *lines]).strip()

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().split("\n")[0]

    def __reduce__(self) -> tuple[Any, ...]:
        # A file that is no part of a package is loaded before its function is looked for.
        return _unpickled, (file_of(self.function), type(self), *(getattr(self, f.name) for f in fields(self)))


def _number(value: Any) -> float:
    """Returns the number that a metric returned, be it in a tensor or an array."""
    if isinstance(value, torch.Tensor | np.ndarray) and math.prod(value.shape) == 1:
        value = value.item()
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"the metric returned {value!r:.40}, a {type(value).__name__}: it must return a number")
    return float(value)


def _unpickled(_file: SourceFile | None, kind: type[Metric], *values: Any) -> Metric:
    return kind(*values)


def metric(
    name: str,
    *,
    paper: str,
    direction: Literal[1, -1] = 1,
    needs: tuple[Need, ...] = (),
    cost: Cost = "forward and backward",
    formula: str = "",
) -> Callable[[Callable[..., float]], Metric]:
    """Makes a `Metric` of a function `Probe -> float`; to be used as a decorator.

    The function's further parameters, each with a default, are the metric's options. Its docstring's first line says
    what it computes.

    Args:
        name: What a column of scores is called: one word.
        paper: The paper that it comes from.
        direction: 1 if a higher score is held to be better, -1 if a lower one is.
        needs: What it asks of the probe: "second batch" makes the command line draw one, "Hessian" makes the first pass
            keep what a second derivative needs.
        cost: Its work if nothing is shared with another metric.
        formula: What it computes, in LaTeX, for a page of the documentation.

    Returns:
        A decorator.

    Raises:
        InputError: If an argument is not what it should be, or the function cannot be called with a probe alone.

    Example:
        >>> @metric("largest", paper="none yet", cost="weights only")
        ... def largest(probe, power: float = 1.0) -> float:
        ...     return max(w.abs().max().item() for w in probe.weights) ** power
        >>> largest.with_options(power=2).name
        'largest(power=2.0)'
    """

    def wrap(function: Callable[..., float]) -> Metric:
        if isinstance(function, FunctionType) and function.__globals__.get(function.__name__) is not function:
            # As a decorator: the module's name for the function will mean the Metric. Say how pickle finds the
            # function itself.
            function.__qualname__ = function.__qualname__.removesuffix(".function") + ".function"
        return Metric(name, function, direction, needs, paper, cost, formula=formula)

    return wrap

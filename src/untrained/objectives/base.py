"""What an objective is: an architecture in, a value out, expensive."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, ClassVar, Literal, cast, get_args

import numpy as np
import optuna
import torch
import torch.nn.functional as F
from optuna.trial import BaseTrial
from torch import Tensor

from untrained.errors import InputError
from untrained.probe import Loss

Direction = Literal["maximize", "minimize"]
"""The better way of an objective."""


def check_direction(given: str) -> Direction:
    """Reads a direction.

    Args:
        given: What a user wrote.

    Returns:
        "maximize" or "minimize".

    Raises:
        InputError: It is neither.
    """
    if given not in get_args(Direction):
        raise InputError(f"unknown direction {given!r}: choose from {', '.join(get_args(Direction))}")
    return cast(Direction, given)


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation of an architecture gave.

    Args:
        value: The objective, a finite number.
        cost_seconds: What the evaluation cost, or would have cost, in seconds; None for the time that it took.
        weights: The state of the trained network (name -> tensor), if it shall be kept with the result.
        figures: Whatever else was measured, by name: the study records it.

    Example:
        >>> Evaluation(93.1, cost_seconds=12.5).value
        93.1
    """

    value: float
    cost_seconds: float | None = None
    weights: Mapping[str, Tensor] | None = field(default=None, repr=False)
    figures: Mapping[str, float] = field(default_factory=dict)


class EvaluationFailed(Exception):
    """This architecture has no value: its training diverged, its row of the table is empty.

    Raise it in an objective: the query is recorded as failed with the message as its reason, and counts.

    Example:
        >>> import untrained
        >>> def value(arch):
        ...     if arch == "b":
        ...         raise EvaluationFailed("diverged")
        ...     return 1.0
        >>> table = untrained.ScoreTable(("a", "b"), ("snip",), np.array([[1.0], [2.0]]))
        >>> space = untrained.ArchitectureList(["a", "b"])
        >>> untrained.search(space, value, budget=2, sampler="single:snip", scores=table).queries[0].reason
        'EvaluationFailed: diverged'
    """


class EvaluationPruned(optuna.TrialPruned):
    """An evaluation that a pruner stopped.

    Args:
        message: Why, and when.
        cost_seconds: What it had cost by then.
    """

    def __init__(self, message: str, cost_seconds: float) -> None:
        super().__init__(message)
        self.cost_seconds = cost_seconds


class Objective(ABC):
    """An expensive function of an architecture.

    A subclass needs `__call__` and `identity`. A call may report intermediate values to its trial and raise
    `optuna.TrialPruned`; any other exception but `KeyboardInterrupt` is a failed query with its reason.

    Attributes:
        direction: "maximize" or "minimize".
        loss: (outputs, targets) -> mean loss, for metrics that need one.
        threads: Threads of torch during a call.
        apart: Whether a search evaluates in a process of its own.
        recipe: Keys of `identity` that say how an architecture is evaluated.

    Example:
        >>> class Shortest(Objective):
        ...     identity = {"kind": "length"}
        ...     direction = "minimize"
        ...     def __call__(self, arch, trial=None):
        ...         return Evaluation(len(arch))
        >>> Shortest()("width=8").value
        7
    """

    direction: Direction = "maximize"
    loss: Loss = staticmethod(F.cross_entropy)
    """(outputs, targets) -> mean loss, for metrics that need one."""
    threads: int = 1
    """Threads of torch during a call."""
    apart: bool = False
    """Whether a search evaluates in a process of its own, which may hang or die. What a call changes besides its value
    stays there, but for its trial and for callbacks (attributes `on_...`)."""
    recipe: ClassVar[tuple[str, ...]] = ()
    """Keys of `identity` that say how an architecture is evaluated, not on what: a search may change them and stay in
    its folder, where they start another study on the same scores. A change of any other key is refused there."""

    @abstractmethod
    def __call__(self, arch: str, trial: optuna.Trial | None = None) -> Evaluation:
        """Evaluates an architecture.

        Args:
            arch: The architecture.
            trial: Takes intermediate values, and tells whether to stop; None outside a search.

        Raises:
            EvaluationFailed: The architecture has no value.
            optuna.TrialPruned: The trial's pruner stopped the evaluation.
        """

    @property
    @abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """What the values depend on besides the architecture (JSON): a study remembers it."""

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps (epochs) at which intermediate values are reported, rising; empty if none are."""
        return ()

    @property
    def example(self) -> Any:
        """One input of the networks as a batch of one, to count their FLOPs with; None if there is none."""
        return None

    def suggest(self, trial: BaseTrial) -> Mapping[str, Any]:
        """Asks a trial for what is searched for beside the architecture, as far as that is known before an evaluation.

        Args:
            trial: The trial of the evaluation.

        Returns:
            Hyper-parameter -> value; empty if the architecture is all there is.
        """
        return {}

    def usual_values(self) -> Mapping[str, Any]:
        """Hyper-parameters to begin with: those that an evaluation has if nothing is searched for beside."""
        return {}

    def fixed(self, values: Mapping[str, Any]) -> "Objective":
        """The objective with values for what it would ask a trial for.

        Args:
            values: Hyper-parameter -> value, as `suggest` gave them.
        """
        return self

    def check(self, arch: str) -> None:  # noqa: B027 - most objectives take any architecture
        """Looks at an architecture of the pool before anything is spent.

        Args:
            arch: The architecture.

        Raises:
            InputError: It can never be evaluated.
        """

    def batch(self, n: int, seed: int = 0) -> tuple[Any, Any] | None:
        """Draws training samples for metrics.

        Args:
            n: How many.
            seed: Decides which.

        Returns:
            (inputs, targets), n of each; None if the objective has no data.
        """
        return None

    def second_batch(self, n: int, seed: int = 0) -> tuple[Any, Any] | None:
        """Draws training samples that are not in `batch(n, seed)`, for metrics of two batches.

        Args:
            n: How many.
            seed: Decides which.

        Returns:
            (inputs, targets), n of each; None if the objective has no data.
        """
        return None

    def rank(self, arch: str, pool: Sequence[str]) -> int | None:
        """Ranks an architecture.

        Args:
            arch: The architecture.
            pool: The architectures to compare it with.

        Returns:
            1 + how many of the pool are strictly better; None if that is not known.
        """
        return None

    def report(self, arch: str, weights: Mapping[str, Tensor] | None) -> Mapping[str, float]:
        """Test figures of the pick, by name. The search asks once, at its end, and no sampler sees them.

        Args:
            arch: The pick.
            weights: Its trained weights, if the evaluation gave any.

        Returns:
            Name -> figure; empty if there is none.
        """
        return {}


def as_evaluation(returned: Any, seconds: float) -> Evaluation:
    """Reads what an objective returned.

    Args:
        returned: An `Evaluation`, or its value alone: a number, a numpy scalar or a tensor with one element.
        seconds: The time that the call took, for an evaluation that does not say what it cost.

    Returns:
        The evaluation, with plain floats.

    Raises:
        EvaluationFailed: The value is not finite.
        TypeError: The value or the cost is no number, or a weight is no dense tensor.

    Example:
        >>> as_evaluation(np.float32(0.5), seconds=2.0)
        Evaluation(value=0.5, cost_seconds=2.0, figures={})
    """
    given = returned if isinstance(returned, Evaluation) else Evaluation(returned)
    value = _number(given.value, "value")
    cost = seconds if given.cost_seconds is None else _number(given.cost_seconds, "cost_seconds")
    if not (math.isfinite(cost) and cost >= 0):
        raise TypeError(f"cost_seconds is {cost}: give a finite number of seconds")
    for name, tensor in (given.weights or {}).items():
        if not isinstance(tensor, Tensor) or tensor.layout != torch.strided or tensor.is_meta:
            raise TypeError(
                f"weight {name!r} is a {type(tensor).__name__} that is no dense tensor: give a state_dict()"
            )
    if not math.isfinite(value):
        raise EvaluationFailed(f"the objective is {value}")
    figures = {str(name): _number(figure, f"figure {name!r}") for name, figure in given.figures.items()}
    return Evaluation(value, cost, given.weights, figures)


def _number(given: Any, what: str) -> float:
    scalar = isinstance(given, np.ndarray | Tensor) and given.ndim == 0
    if isinstance(given, bool | np.bool_) or not (isinstance(given, Real) or scalar):
        raise TypeError(f"the objective's {what} is {given!r:.60}: return a number or an Evaluation")
    return float(given)

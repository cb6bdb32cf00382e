"""What an objective is: an architecture in, a value out, expensive."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import optuna
from torch import Tensor

Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True)
class Evaluation:
    """value: the objective. cost_seconds: what it cost, or would have. weights: the trained network's state."""

    value: float
    cost_seconds: float
    weights: Mapping[str, Tensor] | None = None


class EvaluationFailed(Exception):
    """This architecture has no value (its training diverged, its row is empty): a recorded, counted failure."""


class EvaluationPruned(optuna.TrialPruned):
    """An evaluation that a pruner stopped, and what it had cost by then."""

    def __init__(self, message: str, cost_seconds: float) -> None:
        super().__init__(message)
        self.cost_seconds = cost_seconds


class Objective(ABC):
    """An expensive function of an architecture.

    A call may report intermediate values to `trial` and raise `optuna.TrialPruned`; any exception but
    `KeyboardInterrupt` is a failed query with its reason.
    """

    direction: Direction = "maximize"

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps (epochs) at which intermediate values are reported, rising; empty where none are."""
        return ()

    @abstractmethod
    def __call__(self, arch: str, trial: optuna.Trial | None = None) -> Evaluation:
        """Evaluates `arch`."""

    @property
    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What the values depend on besides the architecture (JSON): a study remembers it."""

    def check(self, arch: str) -> None:  # noqa: B027 - most objectives take any architecture
        """Raises `InputError` where `arch` can never be evaluated; called for the pool before anything is spent."""

    @property
    def example(self) -> Tensor | None:
        """One input, 1 x ..., as the networks get it; None where there is none."""
        return None

    def report(self, arch: str, weights: Mapping[str, Tensor] | None) -> dict[str, float]:
        """Test figures of the pick, by name; the search asks once, at its end, and no sampler sees them."""
        return {}

"""Means and spreads over trainings, and how lucky the pick of a search was."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Spread:
    """Some figures of the same thing.

    Args:
        mean: Their mean.
        std: Their standard deviation (of a sample: over n - 1); None for one figure.
        n: How many.

    Example:
        >>> Spread.of([1.0, 3.0])
        Spread(mean=2.0, std=1.4142135623730951, n=2)
    """

    mean: float
    std: float | None
    n: int

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        """Sums up at least one figure."""
        return cls(statistics.fmean(figures), statistics.stdev(figures) if len(figures) > 1 else None, len(figures))

    @property
    def error(self) -> float | None:
        """The standard error of the mean."""
        return None if self.std is None else self.std / math.sqrt(self.n)

    def __str__(self) -> str:
        return f"{self.mean:.2f}" if self.std is None else f"{self.mean:.2f} ± {self.std:.2f}"


@dataclass(frozen=True)
class Luck:
    """How lucky the pick of a search was: its value in the search beside fresh trainings by the same recipe.

    A search picks the best of T values, each of one training: chance has its part in which one that is.

    Args:
        value: The figure of the pick in the search.
        fresh: The figures of its fresh trainings; None if these went by another recipe, so that they do not compare.
        better: 1 if more is better, -1 if less is.
        queries: T.

    Example:
        >>> Luck(93.0, Spread(91.5, 0.5, 3), 1, 10).amount
        1.5
    """

    value: float
    fresh: Spread | None
    better: int
    queries: int

    @property
    def amount(self) -> float | None:
        """By how much the search's figure was better than the mean of the fresh ones; None if that cannot be said."""
        return None if self.fresh is None else self.better * (self.value - self.fresh.mean)

    def to_json(self) -> dict[str, Any]:
        """The luck as a JSON object."""
        fresh = None if self.fresh is None else asdict(self.fresh)
        return {"value": self.value, "fresh": fresh, "amount": self.amount, "queries": self.queries}

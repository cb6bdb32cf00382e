"""The values of a float distribution with steps."""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import overload

CLOSE = 1e-8
"""Part of a step by which a value may be off, as Optuna has it."""


class Steps(Sequence[float]):
    """The values low, low + step, ..., high in decimal arithmetic: the fourth of 0, 0.1, ... is 0.3.

    In binary arithmetic it is 0.30000000000000004, which is what Optuna suggests: any number that is close enough
    stands for the same step.

    Args:
        low: the first value.
        high: the last value.
        step: the difference between two.

    Attributes:
        size: how many there are, which may be more than `len` can give.
    """

    def __init__(self, low: float, high: float, step: float) -> None:
        self.low, self.step = Decimal(str(low)), Decimal(str(step))
        self.size = int((Decimal(str(high)) - self.low) / self.step) + 1

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, k: int) -> float: ...
    @overload
    def __getitem__(self, k: slice) -> list[float]: ...
    def __getitem__(self, k: int | slice) -> float | list[float]:
        if isinstance(k, slice):
            return [self[i] for i in range(*k.indices(self.size))]
        if not 0 <= k < self.size:
            raise IndexError(k)
        return float(self.low + k * self.step)

    def index(self, value: float, start: int = 0, stop: int | None = None) -> int:
        """The number of the step that is nearest to `value`."""
        return min(max(round((Decimal(float(value)) - self.low) / self.step), 0), self.size - 1)

    def nearest(self, value: float) -> float:
        """The step that is nearest to `value`."""
        return self[self.index(value)]

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, int | float) or not math.isfinite(value):
            return False
        close = max(CLOSE * float(self.step), 4 * math.ulp(value))  # the latter counts if the values are large
        return abs(value - self.nearest(value)) <= close

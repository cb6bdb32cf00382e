"""Which architectures the limits of a search allow."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from untrained.errors import InputError, InputWarning, shown, warn
from untrained.measuring import FIGURES, is_figure, unit_of
from untrained.objectives import Direction, Objective
from untrained.searching.figures import FIGURES_FILE, Columns, Figures, columns_of
from untrained.searching.identity import short_hash
from untrained.searching.interface import describe
from untrained.searching.limits import Limit, number, read_limits
from untrained.searching.tradeoffs import Axis, chosen_axes
from untrained.spaces import SearchSpace

EARLY = 8
"""If none of the first so many networks can be measured, none will be."""


class Allowed:
    """Which architectures meet some limits. Cheap figures are looked at before dear ones.

    Args:
        limits: The limits; with neither limits nor axes, everything is allowed.
        figures: Knows the figures.
        axes: The objectives of a front, the first of which is learnt; the others must be known of an architecture.

    Raises:
        InputError: A limit is of a figure that is not known, or cannot be measured on this machine.

    Example:
        >>> from untrained.spaces import MLPs
        >>> allowed = Allowed(read_limits("params <= 1e-9"), Figures(MLPs()))
        >>> allowed.why_not(MLPs().pool(1)[0]).startswith("not allowed: params is")
        True
    """

    def __init__(self, limits: Iterable[Limit], figures: Figures, axes: Sequence[Axis] = ()) -> None:
        self.figures = figures
        self.axes = tuple(axes)
        chosen = [Limit(figures.named(limit.name), limit.relation, limit.bound) for limit in limits]
        self.limits = tuple(sorted(chosen, key=lambda limit: self._cost(limit.name)))
        known = [Limit(axis.name, "<=", math.inf) for axis in self.axes[1:]]
        self._conditions = tuple(sorted([*self.limits, *known], key=lambda limit: self._cost(limit.name)))
        self._furthest = 0
        self._nearest: tuple[float, str] | None = None
        self._had = Counter[str]()
        self._lacking = Counter[str]()

    def _cost(self, name: str) -> tuple[int, str]:
        """What comes first: columns, then figures in the order of their cost."""
        columns = list(self.figures.columns)
        base = name.partition("(")[0]
        return (columns.index(name), "") if name in columns else (len(columns) + FIGURES.index(base), name)

    def __str__(self) -> str:
        return ", ".join([*map(str, self.limits), *(f"{axis.name} known" for axis in self.axes[1:])])

    def __bool__(self) -> bool:
        """Whether anything is asked of an architecture."""
        return bool(self._conditions)

    @property
    def is_slow(self) -> bool:
        """Whether networks are run to know their figures."""
        own = [name.partition("(")[0] for name in self.names if name not in self.figures.columns]
        return "memory" in own or "latency" in own

    @property
    def names(self) -> tuple[str, ...]:
        """The figures that are limited, or objectives."""
        return tuple(dict.fromkeys(limit.name for limit in self._conditions))

    def why_not(self, arch: str) -> str:
        """Tells why an architecture is not allowed; "" if it is.

        Args:
            arch: An architecture of the space.

        Raises:
            InputError: None of the first networks can be measured.
        """
        for place, limit in enumerate(self._conditions):
            value = self.figures.value(arch, limit.name)
            if math.isnan(value):
                return self._unknown(arch, limit.name)
            self._had[limit.name] += 1
            if not limit.holds(value):
                self._note(place, value, arch)
                return f"not allowed: {limit.name} is {value:.4g}, and not {limit.relation} {number(limit.bound)}"
        self._furthest = len(self._conditions)
        return ""

    def allows(self, arch: str) -> bool:
        """Whether an architecture is allowed."""
        return not self.why_not(arch)

    def chosen(self, archs: Sequence[str]) -> list[str]:
        """Leaves out the architectures that are not allowed.

        Args:
            archs: The architectures.

        Raises:
            InputError: None is left.
        """
        found = [arch for arch in archs if self.allows(arch)]
        if not found:
            raise self.none_of(len(archs))
        return found

    def none_of(self, tried: int) -> InputError:
        """Makes the error for architectures of which none is allowed: it names the least, or the most, there is.

        Args:
            tried: How many there are.
        """
        limit = self._conditions[min(self._furthest, len(self._conditions) - 1)]
        if limit.bound == math.inf:
            return InputError(
                f"{limit.name} is known of none of {tried} architectures: {self.figures.reason(limit.name)}"
            )
        before = ", ".join(str(one) for one in self._conditions[: self._furthest] if one.bound != math.inf)
        start = f"none of {tried} architectures meets {limit}" + (f" and {before}" if before else "")
        if self._nearest is None:
            return InputError(f"{start}: {self.figures.reason(limit.name)}")
        (value, arch), name = self._nearest, limit.name
        unit = f" {unit_of(name)}" if is_figure(name) and name not in self.figures.columns else ""
        return InputError(
            f"{start}: the {'least' if limit.is_upper else 'most'} is {value:.4g}{unit} ({shown(arch, 80)})"
        )

    def figures_of(self, arch: str) -> tuple[dict[str, float], dict[str, float]]:
        """Looks up the figures of an architecture that are limited, or objectives.

        Args:
            arch: One that is allowed.

        Returns:
            Those that belong to the network, and those of columns of tables.
        """
        found = {name: self.figures.value(arch, name) for name in self.names}
        own = {name: value for name, value in found.items() if name not in self.figures.columns}
        return own, {name: value for name, value in found.items() if name in self.figures.columns}

    def known_of(self, arch: str) -> dict[str, float]:
        """Looks up those objectives of an architecture that are known before an evaluation."""
        return {axis.name: self.figures.value(arch, axis.name) for axis in self.axes[1:]}

    def costs(self, archs: Sequence[str]) -> NDArray[np.float64] | None:
        """The same of many, turned so that lower is better: n x m; None without such objectives."""
        if not self.axes:
            return None
        rows = [[axis.lower(self.figures.value(arch, axis.name)) for axis in self.axes[1:]] for arch in archs]
        return np.array(rows, dtype=np.float64)

    def _note(self, place: int, value: float, arch: str) -> None:
        """Remembers the architecture that came nearest to the first limit that none has met."""
        if place < self._furthest:
            return
        if place > self._furthest:
            self._furthest, self._nearest = place, None
        sign = 1 if self.limits[place].is_upper else -1
        if self._nearest is None or sign * value < sign * self._nearest[0]:
            self._nearest = value, arch

    def warn_unknown(self) -> None:
        """Warns of figures that could not be had of some architectures, which are left out for that."""
        for name, lacking in self._lacking.items():
            of, why = lacking + self._had[name], self.figures.reason(name)
            text = f"{name} of {lacking} of {of} architectures is not known, so they are left out, as this one: {why}"
            warn(text, InputWarning)

    def _unknown(self, arch: str, name: str) -> str:
        why = self.figures.reason(name, arch)
        self._lacking[name] += 1
        if not self._had[name] and self._lacking[name] == EARLY and name not in self.figures.columns:
            raise InputError(f"{self.figures.asked(name)}: it cannot be measured: {why}")
        return f"not allowed: {name} is not known: {why}"


NOTHING = Allowed((), Figures())
"""No limits."""


@dataclass(frozen=True)
class Where:
    """Limits as a search is given them.

    Args:
        limits: What is limited.
        columns: Columns of tables that the search itself does not know of, see `Figures`.
        names: The names of all of these that there are, for messages.
    """

    limits: tuple[Limit, ...] = ()
    columns: Columns = field(default_factory=dict)
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Any) -> "Where":
        """Reads limits; `Where` stays as it is.

        Args:
            given: What `read_limits` takes.
        """
        return given if isinstance(given, Where) else cls(read_limits(given))

    def allowed(
        self,
        space: SearchSpace,
        objective: Objective,
        scores: Any,
        example: Any,
        folder: Path | None,
        evaluation: Mapping[str, Any],
        *,
        can_measure: bool,
        objectives: Mapping[str, Direction | None] | None = None,
    ) -> Allowed:
        """Finds out where the figures come from.

        Args:
            space: The space of the search.
            objective: May answer from a table.
            scores: May be a table of scores.
            example: An input of the networks as a batch of one; None if there is none.
            folder: Keeps the measurements.
            evaluation: The identity of the evaluation: measurements are of its space.
            can_measure: Whether measurements that differ from time to time are kept as long as the search.
            objectives: What `read_objectives` gave.

        Raises:
            InputError: A figure is not known, or may not be limited.
        """
        if not (self.limits or objectives):
            return NOTHING
        limited = dict.fromkeys(limit.name for limit in self.limits)
        names = dict.fromkeys((*limited, *(objectives or ())))
        columns, known = columns_of(objective, scores, names, limited)
        columns = {**self.columns, **columns}
        of_space = {name: part for name, part in evaluation.items() if name.startswith("space")}
        key = short_hash(of_space | {"inputs": None if example is None else describe(example)})
        path = None if folder is None else folder / FIGURES_FILE
        figures = Figures(space, example, columns, path, key, (*known, *self.names), limited)
        allowed = Allowed(self.limits, figures, chosen_axes(objectives or {}, objective, figures))
        for name in allowed.names:
            if name.startswith("latency") and is_figure(name) and name not in columns and not can_measure:
                asked = f"{figures.asked(name)} with a storage of its own"
                raise InputError(f"{asked}: give out= too, a folder to keep latencies in")
        return allowed

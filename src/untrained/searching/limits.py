"""Limits of a search: `params <= 2, latency <= 5`."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from untrained.errors import InputError, shown
from untrained.measuring import is_figure, read_figure
from untrained.metrics import split_names

HOLDS = {"<=": lambda a, b: a <= b, "<": lambda a, b: a < b, ">=": lambda a, b: a >= b, ">": lambda a, b: a > b}


@dataclass(frozen=True)
class Limit:
    """A figure and what it may be at most, or must be at least.

    Args:
        name: The figure.
        relation: <=, <, >= or >.
        bound: The number.

    Example:
        >>> limit = Limit("params", "<=", 2.0)
        >>> str(limit), limit.holds(1.5), limit.holds(2.5)
        ('params <= 2', True, False)
    """

    name: str
    relation: str
    bound: float

    def holds(self, value: float) -> bool:
        """Whether a value meets the limit; NaN meets none.

        Args:
            value: The figure of an architecture.
        """
        return HOLDS[self.relation](value, self.bound)

    @property
    def is_upper(self) -> bool:
        """Whether small values meet it."""
        return self.relation.startswith("<")

    def __str__(self) -> str:
        return f"{self.name} {self.relation} {number(self.bound)}"


def read_limits(given: Any) -> tuple[Limit, ...]:
    """Reads limits.

    Args:
        given: Text, `name <= number` at commas, with <=, <, >= or >; or a list of such texts; or a mapping from a name
            to such a text without the name, or to a number, which is then the most; None for no limit.

    Returns:
        Distinct limits.

    Raises:
        InputError: One cannot be read, or two contradict each other.

    Example:
        >>> [str(limit) for limit in read_limits("params <= 2, latency<5")]
        ['params <= 2', 'latency < 5']
        >>> read_limits({"params": 2}) == read_limits(["params <= 2"])
        True
    """
    if given is None:
        return ()
    if isinstance(given, Mapping):
        entries = [f"{name} {rest if isinstance(rest, str) else f'<= {rest!r}'}" for name, rest in given.items()]
    elif isinstance(given, str):
        entries = split_names(given)
    elif isinstance(given, Sequence) and all(isinstance(entry, str) for entry in given):
        entries = list(given)
    else:
        raise InputError(f"where {shown(given, 60)}: give text such as 'params <= 2, latency <= 5'")
    found = tuple(dict.fromkeys(map(_read, entries)))
    for name in dict.fromkeys(limit.name for limit in found):
        _check_consistent([limit for limit in found if limit.name == name])
    return found


def _read(entry: str) -> Limit:
    match = re.fullmatch(r"\s*(.*?[^\s<>=])\s*(<=|>=|<|>)\s*([^\s<>=].*?)\s*", entry, re.DOTALL)
    if match is None:
        raise InputError(f"where {shown(entry.strip(), 60)}: write NAME <= NUMBER (or <, >=, >), as 'params <= 2'")
    name, relation, number = match.groups()
    try:
        bound = float(number)
    except ValueError:
        bound = math.nan
    if not math.isfinite(bound):
        raise InputError(
            f"where {shown(entry.strip(), 60)}: {shown(number, 40)} is no number: give one, as in params <= 2"
        )
    return Limit(_canonical(name), relation, bound)


def _canonical(name: str) -> str:
    """The one name of a figure with options."""
    try:
        return read_figure(name).name if is_figure(name) else name
    except InputError:  # a column may have such a name; if none has, that is told when the columns are known
        return name


def _check_consistent(limits: Sequence[Limit]) -> None:
    """Makes sure that some number meets all limits of one figure."""
    upper = min((one for one in limits if one.is_upper), key=lambda one: (one.bound, one.relation != "<"), default=None)
    lower = max(
        (one for one in limits if not one.is_upper), key=lambda one: (one.bound, one.relation == ">"), default=None
    )
    if upper and is_figure(upper.name) and upper.bound < 0:
        raise InputError(f"where '{upper}': it is never below 0")
    if not (upper and lower):
        return
    strict = upper.relation == "<" or lower.relation == ">"
    if lower.bound > upper.bound or (strict and lower.bound == upper.bound):
        raise InputError(f"where '{lower}, {upper}': no number is both")


def number(value: float) -> str:
    """Writes a bound as it may be given: 2, 0.5."""
    return repr(value).removesuffix(".0")

"""One decision of a space: its values, how they are drawn, and how they are written."""

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from untrained.errors import InputError, listed, shown
from untrained.spaces.steps import Steps
from untrained.spaces.text import quoted, written

MANY = 10_000
"""The values of a decision are listed one by one only if there are no more than this."""
TRIES = 100
"""Draws in which another value than the present one is looked for."""


class Decision(ABC):
    """A named decision of a space.

    Args:
        name: its key in the parameters of an architecture.
        distribution: the distribution as Optuna has it.

    Attributes:
        values: the values of a discrete decision in order, None if they are continuous.
        count: how many values there are, None if they are continuous.
        logarithmic: whether values are spread evenly in their logarithm.
    """

    values: Sequence[Any] | None = None
    count: int | None = None
    logarithmic: bool = False

    def __init__(self, name: str, distribution: BaseDistribution) -> None:
        self.name = name
        self.distribution = distribution

    @property
    def few_values(self) -> Sequence[Any] | None:
        """The values, if they are discrete and no more than `MANY`."""
        return None if self.count is None or self.count > MANY else self.values

    def draw(self, rng: random.Random) -> Any:
        """One of the values, drawn evenly (of a logarithmic decision, evenly in the logarithm), as Optuna draws it."""
        assert self.values is not None
        assert self.count is not None
        return self.values[rng.randrange(self.count)]

    def other(self, value: Any, rng: random.Random) -> Any:
        """A value that is not `value`, if there is one."""
        if self.few_values is not None and not self.logarithmic:
            present = self.position(value)
            others = [v for place, v in enumerate(self.few_values) if place != present]
            return rng.choice(others) if others else value
        drawn = (self.draw(rng) for _ in range(TRIES))
        return next((v for v in drawn if v != value), value)

    @abstractmethod
    def position(self, value: Any) -> int:
        """The place of a value among the values of a discrete decision."""

    @abstractmethod
    def place(self, value: Any) -> float:
        """A value as a number: the position of a choice, or a number's place between its bounds, from 0 to 1.

        A logarithmic number is placed by its logarithm.
        """

    @abstractmethod
    def write(self, value: Any) -> str:
        """The text of a value.

        Raises:
            InputError: if the decision cannot take the value.
        """

    @abstractmethod
    def read(self, text: str) -> Any:
        """The value that a text stands for.

        Raises:
            InputError: if it is none of the decision's values.
        """

    def rounded(self, value: Any) -> Any:
        """The value itself; of numbers that stand for one step of a float distribution, the same for all."""
        return value

    def for_study(self) -> BaseDistribution:
        """The distribution for an Optuna study, which may keep it in a storage as JSON.

        Raises:
            InputError: if Optuna cannot tell two of the choices apart.
        """
        return self.distribution

    def same_values(self, other: "Decision") -> bool:
        """Whether another decision has the same values, drawn in the same way."""
        return type(self) is type(other) and self.distribution == other.distribution

    def told(self) -> str:
        """The values, for a message."""
        return shown(self.distribution, 60)

    @property
    def first(self) -> Any:
        """The value that stands first, or lowest."""
        assert self.values is not None
        return self.values[0]

    def asked_of(self, trial: Any) -> Any:
        """The value that a trial of Optuna suggests, as it stands among the decision's own."""
        return self.read(self.write(self.rounded(trial._suggest(self.name, self.for_study()))))


class Choices(Decision):
    """A decision between the choices of a categorical distribution, which are told apart by type: 1 is not True.

    Raises:
        InputError: if a choice is of a type that has no text.
    """

    def __init__(self, name: str, distribution: CategoricalDistribution) -> None:
        super().__init__(name, distribution)
        choices = [_plain(choice) for choice in distribution.choices]
        try:
            self._others = frozenset(written(choice) for choice in choices if not isinstance(choice, str))
        except TypeError as error:
            what = "give numbers, strings, True, False, None, or tuples of these"
            raise InputError(f"choice {error} of decision {name!r}: {what}") from None
        self._choice = dict[str, Any]()
        for choice in choices:
            self._choice.setdefault(self._text(choice), choice)
        self._place = {text: place for place, text in enumerate(self._choice)}
        # Of plain strings, which most choices are, the same without making the text.
        self._place_of = {choice: place for place, choice in enumerate(self._choice.values()) if type(choice) is str}
        self._stored = {self._text(_stored(choice)): text for text, choice in self._choice.items()}
        self.choices = self.values = tuple(self._choice.values())
        self.count = len(self.choices)

    def _text(self, value: Any) -> str:
        """A string that reads like another choice is quoted."""
        return quoted(value) if isinstance(value, str) and value in self._others else written(value)

    def position(self, value: Any) -> int:
        place = self._place_of.get(value) if type(value) is str else None
        return self._place[self.write(value)] if place is None else place

    def place(self, value: Any) -> float:
        return float(self.position(value))

    def write(self, value: Any) -> str:
        value = _plain(value)
        try:
            text = self._text(value)
            text = text if text in self._choice else self._stored[self._text(_stored(value))]
        except (TypeError, KeyError):
            raise self._refused(shown(value)) from None
        return text

    def read(self, text: str) -> Any:
        if text not in self._choice:
            raise self._refused(shown(text))
        return self._choice[text]

    def same_values(self, other: Decision) -> bool:
        return isinstance(other, Choices) and list(self._choice) == list(other._choice)

    def told(self) -> str:
        return f"one of {listed(self._choice, 6)}"

    def _refused(self, given: str) -> InputError:
        return InputError(f"{self.name}={given} is not one of {listed(self._choice)}")

    def for_study(self) -> BaseDistribution:
        choices = [_Sequence(choice) if isinstance(choice, list | tuple) else choice for choice in self.choices]
        for k, choice in enumerate(choices):
            if choice in choices[:k]:
                same = " and ".join(shown(self.choices[i]) for i in (choices.index(choice), k))
                raise InputError(f"Optuna cannot tell the choices {same} of {self.name!r} apart: give them as strings")
        return _categorical(choices)


class Number(Decision):
    """A decision for a number, from an integer or float distribution."""

    def __init__(self, name: str, distribution: IntDistribution | FloatDistribution) -> None:
        super().__init__(name, distribution)
        self.low, self.high, self.logarithmic = distribution.low, distribution.high, distribution.log
        self.kind = int if isinstance(distribution, IntDistribution) else float
        if isinstance(distribution, IntDistribution):
            self.values = range(distribution.low, distribution.high + 1, distribution.step)
            self.count = (distribution.high - distribution.low) // distribution.step + 1  # `len` has a limit
        elif distribution.step is not None:
            self.values = Steps(distribution.low, distribution.high, distribution.step)
            self.count = self.values.size

    def draw(self, rng: random.Random) -> Any:
        if self.logarithmic:
            # An integer stands for all numbers that are rounded to it.
            edge = 0.5 if self.kind is int else 0.0
            drawn = math.exp(rng.uniform(math.log(self.low - edge), math.log(self.high + edge)))
            return min(max(self.kind(round(drawn)) if self.kind is int else drawn, self.low), self.high)
        return rng.uniform(self.low, self.high) if self.values is None else super().draw(rng)

    @property
    def first(self) -> Any:
        return self.low if self.values is None else self.values[0]

    def told(self) -> str:
        step = getattr(self.distribution, "step", None)
        steps = f" in steps of {step}" if step not in (None, 1) else ""
        log = ", logarithmic" if self.logarithmic else ""
        return f"{self.kind.__name__} from {self.low} to {self.high}{steps}{log}"

    def position(self, value: Any) -> int:
        assert self.values is not None
        return self.values.index(value)

    def place(self, value: Any) -> float:
        scale = math.log if self.logarithmic else float
        low, high = scale(self.low), scale(self.high)
        return (scale(value) - low) / ((high - low) or 1.0)

    def write(self, value: Any) -> str:
        return repr(self._checked(value))

    def read(self, text: str) -> Any:
        return self._checked(text)

    def rounded(self, value: Any) -> Any:
        return self.values.nearest(self._checked(value)) if isinstance(self.values, Steps) else value

    def _checked(self, given: Any) -> int | float:
        try:
            number = self.kind(given)
            exact = isinstance(given, str) or number == given
        except (TypeError, ValueError, OverflowError):
            raise self._refused(given) from None
        inside = self.low <= number <= self.high if self.values is None else number in self.values
        if not exact or not inside:
            raise self._refused(given)
        return number

    def _refused(self, given: Any) -> InputError:
        step = getattr(self.distribution, "step", None)
        steps = f" in steps of {step}" if step not in (None, 1) else ""
        return InputError(
            f"{self.name}={shown(given)} is not a {self.kind.__name__} from {self.low} to {self.high}{steps}"
        )


class _Sequence(tuple[Any, ...]):
    """A tuple or list as a choice in a study: equal to the list that a storage makes of it."""

    def __new__(cls, values: Sequence[Any]) -> "_Sequence":
        return super().__new__(cls, (_Sequence(v) if isinstance(v, list | tuple) else v for v in values))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list | tuple) and tuple.__eq__(self, tuple(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__


def _categorical(choices: Sequence[Any]) -> CategoricalDistribution:
    dist = CategoricalDistribution((None,))
    dist.choices = tuple(choices)  # its constructor warns of tuples, which `_Sequence` makes safe for a storage
    return dist


def _plain(value: Any) -> Any:
    """A number of numpy's as Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def _stored(value: Any) -> Any:
    """What a storage makes of a choice: lists of tuples."""
    if isinstance(value, list | tuple):
        return [_stored(part) for part in value]
    return {key: _stored(part) for key, part in value.items()} if isinstance(value, Mapping) else value


def decisions_of(given: Any) -> dict[str, Decision]:
    """The decisions of a space, from what its author gave as `distributions`.

    Args:
        given: name -> an Optuna distribution, or a list or tuple of choices.

    Raises:
        InputError: if it is no such mapping, has no decisions, or a name could not stand in an architecture's text.
    """
    form = "give a mapping of names to Optuna distributions or lists of choices"
    if not isinstance(given, Mapping):
        raise InputError(f"distributions is of type {type(given).__name__}: {form}")
    if not given:
        raise InputError(f"distributions is empty: {form}")
    for name in given:
        if (
            not isinstance(name, str)
            or not name
            or not name.isprintable()
            or name != name.strip()
            or set(name) & {*",="}
        ):
            raise InputError(f"decision {shown(name)}: give it a name that is a string without ',' and '='")
    return {name: _decision(name, dist) for name, dist in given.items()}


def _decision(name: str, given: Any) -> Decision:
    if isinstance(given, IntDistribution | FloatDistribution):
        return Number(name, given)
    if isinstance(given, CategoricalDistribution):
        return Choices(name, given)
    numbers = isinstance(given, tuple) and all(type(value) in (int, float) for value in given)
    if isinstance(given, list | tuple) and given and not (numbers and len(given) == 2):
        return Choices(name, _categorical(given))
    raise InputError(
        f"decision {name!r} is {shown(given)}: give IntDistribution(low, high), FloatDistribution(low, high), "
        "CategoricalDistribution(choices) or a list of choices"
    )

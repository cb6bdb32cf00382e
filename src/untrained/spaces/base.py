"""What a search space is: decisions, strings, networks."""

import inspect
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import product
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import BaseTrial
from torch import nn

from untrained.errors import InputError, one_line, shown
from untrained.runtime.identity import described
from untrained.runtime.lookup import file_of, with_file
from untrained.spaces.decision import Decision, decisions_of
from untrained.spaces.forms import AROUND
from untrained.spaces.instances import state_of
from untrained.spaces.picture import Picture
from untrained.spaces.pools import MISSES, drawn_pool
from untrained.spaces.reading import read_picture
from untrained.spaces.text import split
from untrained.spaces.variation import child, mutant

ENUMERABLE = 1_000_000
"""Spaces of up to this many combinations are enumerated; larger ones are sampled."""


class SearchSpace(ABC):
    """Architectures as canonical strings, and how to turn one into parameters or into a network.

    A space of one's own needs `distributions` and `build`; everything else has a default that follows from these. An
    architecture is then the string `key=value,key=value` (see `untrained.spaces.text`). Any kind of class will do: a
    frozen dataclass is the natural form.

    Attributes:
        distributions: Decision -> its values: a list of values, or one of Optuna's distributions.
        opaque: Whether the strings name architectures without saying what they are made of.
        has_networks: Whether `build` makes networks; without, a space is searched on tables.

    Example:
        >>> from torch import nn
        >>> class Widths(SearchSpace):
        ...     distributions = {"width": [8, 16, 32], "act": ["ReLU", "GELU"]}
        ...
        ...     def build(self, arch):
        ...         p = self.to_params(arch)
        ...         return nn.Sequential(nn.Linear(4, p["width"]), getattr(nn, p["act"])(), nn.Linear(p["width"], 2))
        >>> space = Widths()
        >>> space.size, space.pool(2, seed=0)
        (6, ['width=16,act=GELU', 'width=8,act=ReLU'])
        >>> space.to_params("width=8,act=ReLU")
        {'width': 8, 'act': 'ReLU'}
    """

    opaque = False
    """Whether the strings name architectures without saying what they are made of."""
    conditional = False
    """Whether some decisions are only asked for after others, so that an architecture need not take all of them."""
    has_networks = True
    """Whether `build` makes networks. A space without them is searched on tables, and neither scored nor trained."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = vars(cls).keys() | inspect.get_annotations(cls).keys()
        for name in own & vars(SearchSpace).keys():
            ours, theirs = vars(SearchSpace)[name], vars(cls).get(name)
            method = callable(theirs) or isinstance(theirs, classmethod | staticmethod)
            if name == "decisions" or (callable(ours) and not method):
                raise InputError(f"space {cls.__name__}: every space has {name!r}: call the attribute otherwise")

    @property
    def name(self) -> str:
        """The name by which `get_space` finds the class: `package.module:Class` or `/path/to/file.py:Class`."""
        file = file_of(type(self))
        return f"{file.path if file else type(self).__module__}:{type(self).__qualname__}"

    @property
    def options(self) -> dict[str, Any]:
        """What tells one instance from another, as a study and a score table remember it.

        Returns:
            The fields of a dataclass. Of any other class, the arguments of its constructor that it keeps as attributes
            (`width` as `width` or `_width`) and its further public attributes; all its attributes if an argument is
            not kept. Values that are not JSON are described (`untrained.runtime.identity`).
        """
        return {name: described(value) for name, value in state_of(self).items()}

    @property
    @abstractmethod
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """One Optuna distribution, or a list of choices, for each decision.

        A class attribute will do as well as a property.
        """

    @abstractmethod
    def build(self, arch: str) -> nn.Module:
        """Makes the network of an architecture.

        Args:
            arch: an architecture of this space.

        Returns:
            A module, freshly initialised from torch's global generator, whose forward gives n x classes logits.
        """

    def valid(self, params: Mapping[str, Any]) -> bool:
        """Tells whether a combination of values is one of the space's architectures; by default each is.

        Args:
            params: decision -> value.
        """
        return True

    @property
    def decisions(self) -> Mapping[str, Decision]:
        """The decisions that `distributions` stands for, checked.

        Raises:
            InputError: if `distributions` is not what it should be, or differs from one call to the next.
        """
        given = self._given_distributions()
        for known, decisions in self._checked:
            if known is given or (known == given and list(known) == list(given)):
                return decisions
        try:
            decisions = decisions_of(given)
            again = decisions_of(self._given_distributions())
        except InputError as error:
            raise InputError(f"space {self.name!r}: {error}") from None
        first, second = ([(d.name, d.distribution) for d in each.values()] for each in (decisions, again))
        if first != second:
            raise InputError(f"space {self.name!r}: distributions gives something else at every call")
        self._checked[:] = [(given, decisions)]
        return decisions

    @cached_property
    def _checked(self) -> list[tuple[Any, Mapping[str, Decision]]]:
        """What `distributions` gave last, and its decisions."""
        return []

    def _given_distributions(self) -> Any:
        try:
            given: Any = self.distributions
            return given() if callable(given) else given
        except InputError:
            raise
        except Exception as error:  # whatever the author's code raises
            raise InputError(f"space {self.name!r}: distributions raises {one_line(error)}") from error

    @property
    def source(self) -> Any:
        """The class or function whose code says what the space is: a study remembers it."""
        return type(self)

    def decisions_of(self, arch: str) -> Mapping[str, Decision]:
        """The decisions that an architecture takes: all, unless some are only asked for after others.

        Args:
            arch: an architecture of this space.
        """
        return self.decisions

    def study_distributions(self, arch: str | None = None) -> dict[str, BaseDistribution]:
        """The distributions for an Optuna study, in any storage.

        Args:
            arch: an architecture, for the decisions that it takes; None for all of the space.

        Raises:
            InputError: if Optuna cannot tell two choices of a decision apart, such as 1 and True.
        """
        decisions = self.decisions if arch is None else self.decisions_of(arch)
        return {name: decision.for_study() for name, decision in decisions.items()}

    def suggest(self, trial: BaseTrial) -> str:
        """Asks a trial of Optuna for an architecture, one decision after the other.

        Args:
            trial: a trial of any study.

        Returns:
            The architecture; it may be one that `valid` excludes.
        """
        return self.arch_of_trial({name: decision.asked_of(trial) for name, decision in self.decisions.items()})

    def to_arch(self, params: Mapping[str, Any]) -> str:
        """Writes an architecture as a string.

        Args:
            params: decision -> value.

        Returns:
            The string, as `to_params` reads it.

        Raises:
            InputError: if a decision is missing, or has none of its values.
        """
        decisions = self.decisions
        missing = [key for key in decisions if key not in params]
        if missing:
            raise InputError(f"parameter {missing[0]!r} of space {self.name!r} is missing")
        return ",".join(f"{key}={decision.write(params[key])}" for key, decision in decisions.items())

    def arch_of_trial(self, params: Mapping[str, Any]) -> str:
        """The architecture that parameters of an Optuna trial stand for.

        Optuna suggests 0.30000000000000004 for the step 0.3; it is the same architecture.

        Args:
            params: decision -> value; further ones do not count.
        """
        known = {key: decision for key, decision in self.decisions.items() if key in params}
        return self.to_arch({key: decision.rounded(params[key]) for key, decision in known.items()})

    def to_params(self, arch: str) -> dict[str, Any]:
        """Reads the parameters of an architecture.

        Args:
            arch: an architecture of this space.

        Returns:
            Decision -> value: what `to_arch` was given.

        Raises:
            InputError: if `arch` is not an architecture of this space.
        """
        decisions = self.decisions
        given = split(arch)
        if [key for key, _ in given] != list(decisions):
            form = ",".join(f"{key}=..." for key in decisions)
            raise InputError(f"malformed architecture {shown(arch)}: expected the form {shown(form, 80)}")
        params = {key: decisions[key].read(text) for key, text in given}
        if not self.valid(params):
            raise InputError(f"{shown(arch)} is not a valid architecture of space {self.name!r}")
        return params

    def canonical(self, arch: str) -> str:
        """Finds the twin that stands for all architectures with the same network.

        By default that is `arch` itself, its numbers written as this package writes them.

        Args:
            arch: an architecture of this space.

        Raises:
            InputError: if `arch` is not an architecture of this space.
        """
        return self.arch_of_trial(self.to_params(arch))

    def read(self, text: str) -> str:
        """Reads an architecture as people write it in lists and tables.

        Args:
            text: an architecture; spaces and a byte order mark around it do not count.

        Returns:
            The architecture in the form of this space.

        Raises:
            InputError: if it is not an architecture of this space.
        """
        return self.arch_of_trial(self.to_params(text.strip(AROUND)))

    def sizes(self, arch: str) -> dict[str, float]:
        """`params` and `flops` of a network in millions, if the space can count them without building it.

        Args:
            arch: an architecture of this space.

        Returns:
            Name -> millions; empty if the space cannot.
        """
        return {}

    @property
    def size(self) -> int | None:
        """How many architectures (twins included) the space holds.

        None if that cannot be counted: a decision is continuous, or `valid` excludes some of more than `ENUMERABLE`
        combinations.
        """
        combinations = self._combinations
        if combinations is None or type(self).valid is SearchSpace.valid:
            return combinations
        return sum(1 for _ in self) if combinations <= ENUMERABLE else None

    @property
    def _combinations(self) -> int | None:
        counts = [decision.count for decision in self.decisions.values()]
        return None if None in counts else math.prod(count for count in counts if count is not None)

    def __iter__(self) -> Iterator[str]:
        """Every architecture, in a fixed order.

        Raises:
            InputError: if a decision is continuous.
        """
        decisions = self.decisions
        if self._combinations is None:
            raise InputError(f"space {self.name!r} has a continuous parameter: it can be sampled, not enumerated")
        for values in product(*(decision.values or () for decision in decisions.values())):
            params = dict(zip(decisions, values, strict=True))
            if self.valid(params):
                yield self.to_arch(params)

    def completed(self, params: Mapping[str, Any], rng: random.Random) -> str | None:
        """Completes an architecture of which some decisions are taken.

        Args:
            params: decision -> value; decisions that the architecture does not take do not count.
            rng: draws the others, each as its distribution says.

        Returns:
            The architecture; None if these values make none.
        """
        full = {key: params[key] if key in params else one.draw(rng) for key, one in self.decisions.items()}
        return self.to_arch(full) if self.valid(full) else None

    def sample(self, rng: random.Random) -> str:
        """Draws an architecture: every decision as its distribution says.

        Args:
            rng: the source of random numbers.

        Raises:
            InputError: if `MISSES` draws in a row are not valid.
        """
        for _ in range(MISSES):
            if (arch := self.completed({}, rng)) is not None:
                return arch
        raise InputError(f"space {self.name!r}: none of {MISSES} draws is a valid architecture")

    def mutate(self, arch: str, rng: random.Random) -> str:
        """Changes one decision of an architecture to another of its values.

        Args:
            arch: an architecture of this space.
            rng: the source of random numbers.

        Returns:
            The other architecture; `arch` itself if none of `TRIES` changes gives another valid architecture.
        """
        return mutant(self, arch, rng)

    def crossover(self, first: str, second: str, rng: random.Random) -> str:
        """Takes each decision from one of two architectures.

        Args:
            first: an architecture of this space.
            second: another one.
            rng: the source of random numbers.

        Returns:
            The child; `first` itself if none of `TRIES` mixtures is a valid architecture.
        """
        return child(self, first, second, rng)

    def picture(self, arch: str, inputs: Any = None) -> Picture:
        """What there is to draw of an architecture.

        By default: the blocks of its network, in the order in which data pass them. Nothing is allocated.

        Args:
            arch: an architecture of this space.
            inputs: a batch of its inputs, of which the form counts; None for what `options` say, or no shapes.

        Raises:
            InputError: if `arch` is not an architecture of this space, or its network does not take the inputs.
        """
        return read_picture(self, arch, inputs)

    def pool(self, n: int | None = None, seed: int = 0, *, at_most: bool = False) -> list[str]:
        """Distinct canonical architectures, drawn at random.

        A larger pool of the same seed begins with the smaller one.

        Args:
            n: how many; None for all, in the order of the space.
            seed: decides which.
            at_most: give all that there are, in the order of the space, if there are no more than `n`.

        Raises:
            InputError: if the space has fewer than `n` and `at_most` is not set, or is too large to be listed whole.
        """
        return drawn_pool(self, n, seed, at_most=at_most, listable=self.is_listable())

    def is_listable(self) -> bool:
        """Whether there are few enough combinations to list them."""
        most = self.size if type(self).valid is SearchSpace.valid else self._combinations
        return most is not None and most <= ENUMERABLE

    def __reduce_ex__(self, protocol: Any) -> Any:
        # A space from a user's file brings the file along to worker processes.
        return with_file(self.source, tuple(super().__reduce_ex__(protocol)))

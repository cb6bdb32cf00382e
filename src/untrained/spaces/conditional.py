"""Spaces in which some decisions only have an effect for some values of others."""

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from itertools import product
from typing import Any

from optuna.trial import BaseTrial

from untrained.errors import InputError, shown
from untrained.spaces.base import SearchSpace
from untrained.spaces.decision import Decision
from untrained.spaces.text import split


class ConditionalSpace(SearchSpace):
    """A space whose class says which decisions have no effect on a network.

    Strings and parameters of an architecture have the decisions with an effect only, so there are no twins that differ
    in the others. Mutation and crossover draw those that come to have one. In `distributions`, a decision stands behind
    those that decide whether it has an effect.
    """

    conditional = True

    @abstractmethod
    def inactive(self, params: Mapping[str, Any]) -> Collection[str]:
        """Names the decisions that have no effect on the network.

        Args:
            params: decision -> value; those with an effect are there.

        Raises:
            KeyError: if a value is missing that decides on others.
        """

    def active(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that have an effect, in the order of the space's decisions.

        Args:
            params: decision -> value; further ones do not count.

        Raises:
            InputError: if a decision with an effect is missing.
        """
        try:
            idle = {*self.inactive(params)}
            return {name: params[name] for name in self.distributions if name not in idle}
        except KeyError as error:
            raise InputError(f"parameter {error} of space {self.name!r} is missing") from None

    def decisions_of(self, arch: str) -> Mapping[str, Decision]:
        """The decisions that have an effect on an architecture's network."""
        decisions = self.decisions
        return {name: decisions[name] for name in self.to_params(arch)}

    def suggest(self, trial: BaseTrial) -> str:
        """Asks a trial of Optuna for the decisions that have an effect, one after the other."""
        params = dict[str, Any]()
        for name, decision in self.decisions.items():
            try:
                idle = name in self.inactive(params)
            except KeyError:  # one of those that decide on others, which stand before these
                idle = False
            if not idle:
                params[name] = decision.asked_of(trial)
        return self.to_arch(params)

    def to_arch(self, params: Mapping[str, Any]) -> str:
        """Writes the decisions that have an effect; others do not count."""
        decisions = self.decisions
        return ",".join(f"{name}={decisions[name].write(value)}" for name, value in self.active(params).items())

    def to_params(self, arch: str) -> dict[str, Any]:
        """The value of each decision that has an effect."""
        decisions, given = self.decisions, split(arch)
        if unknown := [key for key, _ in given if key not in decisions]:
            raise InputError(f"malformed architecture {shown(arch)}: it has no decision {unknown[0]!r}")
        params = {key: decisions[key].read(text) for key, text in given}
        wanted = list(self.active(params))
        if [key for key, _ in given] != wanted:
            form = ",".join(f"{key}=..." for key in wanted)
            raise InputError(f"malformed architecture {shown(arch)}: expected the form {shown(form, 80)}")
        return params

    def __iter__(self) -> Iterator[str]:
        """Every architecture, in a fixed order."""
        decisions = self.decisions
        for values in product(*(decision.values or () for decision in decisions.values())):
            params = dict(zip(decisions, values, strict=True))
            if self.valid(params) and all(params[name] == decisions[name].first for name in self.inactive(params)):
                yield self.to_arch(params)

"""Spaces in which some decisions only count for some values of others."""

import random
from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import Any

from untrained.spaces.base import SearchSpace
from untrained.spaces.decision import TRIES, Decision


class ConditionalSpace(SearchSpace):
    """A space whose class says which decisions have no effect on a network.

    Of architectures that differ in these only, the one with their first values stands for all: it is their canonical
    twin. A mutation changes a decision that has an effect, and draws those anew that come to have one.
    """

    @abstractmethod
    def inactive(self, params: Mapping[str, Any]) -> Collection[str]:
        """Names the decisions that have no effect on the network.

        Args:
            params: decision -> value.
        """

    def canonical(self, arch: str) -> str:
        """The twin whose decisions without an effect have their first values."""
        return self._settled(self.to_params(arch))

    def mutate(self, arch: str, rng: random.Random) -> str:
        """Changes one decision that has an effect to another of its values.

        Args:
            arch: an architecture of this space.
            rng: the source of random numbers.

        Returns:
            A canonical architecture with another network; `arch` itself if none of `TRIES` changes gives one.
        """
        params, decisions = self.to_params(arch), self.decisions
        idle, present = self.inactive(params), self._settled(params)
        params |= {name: decisions[name].draw(rng) for name in decisions if name in idle}
        active = [decision for decision in decisions.values() if decision.name not in idle and decision.count != 1]
        for _ in range(TRIES if active else 0):
            decision = rng.choice(active)
            changed = params | {decision.name: decision.other(params[decision.name], rng)}
            if self.valid(changed) and (mutant := self._settled(changed)) != present:
                return mutant
        return arch

    def _settled(self, params: Mapping[str, Any]) -> str:
        decisions = self.decisions
        return self.arch_of_trial(dict(params) | {name: _first(decisions[name]) for name in self.inactive(params)})


def _first(decision: Decision) -> Any:
    return decision.values[0] if decision.values is not None else getattr(decision.distribution, "low")  # noqa: B009

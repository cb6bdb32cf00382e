"""Spaces that are what a test gives them."""

from typing import Any

from optuna.distributions import BaseDistribution
from torch import nn

from untrained.spaces import (
    SearchSpace,
)


class Given(SearchSpace):
    """A space with the distributions and the rule that it is given."""

    def __init__(self, distributions: Any, rule: Any = None) -> None:
        self.given = distributions
        self.rule = rule

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        return self.given

    def build(self, arch: str) -> nn.Module:
        raise NotImplementedError


class Ruled(Given):
    def valid(self, params: Any) -> bool:
        return self.rule(params)


GRID = {"a": list(range(6)), "b": list(range(6))}

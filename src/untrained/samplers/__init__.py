"""Samplers: which architecture to query next, given the scores and the history."""

from collections.abc import Callable

from untrained.errors import InputError
from untrained.samplers.base import PoolSampler
from untrained.samplers.mixture import Mixture
from untrained.samplers.random_search import RandomSearch
from untrained.samplers.robot import RoBoT
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace

__all__ = ["SAMPLERS", "Mixture", "PoolSampler", "RandomSearch", "RoBoT", "check_sampler", "get_sampler"]

SAMPLERS: dict[str, Callable[[ScoreTable, SearchSpace, int, int], PoolSampler]] = {
    "robot": lambda table, space, budget, seed: RoBoT(table, space, budget=budget, seed=seed),
    "mixture": lambda table, space, budget, seed: Mixture(table, space, budget=budget, seed=seed),
    "random": lambda table, space, budget, seed: RandomSearch(table, space, seed=seed),
}
"""Name -> sampler for (table, space, budget, seed)."""


def check_sampler(name: str) -> None:
    """Raises `InputError` for an unknown sampler."""
    if name not in SAMPLERS:
        raise InputError(f"unknown sampler {name!r}: choose from {', '.join(SAMPLERS)}")


def get_sampler(name: str, table: ScoreTable, space: SearchSpace, budget: int, seed: int) -> PoolSampler:
    """The sampler called `name`; raises `InputError` for an unknown one."""
    check_sampler(name)
    return SAMPLERS[name](table, space, budget, seed)

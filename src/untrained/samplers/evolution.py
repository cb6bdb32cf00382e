"""REA: regularized evolution (Real, Aggarwal, Huang & Le, AAAI 2019, algorithm 1)."""

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from untrained.errors import InputError
from untrained.runtime.seeding import derive_seed
from untrained.samplers.base import Choice, PoolSampler
from untrained.samplers.decisions import decision_pool
from untrained.samplers.query import Query
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace

TRIES = 100
"""Mutations that are drawn before the nearest architecture is taken instead."""


class REA(PoolSampler):
    """Mutates the best of a random sample of the population; the mutant joins, the oldest member dies.

    The first P queries are drawn at random; the last P queries are the population. If a mutant is not in the pool, the
    architecture of the pool with the same network is queried instead; if there is none, or it is known, another mutant
    is drawn. After `TRIES` of them the unqueried architecture nearest to the parent is taken, which is the usual case
    in a pool that is a sparse sample of a large space. A failed query is never the best of a sample with another.

    Args:
        table: The scores; only the architectures are used.
        space: The search space, which says what a mutation is.
        budget: How many queries the search is to make.
        seed: Decides every random draw.
        population: P; by default a third of the budget, as RoBoT's authors run it.
        sample: S; by default a quarter of P, as in the paper (25 of 100).

    Raises:
        InputError: If the sample is larger than the population, or below 1.
    """

    def __init__(
        self,
        table: ScoreTable,
        space: SearchSpace,
        *,
        budget: int,
        seed: int = 0,
        population: int | None = None,
        sample: int | None = None,
    ) -> None:
        super().__init__(table, space, seed=seed)
        self.population = max(budget // 3, 2) if population is None else population
        self.sample = max(math.ceil(self.population / 4), 2) if sample is None else sample
        if not 1 <= self.sample <= self.population:
            raise InputError(f"sample {self.sample}: give a number from 1 to the population's {self.population}")

    @property
    def options(self) -> dict[str, Any]:
        return {"population": self.population, "sample": self.sample}

    def choose(self, history: Sequence[Query]) -> Choice:
        taken = {query.architecture for query in history}
        seed = derive_seed(self.seed, "rea", len(history))
        rng, generator = random.Random(seed), np.random.default_rng(seed)
        if len(history) < self.population:
            return Choice(rng.choice([arch for arch in self.table.archs if arch not in taken]), "explore")
        alive = history[-self.population :]
        parent = max(
            (alive[i] for i in sorted(rng.sample(range(len(alive)), self.sample))),
            key=lambda query: -math.inf if query.value is None else query.value,
        ).architecture
        pool = decision_pool(self.table, self.space)
        for _ in range(TRIES):
            child = pool.member(self.space.mutate(parent, rng))
            if child is not None and child not in taken:
                return Choice(child, "exploit")
        return Choice(pool.nearest(self.space.to_params(parent), taken, generator), "exploit")

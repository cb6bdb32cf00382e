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
    """The best of a random sample of the population is mutated; the mutant joins, the oldest dies.

    population: P, by default a third of the budget (as RoBoT's authors run it); the last P queries are the population,
    the first P are drawn at random. sample: S, by default a quarter of P, as the paper has it (25 of 100).

    A mutant that is not in the pool stands for its twin there; where it has none, or is known, another is drawn.
    When the neighbourhood is used up, the unqueried architecture nearest to the parent is taken: in a pool that is a
    sparse sample of a large space, that is the usual case. A failed query never is the best of a sample with another.
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

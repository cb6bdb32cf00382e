"""REINFORCE, without a controller network.

Zoph & Le, "Neural Architecture Search with Reinforcement Learning", ICLR 2017.

| name | shape | what |
|---|---|---|
| theta | D x V | logits of a categorical distribution for each decision; -inf beyond its number of values |
| a | D | the values chosen, by position; `INACTIVE` for a decision that the architecture does not take |
| b | | baseline: moving average of the values seen |
"""

import random
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from untrained.errors import InputError
from untrained.runtime.seeding import derive_seed
from untrained.samplers.base import Choice, PoolSampler
from untrained.samplers.decisions import INACTIVE, decision_pool
from untrained.samplers.query import Query
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace

Array = NDArray[np.float64]

LEARNING_RATE, MOMENTUM = 0.01, 0.9
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
TRIES = 100
"""Draws from the policy before the architecture nearest to the last one is taken instead."""


class REINFORCE(PoolSampler):
    """One categorical distribution for each decision, moved by Adam along (value - baseline) grad log probability.

    As RoBoT's authors run it: no controller network, learning rate 0.01, a debiased moving average (0.9) as baseline,
    uniform at the start. A draw is made again if it is known or has no twin in the pool. Draws made again and failed
    queries teach nothing. If a twin was queried instead of the draw, the draw is credited.

    Args:
        table: The scores; only the architectures are used.
        space: The search space; its decisions must be discrete.
        seed: Decides every random draw.

    Raises:
        InputError: If a decision is continuous.
    """

    def __init__(self, table: ScoreTable, space: SearchSpace, *, seed: int = 0) -> None:
        super().__init__(table, space, seed=seed)
        self._values = {key: decision.few_values for key, decision in space.decisions.items()}
        for key, values in self._values.items():
            if values is None:
                raise InputError(f"sampler 'reinforce' needs decisions of few values: {key!r} of {space.name!r} is not")

    @property
    def options(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _uniform(self) -> Array:
        sizes = [len(values or ()) for values in self._values.values()]
        return np.where(np.arange(max(sizes)) < np.array(sizes)[:, None], 0.0, -np.inf)

    def choose(self, history: Sequence[Query]) -> Choice:
        from scipy.special import softmax

        policy = softmax(self.policy(history), axis=1)
        rng = np.random.default_rng(derive_seed(self.seed, "reinforce", len(history)))
        taken = {query.architecture for query in history}
        pool = decision_pool(self.table, self.space)
        drawn, params = list[int](), dict[str, Any]()
        fill = random.Random(derive_seed(self.seed, "reinforce fill", len(history)))
        for _ in range(TRIES):
            drawn = [int(rng.choice(len(p), p=p)) for p in policy]
            params = self._params(drawn)
            if (text := self.space.completed(params, fill)) is None:
                continue
            taking = self.space.decisions_of(text)
            drawn = [k if key in taking else int(INACTIVE) for key, k in zip(self._values, drawn, strict=True)]
            arch = pool.member(text)
            if arch is not None and arch not in taken:
                return Choice(arch, "explore", sampler_state=drawn)
        return Choice(pool.nearest(params, taken, rng), "explore", sampler_state=drawn)

    def policy(self, history: Sequence[Query]) -> Array:
        """theta after the queries of a history."""
        from scipy.special import softmax

        theta = self._uniform.copy()
        first, second = np.zeros_like(theta), np.zeros_like(theta)
        total = weight = 0.0
        steps = 0
        for query in history:
            if query.value is None:
                continue
            total, weight = MOMENTUM * total + (1 - MOMENTUM) * query.value, MOMENTUM * weight + 1 - MOMENTUM
            drawn = self._positions(query) if query.sampler_state is None else query.sampler_state
            gradient = -softmax(theta, axis=1)
            gradient[np.arange(len(theta)), drawn] += 1
            gradient[np.array(drawn) == INACTIVE] = 0  # it had no part in the value
            gradient *= query.value - total / weight
            steps += 1
            first = BETA1 * first + (1 - BETA1) * gradient
            second = BETA2 * second + (1 - BETA2) * gradient**2
            theta += LEARNING_RATE * (first / (1 - BETA1**steps)) / (np.sqrt(second / (1 - BETA2**steps)) + EPSILON)
        return theta

    def _params(self, drawn: Sequence[int]) -> dict[str, Any]:
        return {key: (values or ())[i] for (key, values), i in zip(self._values.items(), drawn, strict=True)}

    def _positions(self, query: Query) -> list[int]:
        """The positions of the values of a query that another sampler made."""
        params = self.space.to_params(query.architecture)
        decisions = self.space.decisions
        return [one.position(params[key]) if key in params else int(INACTIVE) for key, one in decisions.items()]

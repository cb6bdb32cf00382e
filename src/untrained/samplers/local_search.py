"""Local search.

White, Nolen & Savani, "Exploring the Loss Landscape in Neural Architecture Search", UAI 2021.
"""

import random
from collections.abc import Sequence
from typing import Any

from untrained.runtime.seeding import derive_seed
from untrained.samplers.base import Choice, PoolSampler
from untrained.samplers.decisions import decision_pool
from untrained.samplers.query import Query


class LocalSearch(PoolSampler):
    """Queries all neighbours of an architecture and moves to the best of them; starts anew if none is better.

    A neighbour differs in one decision. If it is not in the pool, the architecture of the pool with the same network is
    queried instead. Neighbours are queried in random order. `sampler_state` of a query is the architecture whose
    neighbour it is.

    Args:
        table: The scores; only the architectures are used.
        space: The search space, which says what a neighbour is.
        seed: Decides starts and orders.
    """

    @property
    def options(self) -> dict[str, Any]:
        return {}

    def choose(self, history: Sequence[Query]) -> Choice:
        rng = random.Random(derive_seed(self.seed, "local search", len(history)))
        pool = decision_pool(self.table, self.space)
        value = {query.architecture: query.value for query in history}
        centre = next((query.sampler_state for query in reversed(history) if query.sampler_state is not None), None)
        while centre is not None:
            around = list(pool.neighbours(centre))
            if fresh := [arch for arch in around if arch not in value]:
                return Choice(rng.choice(fresh), "exploit", sampler_state=centre)
            known = {arch: v for arch in (centre, *around) if (v := value.get(arch)) is not None}
            best = max(known, key=known.__getitem__, default=centre)  # the centre itself, if none is better
            centre = None if best == centre else best
        start = rng.choice([arch for arch in self.table.archs if arch not in value])
        return Choice(start, "explore", sampler_state=start)

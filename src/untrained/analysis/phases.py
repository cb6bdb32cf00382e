"""What the two steps of a search each gave: explore, then exploit."""

from collections.abc import Sequence
from dataclasses import dataclass

from untrained.objectives import TabularObjective
from untrained.samplers.query import Query


@dataclass(frozen=True)
class Phases:
    """A search that explores first and then exploits.

    explored: T0, how many queries explored. exploited: T - T0. explore_rank, pick_rank: the best objective rank after
    exploring, and in the end. A search that never explored has its whole pool's last rank as explore_rank.
    """

    explored: int
    exploited: int
    explore_rank: int
    pick_rank: int

    @property
    def gain(self) -> int:
        """By how many ranks exploiting bettered what exploring had found."""
        return self.explore_rank - self.pick_rank


def phases(queries: Sequence[Query], objective: TabularObjective, pool: tuple[str, ...]) -> Phases:
    """The phases of a search that made `queries` of `objective` in `pool`."""
    ranks = [objective.rank(query.architecture, pool) if query.state == "complete" else len(pool) for query in queries]
    explored = [rank for rank, query in zip(ranks, queries, strict=True) if query.phase == "explore"]
    return Phases(
        explored=len(explored),
        exploited=len(queries) - len(explored),
        explore_rank=min(explored, default=len(pool)),
        pick_rank=min(ranks, default=len(pool)),
    )

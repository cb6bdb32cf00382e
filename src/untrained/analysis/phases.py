"""What each of the two steps of a search gave: explore, then exploit."""

from collections.abc import Sequence
from dataclasses import dataclass

from untrained.objectives import TabularObjective
from untrained.samplers.query import Query


@dataclass(frozen=True)
class Phases:
    """A search that explores first and then exploits. Ranks are objective ranks, 1 is best.

    Args:
        explored: T0, how many queries explored.
        exploited: T - T0.
        explore_rank: The best rank after exploring; the last rank of the pool if nothing was explored.
        pick_rank: The best rank in the end.

    Example:
        >>> Phases(explored=5, exploited=15, explore_rank=40, pick_rank=2).gain
        38
    """

    explored: int
    exploited: int
    explore_rank: int
    pick_rank: int

    @property
    def gain(self) -> int:
        """By how many ranks exploiting improved on exploring."""
        return self.explore_rank - self.pick_rank


def phases(queries: Sequence[Query], objective: TabularObjective, pool: tuple[str, ...]) -> Phases:
    """Takes a search apart.

    Args:
        queries: The finished queries of the search, in order (`Result.queries`). Only complete ones have a rank of
            their own; failed and stopped ones count as the last of the pool.
        objective: The objective that was queried.
        pool: The architectures that the search could choose from.

    Returns:
        How many queries each step had, and what it found.

    Example:
        >>> from pathlib import Path
        >>> import untrained
        >>> _ = Path("mine.csv").write_text("arch,acc,snip\\na,91,1\\nb,93,3\\nc,92,2\\n")
        >>> objective = untrained.TabularObjective("mine.csv", "acc")
        >>> table = untrained.ScoreTable.load("mine.csv", ["snip"])
        >>> result = untrained.search(
        ...     untrained.ArchitectureList(table.archs), objective, budget=2, sampler="robot", scores=table
        ... )
        >>> found = phases(result.queries, objective, table.archs)
        >>> found.explored + found.exploited, found.pick_rank
        (2, 1)
    """
    ranks = [objective.rank(query.architecture, pool) if query.state == "complete" else len(pool) for query in queries]
    explored = [rank for rank, query in zip(ranks, queries, strict=True) if query.phase == "explore"]
    return Phases(
        explored=len(explored),
        exploited=len(queries) - len(explored),
        explore_rank=min(explored, default=len(pool)),
        pick_rank=min(ranks, default=len(pool)),
    )

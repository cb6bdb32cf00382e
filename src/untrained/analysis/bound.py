"""How good RoBoT's pick must be, and can be expected to be, given what its first step found.

He et al. (ICLR 2024, section 5) bound the expected rank of the pick through the regret of the first step and
Precision @ (T - T0) of the robust metric. Their regret term has constants that no table tells (it assumes
information-directed sampling). Two forms that follow from their argument can be evaluated on a table:

Let T' = T - T0, and h = rho_T'(M, f) T' be how many of the first T' of the robust metric M are among the T' best.
The second step walks down M past known architectures, so it leaves none of the first T' unqueried. Therefore

    guaranteed: R_f(pick) <= min(explore_rank, T' + 1 - h)   for h >= 1, since h of the ranks 1..T' are found;
    expected:   E[R_f(pick)] <= min(explore_rank, (T' + 1) / (h + 1)), if all choices of h of them are equally likely.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from untrained.analysis.phases import phases
from untrained.analysis.ranks import expected_best_rank, objective_ranks, precision_at
from untrained.objectives import TabularObjective
from untrained.samplers.query import Query
from untrained.scores import Scaling, ScoreTable

Array = NDArray[np.float64]

WEIGHTS = 2_000
"""Random weight vectors, to estimate the best that the first step could have found."""
CHUNK = 100


@dataclass(frozen=True)
class Bound:
    """The bound of one search, and what the search found. All ranks are objective ranks, 1 is best.

    Args:
        explored: T0.
        explore_rank: The best rank after exploring.
        reachable: The best rank of the favourites of `WEIGHTS` random weight vectors; explore_rank - reachable is the
            regret of the first step.
        precision: Precision @ (T - T0) of the robust metric that was followed; NaN if T0 = T.
        best_precision: Precision @ (T - T0) of the robust metric whose favourite has the rank `reachable`; NaN if
            T0 = T.
        guaranteed: The rank that the pick cannot exceed, see the module.
        expected: The rank that the pick has on average at most, see the module.
        pick_rank: The rank of the pick.
    """

    explored: int
    explore_rank: int
    reachable: int
    precision: float
    best_precision: float
    guaranteed: int
    expected: float
    pick_rank: int


def bound(
    queries: Sequence[Query], objective: TabularObjective, table: ScoreTable, scaling: Scaling = "minmax"
) -> Bound:
    """Evaluates the bound for a search by RoBoT.

    Args:
        queries: The finished queries of the search, in order (`Result.queries`).
        objective: The objective that was queried.
        table: The scores that RoBoT learned from.
        scaling: How RoBoT scaled them.

    Returns:
        The bound, and what the search found.

    Example:
        >>> from pathlib import Path
        >>> import untrained
        >>> _ = Path("mine.csv").write_text("arch,acc,snip\\na,91,1\\nb,93,3\\nc,92,2\\n")
        >>> objective = untrained.TabularObjective("mine.csv", "acc")
        >>> table = untrained.ScoreTable.load("mine.csv", ["snip"])
        >>> result = untrained.search(
        ...     untrained.ArchitectureList(table.archs), objective, budget=2, sampler="robot", scores=table
        ... )
        >>> bound(result.queries, objective, table).pick_rank
        1
    """
    found = phases(queries, objective, table.archs)
    f, features = objective.upward(table.archs), table.scaled(scaling)
    reachable, best = best_weights(features, f)
    left, precision, best_precision = found.exploited, np.nan, np.nan
    guaranteed, expected = found.explore_rank, float(found.explore_rank)
    if left:
        weights = next(query.metric_weights for query in queries if query.phase == "exploit")
        precision = precision_at(left, features @ [weights[name] for name in table.metrics], f)
        best_precision = precision_at(left, features @ best, f)
        if hits := round(precision * left):
            guaranteed = min(guaranteed, left + 1 - hits)
            expected = min(expected, expected_best_rank(left, hits, len(f)))
    return Bound(
        found.explored,
        found.explore_rank,
        reachable,
        precision,
        best_precision,
        guaranteed,
        expected,
        found.pick_rank,
    )


def best_weights(features: Array, f: Array, seed: int = 0) -> tuple[int, Array]:
    """Looks for the weights whose favourite, argmax M w, has the best objective rank.

    Args:
        features: M, n x K.
        f: The objective, n numbers, higher is better.
        seed: Decides the `WEIGHTS` uniform draws of w in [-1, 1]^K.

    Returns:
        That rank, and the w, K numbers.

    Example:
        >>> f = np.array([0.1, 0.9, 0.5])
        >>> best_weights(f[:, None], f)[0]
        1
    """
    draws = np.random.default_rng(seed).uniform(-1, 1, (WEIGHTS, features.shape[1]))
    favourites = np.concatenate([(features @ part.T).argmax(0) for part in np.split(draws, WEIGHTS // CHUNK)])
    ranks = objective_ranks(f)[favourites]
    return int(ranks.min()), draws[ranks.argmin()]

"""How good RoBoT's pick must be, and can be expected to be, given what its first step found.

He et al. (ICLR 2024, section 5) bound the expected rank of the pick through the regret of the first step and
Precision @ (T - T0) of the robust metric. Their regret term has constants that no table tells (it assumes
information-directed sampling); what can be evaluated on a table is evaluated here, in two forms that follow at once:

Let T' = T - T0, and h = rho_T'(M, f) T' be how many of the first T' of the robust metric M are among the T' best.
Walking down M past known architectures, the second step leaves none of its first T' unqueried. So

    guaranteed: R_f(pick) <= min(explore_rank, T' + 1 - h)   for h >= 1, since h of the ranks 1..T' are found;
    expected:   E[R_f(pick)] <= min(explore_rank, (T' + 1) / (h + 1)), if every choice of h among them is as likely.
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
"""Random weight vectors that stand for all, to know what the first step could have found."""
CHUNK = 100


@dataclass(frozen=True)
class Bound:
    """The bound of one search, and what came out.

    explored: T0. explore_rank: the best objective rank after exploring. reachable: the best rank that the favourite of
    any of `WEIGHTS` random weight vectors has; explore_rank - reachable is the regret of the first step.
    precision: rho at T - T0 of the robust metric that was followed, best_precision: of the one that `reachable` is
    from; NaN where T0 = T. guaranteed, expected: see the module. pick_rank: the objective rank of the pick.
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
    """The bound for a search by RoBoT that made `queries` of `objective` and learned from `table`."""
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
    """The best objective rank of a favourite argmax M w among `WEIGHTS` uniform w in [-1, 1]^K, and such a w."""
    draws = np.random.default_rng(seed).uniform(-1, 1, (WEIGHTS, features.shape[1]))
    favourites = np.concatenate([(features @ part.T).argmax(0) for part in np.split(draws, WEIGHTS // CHUNK)])
    ranks = objective_ranks(f)[favourites]
    return int(ranks.min()), draws[ranks.argmin()]

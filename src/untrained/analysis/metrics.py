"""How well single metrics tell the objective."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

from untrained.analysis.ranks import expected_best_rank, objective_ranks, precision_at, walk
from untrained.objectives import TabularObjective
from untrained.scores import ScoreTable

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MetricReport:
    """One metric against the objective, over the n architectures where both are known.

    spearman, kendall: rank correlations (tau-b), positive where the metric points the way that it is held to point;
    NaN for a constant. precision: Precision @ T over the whole pool. first: objective rank of its favourite. best:
    objective rank of the best of its top T, which is what a greedy search by it finds. expected: what `best` is on
    average for such a precision (`expected_best_rank`).
    """

    name: str
    n: int
    spearman: float
    kendall: float
    precision: float
    first: int
    best: int
    expected: float


def metric_report(table: ScoreTable, objective: TabularObjective, budget: int) -> list[MetricReport]:
    """A report on each metric of `table`, in its order, for T = `budget`."""
    f = objective.upward(table.archs)
    return [report(name, m, f, budget) for name, m in zip(table.metrics, columns(table), strict=True)]


def columns(table: ScoreTable) -> Sequence[Array]:
    """The metrics of `table`, each n numbers of which higher is held to be better."""
    return list(table.upward.T)


def report(name: str, m: Array, f: Array, budget: int) -> MetricReport:
    """The report on one metric M, n numbers, for the objective f; both higher is better, NaN where they failed."""
    both = ~(np.isnan(m) | np.isnan(f))
    constant = not both.any() or np.ptp(m[both]) == 0 or np.ptp(f[both]) == 0
    precision = precision_at(budget, m, f)
    top = objective_ranks(f)[walk(m)[:budget]]
    return MetricReport(
        name,
        n=int(both.sum()),
        spearman=np.nan if constant else float(cast(Any, spearmanr(m[both], f[both]))[0]),
        kendall=np.nan if constant else float(cast(Any, kendalltau(m[both], f[both]))[0]),
        precision=precision,
        first=int(top[0]),
        best=int(top.min()),
        expected=expected_best_rank(budget, round(precision * budget), len(f)),
    )

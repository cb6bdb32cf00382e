"""How well single metrics predict the objective."""

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
class Agreement:
    """How far one metric agrees with the objective.

    Args:
        name: The metric.
        n: How many architectures have both a score and a value.
        spearman: Rank correlation over those n, positive if the metric points the way that it is held to point; NaN if
            either is constant.
        kendall: Kendall's tau-b, likewise.
        precision: Precision @ T over the whole pool.
        first: Objective rank of the metric's favourite, 1 is best.
        best: Best objective rank among its top T, which a greedy search by the metric finds.
        expected: The average of `best` for such a precision (`expected_best_rank`).
    """

    name: str
    n: int
    spearman: float
    kendall: float
    precision: float
    first: int
    best: int
    expected: float


def metric_report(table: ScoreTable, objective: TabularObjective, budget: int) -> list[Agreement]:
    """Compares each metric of a table with the objective.

    Args:
        table: The scores of n architectures.
        objective: Knows the value of each of them.
        budget: T, from 1 to n.

    Returns:
        One report for each metric, in the order of the table.

    Example:
        >>> from pathlib import Path
        >>> import untrained
        >>> _ = Path("mine.csv").write_text("arch,acc,snip\\na,91,1\\nb,93,3\\nc,92,2\\n")
        >>> objective = untrained.TabularObjective("mine.csv", "acc")
        >>> table = untrained.ScoreTable.load("mine.csv", ["snip"])
        >>> metric_report(table, objective, budget=1)[0].spearman
        1.0
    """
    f = objective.upward(table.archs)
    return [report(name, m, f, budget) for name, m in zip(table.metrics, columns(table), strict=True)]


def columns(table: ScoreTable) -> Sequence[Array]:
    """The metrics of `table`, each n numbers of which higher is held to be better."""
    return list(table.upward.T)


def report(name: str, m: Array, f: Array, budget: int) -> Agreement:
    """Compares one metric with the objective.

    Args:
        name: What the metric is called.
        m: Its scores, n numbers, higher is better, NaN if they failed.
        f: The objective, n numbers, likewise.
        budget: T.

    Example:
        >>> report("m", np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.3, 0.2]), budget=1).first
        2
    """
    both = ~(np.isnan(m) | np.isnan(f))
    constant = not both.any() or np.ptp(m[both]) == 0 or np.ptp(f[both]) == 0
    precision = precision_at(budget, m, f)
    top = objective_ranks(f)[walk(m)[:budget]]
    return Agreement(
        name,
        n=int(both.sum()),
        spearman=np.nan if constant else float(cast(Any, spearmanr(m[both], f[both]))[0]),
        kendall=np.nan if constant else float(cast(Any, kendalltau(m[both], f[both]))[0]),
        precision=precision,
        first=int(top[0]),
        best=int(top.min()),
        expected=expected_best_rank(budget, round(precision * budget), len(f)),
    )

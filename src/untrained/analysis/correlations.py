"""How well whole rankings agree with the objective, with intervals: the figures that papers on metrics print."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

from untrained.analysis.ranks import precision_at
from untrained.errors import InputError
from untrained.objectives import TabularObjective
from untrained.samplers.greedy import AZ_NAS, VKDNW
from untrained.scores import ScoreTable
from untrained.scores.aggregate import az_nas_aggregate, rank_average

Array = NDArray[np.float64]

TOP = 1000
"""P of nDCG, as Tybl & Neumann take it."""
RESAMPLES = 200
SHARE = 0.95
"""Of the resampled figures that an interval holds."""
PERCENT = 100.0


@dataclass(frozen=True)
class Interval:
    """A figure, and the bootstrap's percentile interval around it; NaN where there is none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Correlation:
    """How far one ranking agrees with the objective over a pool; a missing score counts as `ScoreTable.merits` has it.

    Args:
        name: The metric or the aggregate.
        n: How many architectures have a score.
        kendall: Kendall's tau-b.
        spearman: Spearman's rank correlation.
        ndcg: See `ndcg`.
        precision: Precision @ T.
    """

    name: str
    n: int
    kendall: Interval
    spearman: Interval
    ndcg: Interval
    precision: Interval


def ndcg(m: Array, f: Array, top: int = TOP) -> float:
    """Normalised discounted cumulative gain of the first P of a ranking (Tybl & Neumann, CVPR 2025).

    sum_{j <= P} (2^f_j - 1) / log2(1 + j), j the place in the ranking by m, divided by its value for the ranking by f.
    With accuracies in % one point more doubles the gain, so it tells how near to the top the very best come. Equal
    scores share the mean gain of their places, as in scikit-learn. A pool with fewer architectures has P = n.

    Args:
        m: n scores, higher is better.
        f: n figures in %, from 0 to 100.
        top: P.

    Returns:
        A number from 0 to 1; NaN if `f` is not of percents, or is 0 throughout.

    Example:
        The example of the paper: the best network stands third.

        >>> f = np.array([80.0, 70, 100, 90, 60, 50, 40, 30, 20, 10])
        >>> round(ndcg(np.arange(10.0, 0, -1), f), 2)
        0.5
    """
    from sklearn.metrics import ndcg_score

    if f.min() < 0 or f.max() > PERCENT or f.max() == 0:
        return float("nan")
    places = np.unique(m, return_inverse=True)[1]  # scikit-learn refuses infinite scores
    return float(ndcg_score([(2**f - 1) / 2 ** f.max()], [places], k=top)) if len(f) > 1 else 1.0


def aggregates(table: ScoreTable) -> dict[str, Array]:
    """The aggregates that can be had of a table's metrics: means and products of all ranks, AZ-NAS's, VKDNW's.

    Args:
        table: The scores of n architectures.

    Returns:
        Name -> n numbers, higher is better.

    Example:
        >>> table = ScoreTable(("a", "b"), ("snip", "zen"), np.array([[1.0, 4.0], [2.0, 5.0]]))
        >>> {name: values.round(3).tolist() for name, values in aggregates(table).items()}
        {'rank_average': [0.5, 1.0], 'rank_product': [-1.386, 0.0]}
    """
    found = dict[str, Array]()
    if len(table.metrics) > 1:
        found = {"rank_average": rank_average(table.merits), "rank_product": az_nas_aggregate(table.merits)}
    for name, groups in (("az_nas", [(name,) for name in AZ_NAS]), ("vkdnw_agg", VKDNW)):
        names = [next((n for n in group if n in table.metrics), None) for group in groups]
        if None not in names:
            found[name] = az_nas_aggregate(table.select(metrics=cast(list[str], names)).merits)
    return found


def correlations(
    table: ScoreTable,
    objective: TabularObjective,
    budget: int,
    *,
    top: int = TOP,
    resamples: int = RESAMPLES,
    seed: int = 0,
    groups: Sequence[Any] | None = None,
    further: Mapping[str, Array] | None = None,
) -> list[Correlation]:
    """Compares each metric of a table, and each aggregate of them, with the objective.

    Args:
        table: The scores of n architectures.
        objective: Knows the value of each; those without one are left out.
        budget: T of Precision @ T.
        top: P of nDCG. For nDCG, figures that are all at most 1 are taken for fractions, and times 100.
        resamples: How many times the pool is drawn again, with replacement, for the intervals; 0 for none.
        seed: Decides the draws.
        groups: n labels; architectures of one label are one network, and are drawn together.
        further: Rankings besides: name -> n numbers, higher is better.

    Returns:
        One for each metric, then for each aggregate. All have the same draws of the pool.

    Raises:
        InputError: T, P or the number of resamples is out of range.

    Example:
        >>> from pathlib import Path
        >>> import untrained
        >>> _ = Path("mine.csv").write_text("arch,acc,snip\\na,91,1\\nb,93,3\\nc,92,2\\n")
        >>> objective = untrained.TabularObjective("mine.csv", "acc")
        >>> table = untrained.ScoreTable.load("mine.csv", ["snip"])
        >>> correlations(table, objective, budget=1)[0].kendall.value
        1.0
    """
    f = objective.upward(table.archs)
    known = ~np.isnan(f)
    f = f[known]
    check_range(budget, top, resamples, len(f))
    columns = dict(zip(table.metrics, table.merits.T, strict=True)) | aggregates(table) | dict(further or {})
    columns = {name: np.where(np.isnan(column), -np.inf, column)[known] for name, column in columns.items()}
    scored = dict(zip(table.metrics, (~np.isnan(table.values[known])).sum(0).tolist(), strict=True))
    labels = None if groups is None else np.unique(np.asarray(groups)[known], return_inverse=True)[1]
    draws = [drawn(len(f), labels, np.random.default_rng((seed, i))) for i in range(resamples)]
    return [correlation(name, scored.get(name, len(f)), m, f, budget, top, draws) for name, m in columns.items()]


def check_range(budget: int, top: int, resamples: int, n: int) -> None:
    """Checks T, P and the number of resamples for a pool of n.

    Raises:
        InputError: One is out of range.
    """
    if not 1 <= budget <= n:
        raise InputError(f"budget {budget}: give 1 to {n}, the architectures with scores and an objective")
    if top < 1:
        raise InputError(f"top {top}: give 1 or more, the places that nDCG counts")
    if resamples < 0:
        raise InputError(f"{resamples} resamples: give 0 or more")


def correlation(
    name: str, n: int, m: Array, f: Array, budget: int, top: int, draws: Sequence[NDArray[np.intp]]
) -> Correlation:
    """Compares one ranking with the objective.

    Args:
        name: What it is called.
        n: How many scores it has.
        m: The ranking, higher is better, no NaN.
        f: The objective, likewise.
        budget: T.
        top: P.
        draws: Rows of each resampled pool.
    """
    values = figures(m, f, budget, top)
    again = [figures(m[rows], f[rows], budget, top) for rows in draws]
    return Correlation(name, n, *intervals(values, again))


def intervals(values: Sequence[float], again: Sequence[Sequence[float]]) -> list[Interval]:
    """Figures with the intervals that hold `SHARE` of what other draws gave; none if there is no other draw."""
    tail = 100 * (1 - SHARE) / 2
    ends = np.percentile(again, [tail, 100 - tail], axis=0) if again else np.full((2, len(values)), np.nan)
    return [Interval(*map(float, of)) for of in zip(values, *ends, strict=True)]


def figures(m: Array, f: Array, budget: int, top: int) -> tuple[float, float, float, float]:
    """Kendall's tau-b, Spearman's correlation, nDCG and Precision @ T; NaN if one of the two is constant."""
    constant = m.min() == m.max() or f.min() == f.max()
    tau = np.nan if constant else float(cast(Any, kendalltau(m, f))[0])
    rho = np.nan if constant else float(cast(Any, spearmanr(m, f))[0])
    percent = f * PERCENT if f.min() >= 0 and f.max() <= 1 else f
    return tau, rho, ndcg(m, percent, top), precision_at(min(budget, len(f)), m, f)


def drawn(n: int, groups: NDArray[np.intp] | None, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draws a pool of n again: rows with replacement, those of a group together."""
    if groups is None:
        return rng.integers(0, n, n)
    last = groups.max() + 1
    times = np.bincount(rng.integers(0, last, last), minlength=last)
    return np.repeat(np.arange(n), times[groups])

"""What the metrics of a pool say of the queries, and of each other.

| name | shape | what |
|---|---|---|
| M | n x K | scores, higher is held to be better |
| R | n x K | their ranks over the pool in [0, 1], equals sharing the mean of theirs |
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

from untrained.analysis.metrics import report
from untrained.scores import ScoreTable

Array = NDArray[np.float64]

FEWEST = 3
"""Queries below which a rank correlation says nothing."""


@dataclass(frozen=True)
class Agreement:
    """How far a metric told the objective of the queries.

    Args:
        metric: Its name.
        n: How many queries have both a score and a value.
        spearman: Their rank correlation, positive if the metric points the way that it is held to; None if there are
            fewer than three, or either is the same for all.
        points: (place of the query, rank of its score over the pool from 0 to 1, value).
    """

    metric: str
    n: int
    spearman: float | None
    points: tuple[tuple[int, float, float], ...]


def ranks(table: ScoreTable) -> Array:
    """R of a table; a missing score counts as the table has it (`ScoreTable.merits`).

    Args:
        table: n architectures, K metrics.

    Example:
        >>> table = ScoreTable(("a", "b", "c"), ("snip",), np.array([[5.0], [9.0], [1.0]]))
        >>> ranks(table).tolist()
        [[0.5], [1.0], [0.0]]
    """
    merits = np.where(np.isnan(table.merits), -np.inf, table.merits)
    return (rankdata(merits, axis=0) - 1) / max(len(table) - 1, 1)


def agreements(table: ScoreTable, values: Mapping[int, tuple[str, float]], sign: int) -> list[Agreement]:
    """Compares each metric with the objective over the queries, the best first.

    Args:
        table: The scores of the pool.
        values: Place of a query -> its architecture and its value.
        sign: 1 if more is better, -1 if less is.
    """
    known = [(place, table.index[arch], value) for place, (arch, value) in values.items() if arch in table.index]
    if not known:
        return []
    places, rows, told = zip(*known, strict=True)
    f, scaled = sign * np.array(told, dtype=np.float64), ranks(table)
    found = list[Agreement]()
    for k, name in enumerate(table.metrics):
        own = table.upward[list(rows), k]
        there = report(name, own, f, 1)
        points = [
            (p, float(scaled[i, k]), v)
            for p, i, v, score in zip(places, rows, told, own, strict=True)
            if score == score
        ]
        says = there.n >= FEWEST and np.isfinite(there.spearman)
        found.append(Agreement(name, there.n, there.spearman if says else None, tuple(points)))
    return sorted(found, key=lambda one: -2.0 if one.spearman is None else one.spearman, reverse=True)


def correlations(table: ScoreTable) -> tuple[list[str], Array]:
    """Rank correlations of the metrics over the pool, those of one kind side by side.

    Args:
        table: The scores.

    Returns:
        K names and K x K correlations, without the metrics that tell no two architectures apart.
    """
    scaled = ranks(table)
    moving = [k for k in range(len(table.metrics)) if len(table) > 1 and np.ptp(scaled[:, k]) > 0]
    if len(moving) < 2:
        return [table.metrics[k] for k in moving], np.ones((len(moving), len(moving)))
    matrix = np.clip(np.corrcoef(scaled[:, moving].T), -1, 1)
    np.fill_diagonal(matrix, 1.0)
    order = leaves_list(linkage(squareform(1 - (matrix + matrix.T) / 2, checks=False), "average"))
    return [table.metrics[moving[k]] for k in order], matrix[np.ix_(order, order)]


def plane(table: ScoreTable) -> tuple[Array, Sequence[float]]:
    """The pool in two dimensions: the first principal components of R.

    Args:
        table: n architectures, K metrics.

    Returns:
        n x 2 coordinates, and the part of the variance that each dimension has. The sign of a dimension is that with
        which its metrics grow on the whole.
    """
    centred = ranks(table) - 0.5
    centred -= centred.mean(0)
    u, s, v = np.linalg.svd(centred, full_matrices=False)
    sign = np.where(v.sum(1) < 0, -1.0, 1.0)
    total = float((s**2).sum())
    flat = (u * s * sign)[:, :2]
    if flat.shape[1] < 2:
        flat = np.column_stack([flat, np.zeros(len(flat))])
    shares = [float(x) / total if total else 0.0 for x in (*s**2, 0.0)[:2]]
    return flat, shares

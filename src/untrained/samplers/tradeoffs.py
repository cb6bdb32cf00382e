"""Trade-offs: one objective that queries teach, against costs that are known of every architecture before.

| name | shape | what |
|---|---|---|
| c | n x m | costs of the candidates, lower is better |
| upper | m | the reference of the costs: what is worse adds nothing |
| v | k | values, higher is better: the lowest that adds anything, then those of the front, rising |
| V | k x n | volume of costs, from c to `upper`, which no query of a value above v covers |

A query of value f at costs c adds the hypervolume sum over j of V_j (min(f, v_j+1) - v_j)^+, with v_k+1 infinite. It is
piecewise linear in f, so its expectation is a sum of expected improvements, exactly:

    sum over j of (V_j - V_j-1) E[(f - v_j)^+]
"""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from untrained.errors import InputError
from untrained.samplers.gaussian import expected_improvement

Array = NDArray[np.float64]
Floats = NDArray[np.floating]

CLIP = 4.0
"""A cost counts as no worse than median + CLIP (median - least): a few dear networks must not dominate the volume."""
BELOW = 1.0
"""So far below the least value seen, in standard deviations of all of them, lies the lowest that adds anything."""
MOST = 3
"""Costs at most: the time that a choice takes grows with the power of their number."""
MARGIN = 0.1
"""So far beyond the worst, as a part of the range, lies the reference: the worst, too, is worth something."""


def nondominated(points: Array) -> NDArray[np.bool_]:
    """Tells which points are on the front: no other one is as good in everything and better in something.

    Args:
        points: n x d, lower is better.

    Returns:
        n answers; of equal points, all are on it or none.

    Example:
        >>> nondominated(np.array([[1, 3], [2, 2], [3, 2], [3, 1]])).tolist()
        [True, True, False, True]
    """
    worse = np.zeros(len(points), dtype=bool)
    for point in points:
        worse |= (points >= point).all(1) & (points > point).any(1)
    return ~worse


def uncovered(lower: Array, points: Array, upper: Array) -> Array:
    """Volumes of boxes as far as no point covers them: a point covers all that is nowhere below it.

    Args:
        lower: n x m, the least corner of each box.
        points: k x m.
        upper: m, the largest corner of all boxes.

    Returns:
        n volumes; 0 for a box whose least corner is not below the largest.

    Example:
        >>> uncovered(np.zeros((1, 2)), np.array([[1.0, 1.0]]), np.array([3.0, 2.0])).tolist()
        [4.0]
    """
    last, points = lower[:, -1], points[np.argsort(points[:, -1], kind="stable")]
    if lower.shape[1] == 1:
        return np.maximum(min(points[0, 0], upper[0]) - last if len(points) else upper[0] - last, 0)
    volume, start = np.zeros(len(lower)), -np.inf
    for k, edge in enumerate(np.minimum(np.append(points[:, -1], upper[-1]), upper[-1])):
        width = np.maximum(edge - np.maximum(last, start), 0)  # of a slice in which the first k points count
        if width.any():
            volume += width * uncovered(lower[:, :-1], points[:k, :-1], upper[:-1])
        start = edge
    return volume


def hypervolume(points: Array, reference: Array) -> float:
    """The volume that points dominate within a reference (Zitzler & Thiele 1998).

    Args:
        points: n x d, lower is better.
        reference: d, the worst that counts.

    Example:
        >>> hypervolume(np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([3.0, 3.0]))
        3.0
    """
    if not len(points):
        return 0.0
    lowest = np.minimum(points.min(0), reference)
    front = points[nondominated(points)]
    return float(np.prod(reference - lowest) - uncovered(lowest[None], front, reference)[0])


class Costs:
    """What the architectures of a pool cost, and what they can add to a front.

    Args:
        costs: n x m numbers, lower is better.
        n: How many architectures there are.

    Attributes:
        costs: The same, with the poor tail clipped.
        upper: The reference.
        fingerprint: Stands for the costs.

    Raises:
        InputError: They are not n x m finite numbers, with m from 1 to `MOST`.
    """

    def __init__(self, costs: Array, n: int) -> None:
        if costs.ndim != 2 or len(costs) != n or not 1 <= costs.shape[1] <= MOST or not np.isfinite(costs).all():
            shape = " x ".join(map(str, costs.shape))
            raise InputError(f"costs of {shape} numbers: give {n} x 1 to {MOST} finite ones, a row an architecture")
        least, middle = costs.min(0), np.median(costs, axis=0)
        most = np.where(middle > least, middle + CLIP * (middle - least), np.inf)
        self.fingerprint = blake2b(np.ascontiguousarray(costs).tobytes(), digest_size=8).hexdigest()
        self.costs = np.minimum(costs, most)
        spread = self.costs.max(0) - least
        self.upper = self.costs.max(0) + np.where(spread > 0, MARGIN * spread, 1.0)

    def alone(self, rows: NDArray[np.intp], mean: Floats) -> Floats:
        """What each candidate dominates by itself, if its value is as expected and the least expected one the worst.

        Args:
            rows: The candidates, n of them.
            mean: n expected values.
        """
        return (mean - mean.min()) * np.prod(self.upper - self.costs[rows], axis=1)

    def gain(self, rows: NDArray[np.intp], queried: NDArray[np.intp], values: Array) -> "Gain":
        """What candidates are expected to add to the hypervolume of the queries.

        Args:
            rows: The candidates.
            queried: The architectures whose values are known.
            values: These, standardised, higher is better; at least one.
        """
        return Gain(self.costs[rows], self.costs[queried], values, self.upper, values.min() - BELOW)


class Gain:
    """The expected gain in hypervolume by one more query (see above).

    Args:
        costs: n x m, of the candidates.
        queried: t x m, of the queries.
        values: t, of the queries.
        upper: m, the reference of the costs.
        lowest: The reference of the values.

    Example:
        >>> gain = Gain(np.array([[1.0], [3.0]]), np.array([[2.0], [4.0]]), np.array([1.0, 0.5]), np.array([5.0]), 0.0)
        >>> gain(np.array([1.0, 1.0]), np.array([1e-9, 1e-9])).round(3).tolist()
        [1.0, 0.0]
    """

    def __init__(self, costs: Array, queried: Array, values: Array, upper: Array, lowest: float) -> None:
        front = np.flatnonzero(nondominated(np.column_stack([-values, queried])) & (values > lowest))
        front = front[np.argsort(values[front], kind="stable")]
        self.levels = [lowest, *values[front]]
        volumes = np.array([uncovered(costs, queried[front[j:]], upper) for j in range(len(self.levels))])
        self.weights = np.diff(volumes, axis=0, prepend=0)

    def __call__(self, mean: Floats, std: Floats) -> Floats:
        """The expected gain.

        Args:
            mean: n means of the candidates' values.
            std: n standard deviations, above 0.
        """
        total = np.zeros(len(mean))
        for level, weights in zip(self.levels, self.weights, strict=True):
            some = weights > 0
            total[some] += weights[some] * expected_improvement(mean[some], std[some], level)
        return total

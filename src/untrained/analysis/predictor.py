"""A model that ranks a whole pool from a few labels: a Gaussian process and random trees, on metrics and encoding.

| name | shape | what |
|---|---|---|
| M | n x K | metrics, by rank, as normal scores |
| h | n x C | how often each option is taken (`Encoder.counts`), standardised |
| c | n x P | which option each decision takes, one column an option, standardised |
| y | t | labels, by rank, as normal scores: a ranking is asked for, and the few worst must not decide it |

The process has the covariance sum_g a_g matern52(|x_g - x'_g| / l_g) + b_g <x_g, x'_g> / dim_g over the groups M, h and
c, plus noise. Its a, l, b and noise maximise the likelihood times a wide prior (log-normal), by L-BFGS.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from untrained.samplers.features import Encoder
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace

Array = NDArray[np.float64]

FITTED = 300
"""Most labels that the process fits its hyperparameters to; all labels give its prediction."""
STEPS = 60
TREES = 200
SHARE = 0.5
"""Of the columns that each split of a tree may choose from."""
OPTIONS = 16
"""A decision of no more values than this has a column for each."""
JITTER = 1e-5


def features(table: ScoreTable, space: SearchSpace) -> list[Array]:
    """What the model knows of each architecture of a pool.

    Args:
        table: The scores of n architectures.
        space: Their space.

    Returns:
        M, h and c, those of them that tell architectures apart.
    """
    twins = [space.canonical(arch) for arch in table.archs]
    encoder = Encoder(space, twins)
    codes = encoder(twins)
    columns = list[Array]()
    for column in codes.T:
        values = np.unique(column)
        columns += [column] if len(values) > OPTIONS else [(column == value).astype(float) for value in values]
    metrics = normal_scores(table.merits)
    groups = [metrics, encoder.counts(codes), np.stack(columns, 1) if columns else np.empty((len(twins), 0))]
    standard = [(x - x.mean(0))[:, x.std(0) > 0] for x in groups]
    return [x / x.std(0) for x in standard if x.shape[1]]


def normal_scores(values: Array) -> Array:
    """The normal quantiles of the ranks of each column; NaN is the worst.

    Example:
        >>> normal_scores(np.array([[3.0], [np.nan], [9.0]])).round(2).ravel().tolist()
        [0.0, -0.97, 0.97]
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    return ndtri((rankdata(np.where(np.isnan(values), -np.inf, values), axis=0) - 0.5) / len(values))


def predict(groups: Sequence[Array], rows: NDArray[np.intp], labels: Array, seed: int = 0) -> Array:
    """Ranks a pool.

    Args:
        groups: See `features`.
        rows: The t rows that have a label.
        labels: Their labels, higher is better.
        seed: Decides the trees, and the labels that hyperparameters are fitted to.

    Returns:
        n numbers on a scale of their own, higher is better: the mean of both models, each standardised over the pool.

    Example:
        >>> x = np.linspace(-1, 1, 40)[:, None]
        >>> rows = np.arange(0, 40, 3)
        >>> int(predict([x], rows, -np.abs(x[rows, 0])).argmax()) in range(17, 24)
        True
    """
    from sklearn.ensemble import ExtraTreesRegressor

    y = normal_scores(labels[:, None])[:, 0]
    everything = np.concatenate(groups, 1)
    trees = ExtraTreesRegressor(TREES, max_features=SHARE, random_state=seed).fit(everything[rows], y)
    process = _process(groups, rows, y, np.random.default_rng(seed).permutation(len(rows))[:FITTED])
    return sum((_standardised(one) for one in (trees.predict(everything), process)), np.zeros(len(everything)))


def _standardised(x: Array) -> Array:
    return (x - x.mean()) / (x.std() or 1.0)


def _process(groups: Sequence[Array], rows: NDArray[np.intp], y: Array, some: NDArray[np.intp]) -> Array:
    """The mean of the process at every row, its hyperparameters fitted to `some` of the labels."""
    x = [torch.from_numpy(np.ascontiguousarray(group)) for group in groups]
    target = torch.from_numpy(y)
    centre = torch.tensor([[0.0, 0.5 * np.log(group.shape[1]), -2.0] for group in groups], dtype=torch.float64)
    free = torch.zeros_like(centre, requires_grad=True)
    noise = torch.zeros((), dtype=torch.float64, requires_grad=True)  # log noise = -3 + noise
    spread = torch.tensor([1.5, 1.0, 1.5], dtype=torch.float64)
    optimiser = torch.optim.LBFGS([free, noise], max_iter=STEPS, line_search_fn="strong_wolfe")

    def factor(at: NDArray[np.intp]) -> Tensor:
        own = [group[at] for group in x]
        covariance = _covariance(own, own, centre + free)
        return torch.linalg.cholesky(
            covariance + ((noise - 3).exp() + JITTER) * torch.eye(len(at), dtype=torch.float64)
        )

    def loss() -> Tensor:
        optimiser.zero_grad()
        lower = factor(rows[some])
        white = torch.linalg.solve_triangular(lower, target[some, None], upper=False)
        value = 0.5 * (white**2).sum() + lower.diagonal().log().sum()
        value = value + 0.5 * ((free / spread) ** 2).sum() + 0.5 * noise**2
        value.backward()
        return value

    optimiser.step(loss)
    with torch.no_grad():
        weights = torch.cholesky_solve(target[:, None], factor(rows))
        return (_covariance(x, [group[rows] for group in x], centre + free) @ weights)[:, 0].numpy()


def _covariance(one: Sequence[Tensor], other: Sequence[Tensor], logs: Tensor) -> Tensor:
    """Covariance of two sets of architectures; `logs` has log a, log l and log b of each group."""
    total = torch.zeros(len(one[0]), len(other[0]), dtype=torch.float64)
    for a, b, (height, length, linear) in zip(one, other, logs.exp(), strict=True):
        inner = a @ b.T
        squares = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * inner
        d = (5 * (squares.clamp(min=0) + 1e-12)).sqrt() / length  # the root has no slope at 0
        total = total + height * (1 + d + d * d / 3) * (-d).exp() + linear * inner / a.shape[1]
    return total

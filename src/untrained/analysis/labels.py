"""A few architectures are known, all others are ranked by a model that learns from these."""

from dataclasses import dataclass

import numpy as np

from untrained.analysis.correlations import TOP, Interval, figures, intervals
from untrained.analysis.predictor import features, predict
from untrained.errors import InputError
from untrained.objectives import TabularObjective
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace

DRAWS = 20


@dataclass(frozen=True)
class Predicted:
    """How a ranking predicted from a few labels agrees with the objective, over the architectures without a label.

    Args:
        labels: How many architectures were known.
        draws: How often they were drawn.
        kendall: Kendall's tau-b: its mean over the draws, and the interval that holds 95% of them.
        spearman: Spearman's correlation, likewise.
        ndcg: See `ndcg`, likewise.
        precision: Precision @ T, likewise.
    """

    labels: int
    draws: int
    kendall: Interval
    spearman: Interval
    ndcg: Interval
    precision: Interval


def predicted(
    table: ScoreTable,
    space: SearchSpace,
    objective: TabularObjective,
    labels: int,
    budget: int,
    *,
    draws: int = DRAWS,
    top: int = TOP,
    seed: int = 0,
) -> Predicted:
    """Ranks a pool by its metrics, its encoding and a few labels, and compares the ranking with the objective.

    For each draw, a Gaussian process and random trees (`untrained.analysis.predictor`) learn from the objective of some
    architectures, drawn at random, and rank the others.

    Args:
        table: The scores of n architectures.
        space: Their space, which tells their encoding.
        objective: Knows the value of each; those without one are left out.
        labels: How many architectures are known.
        budget: T of Precision @ T.
        draws: How often.
        top: P of nDCG.
        seed: Decides which architectures, and the trees.

    Returns:
        The agreement over the architectures without a label.

    Raises:
        InputError: A number is out of range.

    Example:
        >>> from pathlib import Path
        >>> import untrained
        >>> _ = Path("mine.csv").write_text("arch,acc,m\\n" + "".join(f"{i},{i},{i}\\n" for i in range(50)))
        >>> objective = untrained.TabularObjective("mine.csv", "acc")
        >>> table = untrained.ScoreTable.load("mine.csv", ["m"])
        >>> space = untrained.ArchitectureList(table.archs)
        >>> predicted(table, space, objective, labels=10, budget=5, draws=2).spearman.low > 0.9
        True
    """
    values = objective.upward(table.archs)
    known = np.flatnonzero(~np.isnan(values))
    if not 1 <= labels <= len(known) - 2:
        raise InputError(f"{labels} labels: give 1 to {len(known) - 2}, so that two architectures are left to rank")
    if not 1 <= budget <= len(known) - labels:
        raise InputError(f"budget {budget}: give 1 to {len(known) - labels}, the architectures without a label")
    if draws < 1:
        raise InputError(f"{draws} draws: give 1 or more")
    groups, found = features(table, space), []
    if not groups:
        raise InputError("neither metrics nor encoding tell the architectures apart: there is nothing to learn from")
    for draw in range(draws):
        taken = np.random.default_rng((seed, draw)).choice(known, labels, replace=False)
        rest = np.setdiff1d(known, taken)
        means = predict(groups, taken, values[taken], seed=draw)
        found.append(figures(means[rest], values[rest], budget, top))
    return Predicted(labels, draws, *intervals(np.mean(found, axis=0).tolist(), found))

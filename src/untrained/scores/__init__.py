"""Scores of a pool of architectures: keeping, scaling."""

from untrained.scores.aggregate import az_nas_aggregate, libra, rank_average
from untrained.scores.scaling import SCALINGS, Scaling
from untrained.scores.table import ScoreTable

__all__ = [
    "SCALINGS",
    "Scaling",
    "ScoreTable",
    "az_nas_aggregate",
    "libra",
    "rank_average",
]

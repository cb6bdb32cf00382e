"""Scores of a pool of architectures: computing, keeping, scaling."""

from untrained.scores.aggregate import az_nas_aggregate, rank_average
from untrained.scores.compute import compute_scores
from untrained.scores.scaling import SCALINGS, Scaling
from untrained.scores.table import ScoreTable, column_names, read_parquet

__all__ = [
    "SCALINGS",
    "Scaling",
    "ScoreTable",
    "az_nas_aggregate",
    "column_names",
    "compute_scores",
    "rank_average",
    "read_parquet",
]

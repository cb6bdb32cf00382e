"""Scores of a pool of architectures: computing, keeping, scaling."""

from untrained.scores.compute import compute_scores
from untrained.scores.scaling import SCALINGS, Scaling
from untrained.scores.table import ScoreTable, column_names, read_parquet

__all__ = ["SCALINGS", "Scaling", "ScoreTable", "column_names", "compute_scores", "read_parquet"]

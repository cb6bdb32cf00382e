"""How well metrics and searches did, if the objective is known for the whole pool."""

from untrained.analysis.bound import Bound, bound
from untrained.analysis.metrics import Agreement, metric_report
from untrained.analysis.phases import Phases, phases
from untrained.analysis.ranks import expected_best_rank, objective_ranks, precision_at, walk

__all__ = [
    "Agreement",
    "Bound",
    "Phases",
    "bound",
    "expected_best_rank",
    "metric_report",
    "objective_ranks",
    "phases",
    "precision_at",
    "walk",
]

"""What can be said of metrics and searches once the objective is known for the whole pool."""

from untrained.analysis.bound import Bound, bound
from untrained.analysis.metrics import MetricReport, metric_report
from untrained.analysis.phases import Phases, phases
from untrained.analysis.ranks import expected_best_rank, objective_ranks, precision_at, walk

__all__ = [
    "Bound",
    "MetricReport",
    "Phases",
    "bound",
    "expected_best_rank",
    "metric_report",
    "objective_ranks",
    "phases",
    "precision_at",
    "walk",
]

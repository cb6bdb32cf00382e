"""Objectives: what a query costs dear to know."""

from untrained.objectives.base import Direction, Evaluation, EvaluationFailed, EvaluationPruned, Objective
from untrained.objectives.tabular import TabularObjective
from untrained.objectives.training import TrainingObjective, accuracy

__all__ = [
    "Direction",
    "Evaluation",
    "EvaluationFailed",
    "EvaluationPruned",
    "Objective",
    "TabularObjective",
    "TrainingObjective",
    "accuracy",
]

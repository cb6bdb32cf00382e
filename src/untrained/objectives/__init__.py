"""Objectives: what a query costs dear to know."""

from untrained.objectives.base import (
    Direction,
    Evaluation,
    EvaluationFailed,
    EvaluationPruned,
    Objective,
    as_evaluation,
)
from untrained.objectives.fitting import Fit
from untrained.objectives.given import as_objective
from untrained.objectives.recipe import Recipe
from untrained.objectives.tabular import TabularObjective
from untrained.objectives.training import TrainingObjective
from untrained.runtime.calling import call_network

__all__ = [
    "Direction",
    "Evaluation",
    "EvaluationFailed",
    "EvaluationPruned",
    "Fit",
    "Objective",
    "Recipe",
    "TabularObjective",
    "TrainingObjective",
    "as_evaluation",
    "as_objective",
    "call_network",
]

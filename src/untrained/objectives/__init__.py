"""Objectives: what a query costs dear to know.

Each name is imported when it is first used: the command line asks for the fields of `Recipe` alone, without torch.
"""

from typing import TYPE_CHECKING

from untrained.runtime.lazy import lazily

if TYPE_CHECKING:
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

__getattr__ = lazily(
    __name__,
    {
        "objectives.base": (
            "Direction",
            "Evaluation",
            "EvaluationFailed",
            "EvaluationPruned",
            "Objective",
            "as_evaluation",
        ),
        "objectives.fitting": ("Fit",),
        "objectives.given": ("as_objective",),
        "objectives.recipe": ("Recipe",),
        "objectives.tabular": ("TabularObjective",),
        "objectives.training": ("TrainingObjective",),
        "runtime.calling": ("call_network",),
    },
)

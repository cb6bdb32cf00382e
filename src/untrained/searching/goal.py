"""What a search is for: the space and the objective, from what its caller gives."""

import os
from typing import Any

from untrained.data import Data, as_data
from untrained.errors import InputError
from untrained.objectives import Direction, Objective, Recipe, TrainingObjective, as_objective
from untrained.objectives.tuning import read_tune
from untrained.spaces import SearchSpace, as_space

BUDGET = 20
"""Queries of a search whose caller does not say how many."""


def goal(
    space: Any,
    objective: Any,
    data: Any,
    recipe: Recipe | None,
    direction: Direction | None,
    tune: Any = None,
) -> tuple[SearchSpace, Objective]:
    """Makes the space and the objective of a search.

    Args:
        space: What `as_space` takes.
        objective: What `as_objective` takes; None for trainings on the data.
        data: What `as_data` takes, or anything that a function of the user's takes as its `data`; None for none.
        recipe: How networks are trained; None for the defaults.
        direction: Which way is better; None for what the objective says.
        tune: What of the recipe is searched for, too; None for nothing.

    Returns:
        The space, which knows the facts of the data, and the objective.

    Raises:
        InputError: Something is missing, cannot be used, or is given twice.
    """
    if objective is None and data is None:
        raise InputError("nothing to search for: give an objective, or data= to train networks on")
    if objective is not None and recipe is not None:
        raise InputError("a recipe and an objective: recipe= is for trainings on data= alone, leave one out")
    if objective is not None and tune is not None:
        raise InputError(
            "tune= and an objective: tune= is for trainings on data= alone; in a function of yours, ask the trial, "
            "as trial.suggest_float('lr', 1e-4, 1e-1, log=True)"
        )
    tuned = read_tune(tune)  # before the data, whose reading may take minutes
    if objective is None:
        found = as_data(data)
        chosen = as_space(space, found.facts)
        way: dict[str, Any] = {} if direction is None else {"direction": direction}
        return chosen, TrainingObjective(chosen, found, recipe, tune=tuned, **way)
    if isinstance(data, str | os.PathLike):
        data = as_data(data)
    chosen = as_space(space, data.facts if isinstance(data, Data) else None)
    return chosen, as_objective(objective, chosen, direction, data)


def budgets(budget: int | None, pool: int, *, is_timed: bool) -> tuple[int, int]:
    """Decides how many queries a search makes at most, and for how many its sampler plans.

    A search that has only a time makes as many as there is time for. How many that are is not known before the first
    one, and a sampler explores the longer the more it plans for: it plans for `BUDGET`.

    Args:
        budget: What the caller says; None for nothing.
        pool: The number of architectures.
        is_timed: Whether the search has a time.

    Returns:
        Both numbers.
    """
    if budget is not None:
        return budget, budget
    planned = min(BUDGET, pool)
    return (pool if is_timed else planned), planned

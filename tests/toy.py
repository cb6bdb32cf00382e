"""A small space and its data, for tests that need trainings or scores in no time."""

from dataclasses import dataclass, fields
from typing import Any

import torch
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from torch import Tensor, nn

from untrained.objectives import Recipe, TrainingObjective
from untrained.spaces import SearchSpace


@dataclass(frozen=True)
class MLPs(SearchSpace):
    """Multi-layer perceptrons on 4 x 4 images: a space of one's own, in the few lines that it takes."""

    num_classes: int = 3

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        return {
            "width": IntDistribution(4, 16, step=4),
            "depth": IntDistribution(1, 3),
            "norm": CategoricalDistribution((True, False)),
        }

    def build(self, arch: str) -> nn.Module:
        params, layers, width = self.to_params(arch), list[nn.Module](), 16
        for _ in range(params["depth"]):
            layers += [
                nn.Linear(width, params["width"]),
                *([nn.BatchNorm1d(params["width"])] * params["norm"]),
                nn.ReLU(),
            ]
            width = params["width"]
        return nn.Sequential(nn.Flatten(), *layers, nn.Linear(width, self.num_classes))


def toy_batch(n: int = 12, seed: int = 0) -> tuple[Tensor, Tensor]:
    """n x 1 x 4 x 4 images whose class (0, 1, 2) shows in their first row."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.arange(n) % 3
    inputs = torch.randn(n, 1, 4, 4, generator=generator)
    inputs[torch.arange(n), 0, 0, targets] += 3
    return inputs, targets


def training_objective(
    space: SearchSpace, train: Any, valid: Any, test: Any = None, **options: Any
) -> TrainingObjective:
    """Trains on these splits, in this process; options that the recipe has are the recipe's."""
    names = {field.name for field in fields(Recipe)}
    splits = {"train": train, "valid": valid} | ({} if test is None else {"test": test})
    recipe = Recipe(**{name: value for name, value in options.items() if name in names})
    objective = TrainingObjective(space, splits, recipe, **{k: v for k, v in options.items() if k not in names})
    objective.apart = False  # starting a process takes seconds
    return objective

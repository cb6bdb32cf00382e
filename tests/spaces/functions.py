"""Functions that are spaces, with the counts that follow from reading them."""

from typing import Any

import torch
from torch import Tensor, nn

from untrained import choice, repeat


def layers(trial: Any, num_classes: int = 3) -> nn.Module:
    """2 + 4 + 8 + 16 = 30 architectures: each layer has one of two widths."""
    parts, width = list[nn.Module]([nn.Flatten()]), 16
    for i in range(trial.suggest_int("depth", 1, 4)):
        given = trial.suggest_categorical(f"width{i}", [8, 16])
        parts += [nn.Linear(width, given), nn.ReLU()]
        width = given
    return nn.Sequential(*parts, nn.Linear(width, num_classes))


def branches(trial: Any, num_classes: int = 3) -> nn.Module:
    """3 kernels x 2 widths of the one kind and 4 + 4 x 2 of the other: 18 architectures."""
    if trial.suggest_categorical("kind", ["conv", "mlp"]) == "conv":
        kernel = trial.suggest_categorical("kernel", [(1, 1), (3, 3), (1, 3)])
        width = trial.suggest_int("channels", 4, 8, step=4)
        body = nn.Sequential(nn.Conv2d(1, width, kernel), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return nn.Sequential(body, nn.Linear(width, num_classes))
    width = trial.suggest_int("width", 1, 4)
    parts = [nn.Flatten(), nn.Linear(16, width)]
    if trial.suggest_categorical("deep", [False, True]):
        parts += [nn.ReLU(), nn.Dropout(trial.suggest_float("drop", 0.1, 0.2, step=0.1)), nn.Linear(width, width)]
    return nn.Sequential(*parts, nn.Linear(width, num_classes))


def large(trial: Any) -> nn.Module:
    """More than can be listed; `unused` changes nothing, `gain` changes the weights alone."""
    trial.suggest_int("unused", 0, 3)
    gain = trial.suggest_categorical("gain", [1.0, 2.0])
    parts = [nn.Flatten(), nn.Linear(16, 8)]
    for i in range(trial.suggest_int("depth", 1, 12)):
        act = trial.suggest_categorical(f"act{i}", ["ReLU", "GELU", "SiLU", "Tanh"])
        parts += [getattr(nn, act)(), nn.Linear(8, 8)]
        if act == "GELU":
            parts.append(nn.Dropout(trial.suggest_float(f"drop{i}", 0, 0.5)))
    last = nn.Linear(8, 3)
    with torch.no_grad():
        last.weight.mul_(gain)
    return nn.Sequential(*parts, last)


class Net(nn.Module):
    """2 x (1 + 2 + 3) x 2 architectures, as an ordinary module."""

    def __init__(self, in_features: int = 16, num_classes: int = 3) -> None:
        super().__init__()
        self.stem = nn.Linear(in_features, 8)
        self.act = choice("act", nn.ReLU(), nn.GELU())
        self.body = repeat("depth", lambda: nn.Sequential(nn.Linear(8, 8), choice("inner", nn.ReLU, nn.Tanh)), 0, 2)
        self.head = nn.Linear(8, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(self.act(self.stem(x.flatten(1)))))

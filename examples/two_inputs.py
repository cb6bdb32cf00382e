"""A network of two inputs, in a space of one's own: a digit's picture, and a number that is added to the digit.

Run: python examples/two_inputs.py [--epochs 5] [--budget 4]
"""

import argparse
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import Dataset

import untrained


class Sums(Dataset[tuple[dict[str, Tensor], Tensor]]):
    """Samples ({"picture": 1 x 8 x 8, "number": 1}, digit + number).

    Args:
        rows: The digits to use.
    """

    def __init__(self, rows: range) -> None:
        digits: Any = load_digits()
        self.pictures = torch.tensor(digits.images[rows], dtype=torch.float32)[:, None] / 16
        self.numbers = torch.randint(10, (len(rows), 1), generator=torch.Generator().manual_seed(rows.start)).float()
        self.sums = torch.tensor(digits.target[rows], dtype=torch.float32)[:, None] + self.numbers

    def __len__(self) -> int:
        return len(self.sums)

    def __getitem__(self, row: int) -> tuple[dict[str, Tensor], Tensor]:
        return {"picture": self.pictures[row], "number": self.numbers[row]}, self.sums[row]


class Adder(nn.Module):
    """Reads a picture, and adds the number to what it saw."""

    def __init__(self, width: int, depth: int, act: type[nn.Module]) -> None:
        super().__init__()
        layers = list[nn.Module]()
        channels = 1
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), act()]
            channels = width
        self.eye = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten())
        self.sum = nn.Sequential(nn.Linear(16 * channels + 1, 64), act(), nn.Linear(64, 1))

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.sum(torch.cat([self.eye(inputs["picture"]), inputs["number"]], 1))


def build(trial) -> nn.Module:
    """The space: a function that makes a network of its decisions."""
    width = trial.suggest_categorical("width", [4, 8, 16, 32])
    act = trial.suggest_categorical("act", ["ReLU", "SiLU"])
    return Adder(width, trial.suggest_int("depth", 1, 4), getattr(nn, act))


def main() -> None:
    """Searches a network, and prints its root mean squared error; always saying the mean gives about 4."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--budget", type=int, default=4)
    options = parser.parse_args()
    data = {"train": Sums(range(1_200)), "valid": Sums(range(1_200, 1_500)), "test": Sums(range(1_500, 1_797))}
    recipe = untrained.Recipe(epochs=options.epochs, optimizer="adamw")
    result = untrained.search(untrained.space(build), data=data, recipe=recipe, budget=options.budget)
    print(f"rmse: valid {result.value:.3f}, {dict(result.reported)}, {result.architecture}")


if __name__ == "__main__":
    main()

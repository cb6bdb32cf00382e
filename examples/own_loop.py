"""A training loop of one's own: `train(network, trial, data)` returns the value that is searched for.

Run: python examples/own_loop.py [--epochs 2] [--budget 4]
"""

import argparse

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

import untrained

EPOCHS = 2


def build(trial, num_classes: int = 10, in_channels: int = 3) -> nn.Module:
    """The space: small convolutional networks. What the data know, as `in_channels`, is given by its name."""
    width = trial.suggest_categorical("width", [8, 16, 32])
    layers, channels = list[nn.Module](), in_channels
    for block in range(trial.suggest_int("blocks", 1, 3)):
        kernel = trial.suggest_categorical(f"kernel{block}", [3, 5])
        layers += [nn.Conv2d(channels, width, kernel, padding=kernel // 2), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * width, num_classes))


def train(network: nn.Module, trial, data) -> float:
    """Trains with RMSprop, tells the pruner how it goes, and returns the accuracy on the validation data."""
    optimizer = torch.optim.RMSprop(network.parameters(), 1e-3)
    value = 0.0
    for epoch in range(EPOCHS):
        network.train()
        for images, labels in DataLoader(data.split("train"), 64, shuffle=True):
            optimizer.zero_grad()
            F.cross_entropy(network(images), labels).backward()
            optimizer.step()
        network.eval()
        right = [
            (network(images).argmax(1) == labels).float() for images, labels in DataLoader(data.split("valid"), 256)
        ]
        value = 100 * torch.cat(right).mean().item()
        trial.report(value, epoch)
    return value


def main() -> None:
    """Searches a network for handwritten digits."""
    global EPOCHS
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--budget", type=int, default=4)
    options = parser.parse_args()
    EPOCHS = options.epochs
    result = untrained.search(build, train, data="digits", budget=options.budget)
    print(f"accuracy: valid {result.value:.1f}, {result.architecture}")


if __name__ == "__main__":
    main()

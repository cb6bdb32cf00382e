"""Which convolutional network reads scikit-learn's digits best, and with which learning rate?"""

from typing import Any

import optuna
import optunahub
import torch
from sklearn.datasets import load_digits
from torch import nn

digits: Any = load_digits()
images = torch.tensor(digits["images"], dtype=torch.float32)[:, None] / 16
labels = torch.tensor(digits["target"])
train, valid = slice(0, 400), slice(400, 600)


def build(trial: optuna.Trial) -> nn.Module:
    layers: list[nn.Module] = []
    channels = 1
    for block in range(trial.suggest_int("blocks", 1, 2)):
        width = trial.suggest_categorical(f"width{block}", [8, 16])
        layers += [nn.Conv2d(channels, width, 3, padding=1)]
        if trial.suggest_categorical(f"norm{block}", [True, False]):
            layers += [nn.BatchNorm2d(width)]
        layers += [nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, 10))


def objective(trial: optuna.Trial) -> float:
    torch.manual_seed(0)
    network = build(trial)
    rate = trial.suggest_float("rate", 1e-3, 1e-1, log=True)
    optimizer = torch.optim.Adam(network.parameters(), rate)
    accuracy = 0.0
    for epoch in range(3):
        for rows in torch.randperm(400).split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(images[train][rows]), labels[train][rows]).backward()
            optimizer.step()
        with torch.no_grad():
            network.eval()
            accuracy = (network(images[valid]).argmax(1) == labels[valid]).float().mean().item()
            network.train()
        trial.report(accuracy, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return accuracy


if __name__ == "__main__":
    module = optunahub.load_module(package="samplers/robot")
    sampler = module.sampler_for(build, (images[train][:16], labels[train][:16]), budget=8)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=optuna.pruners.MedianPruner())
    study.optimize(objective, n_trials=8)
    print(study.best_trial.value, study.best_trial.params)

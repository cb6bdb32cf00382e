"""Does tuning the trainings beside the architecture pay? Real trainings of perceptrons, once for a grid of all.

    python experiments/samplers/tuning.py digits grid-digits.jsonl --budget 12 --seeds 20

First trains the grid, 16 architectures x 7 learning rates over 4 decades x 2 batch sizes (a quarter of an hour of one
core), and keeps it in the file, from where it goes on after a stop. Then lets studies search it: with the recipe's own
hyper-parameters (fixed), with a tenth of its learning rate (low), with random ones, and with those of the sampler,
which begins with the recipe's own (tuned) or with the low ones (tuned from low). Mean ± standard error over seeds of
the validation accuracy of the pick, of its test accuracy, and of the validation accuracy at half of the budget.
"""

import argparse
import json
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split

from untrained import EvaluationFailed, Mixture, Recipe, ScoreTable, Scoring, TrainingObjective
from untrained.spaces import MLPs

RATES = [round(10 ** (-5 + 2 * i / 3), 9) for i in range(7)]
SIZES = [16, 64]
FIXED = {"learning_rate": 0.003, "batch_size": 64}
"""The usual ones for tables."""
LOW = {"learning_rate": 0.0003, "batch_size": 64}
Grid = dict[tuple[str, float, int], tuple[float | None, float | None]]


def splits(name: str) -> tuple[dict[str, Any], MLPs]:
    """40 % to train on, 30 % to choose by, 30 % to test."""
    load: Any = {"digits": load_digits, "cancer": load_breast_cancer}[name]
    split: Any = train_test_split
    x, y = load(return_X_y=True)
    x_train, x_rest, y_train, y_rest = split(x, y, test_size=0.6, random_state=0, stratify=y)
    x_valid, x_test, y_valid, y_test = split(x_rest, y_rest, test_size=0.5, random_state=0, stratify=y_rest)
    mean, std = x_train.mean(0), x_train.std(0) + 1e-6
    parts = {"train": (x_train, y_train), "valid": (x_valid, y_valid), "test": (x_test, y_test)}
    data = {part: (((rows - mean) / std).astype(np.float32), kinds) for part, (rows, kinds) in parts.items()}
    return data, MLPs(num_classes=len(set(y)), in_features=x.shape[1])


def trained(name: str, file: Path) -> tuple[Grid, list[str], MLPs, ScoreTable]:
    """The grid, and the scores of its architectures."""
    data, space = splits(name)
    archs, found = space.pool(16, seed=0), Grid()
    if file.exists():
        for line in file.read_text().splitlines():
            arch, rate, size, value, test = json.loads(line)
            found[arch, rate, size] = value, test
    with file.open("a") as out:
        for rate in RATES:
            for size in SIZES:
                recipe = Recipe(epochs=4, learning_rate=rate, batch_size=size)
                objective = TrainingObjective(space, data, recipe, metrics=["accuracy"])
                for arch in archs:
                    if (arch, rate, size) in found:
                        continue
                    try:
                        made = objective(arch)
                        pair = made.value, objective.report(arch, made.weights)["test_accuracy"]
                    except EvaluationFailed:
                        pair = None, None
                    found[arch, rate, size] = pair
                    out.write(json.dumps([arch, rate, size, *pair]) + "\n")
                    out.flush()
    batch = TrainingObjective(space, data, Recipe(epochs=1)).batch(32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return found, archs, space, Scoring(batch=batch).scores(space, archs)


def searched(how: str, grid: Grid, space: MLPs, table: ScoreTable, budget: int, seed: int) -> Sequence[float]:
    """Validation accuracy of the pick, its test accuracy, and the best validation accuracy at half of the budget."""
    study = optuna.create_study(direction="maximize", sampler=Mixture(table, space, budget=budget, seed=seed))
    rng = np.random.default_rng((seed, 7))
    tests, first = list[float | None](), LOW if "low" in how else FIXED

    def objective(trial: optuna.Trial) -> float:
        arch = space.suggest(trial)
        if how.startswith("tuned"):
            rate = trial.suggest_float("learning_rate", RATES[0], RATES[-1], log=True)
            size = trial.suggest_categorical("batch_size", SIZES)
        elif how == "random" and trial.number:
            rate, size = 10 ** rng.uniform(-5, -1), int(rng.choice(SIZES))
        else:
            rate, size = first["learning_rate"], first["batch_size"]
        near = min(RATES, key=lambda known: abs(math.log(known / rate)))
        value, test = grid[arch, near, int(size)]
        tests.append(test)
        if value is None:
            raise optuna.TrialPruned
        return value

    if how.startswith("tuned"):
        study.enqueue_trial(first)
    study.optimize(objective, n_trials=budget)
    best = study.best_trial
    half = max(trial.value or 0.0 for trial in study.trials[: budget // 2])
    return best.value or 0.0, tests[best.number] or 0.0, half


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("name", choices=["digits", "cancer"])
    parser.add_argument("grid", type=Path)
    parser.add_argument("--budget", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=20)
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    grid, _, space, table = trained(args.name, args.grid)
    print(f"{'':<14} {'valid %':>12} {'test %':>12} {'at half %':>12}")
    for how in ("fixed", "low", "random", "tuned", "tuned from low"):
        rows = np.array([searched(how, grid, space, table, args.budget, seed) for seed in range(args.seeds)])
        cells = zip(rows.mean(0), rows.std(0, ddof=1) / math.sqrt(args.seeds), strict=True)
        print(f"{how:<14} " + " ".join(f"{f'{mean:.2f}±{error:.2f}':>12}" for mean, error in cells), flush=True)


if __name__ == "__main__":
    main()

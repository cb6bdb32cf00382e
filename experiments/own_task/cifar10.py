"""Does a search of few short trainings on real images beat random choice?

For each seed, a search of 8 short trainings on a subset of CIFAR-10 is set beside 8 random architectures that are
trained in the same way: its pick is to beat their median, by validation and by test accuracy.

Run: python experiments/own_task/cifar10.py cifar10_train.parquet [--out cifar10.json]
     python experiments/own_task/cifar10.py FOLDER_OF_CLASS_FOLDERS
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import untrained
from untrained.objectives import as_evaluation
from untrained.spaces import get_space

SEEDS, BUDGET, POOL = 3, 8, 64
MOST_MFLOPS = 15
"""Only networks of so many million multiply-accumulates are drawn: trainings of seconds on one core."""


def main() -> None:
    """Prints, for each seed, the pick of the search beside the random architectures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="a .parquet file or a folder")
    parser.add_argument("--subset", type=int, default=2_000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    data = untrained.load_data(options.data, subset=options.subset)
    space = get_space("resnet", data.facts)
    drawn = [arch for arch in space.pool(2_000) if space.sizes(arch)["flops"] <= MOST_MFLOPS]
    recipe = untrained.Recipe(epochs=options.epochs)
    objective = untrained.TrainingObjective(space, data, recipe)
    known: dict[str, tuple[float, float]] = {}

    def trained(arch: str) -> tuple[float, float]:
        """(valid, test) accuracy."""
        if arch not in known:
            evaluation = as_evaluation(objective(arch), 0.0)
            known[arch] = evaluation.value, objective.report(arch, evaluation.weights)["test_accuracy"]
        return known[arch]

    rows = []
    for seed in range(SEEDS):
        pool = drawn[seed * POOL : (seed + 1) * POOL]
        start = time.perf_counter()
        result = untrained.search(space, objective, budget=BUDGET, pool=pool, seed=seed)
        seconds = time.perf_counter() - start
        others = [trained(arch) for arch in drawn[-(seed + 1) * BUDGET :][:BUDGET]]
        row = {
            "seed": seed,
            "pick": [result.value, result.reported["test_accuracy"]],
            "random": [[round(value, 2) for value in pair] for pair in others],
            "median": [statistics.median(pair[k] for pair in others) for k in (0, 1)],
            "seconds": round(seconds, 1),
            "architecture": result.architecture,
        }
        rows.append(row)
        print(json.dumps(row), flush=True)
        if options.out is not None:
            options.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Classification and regression on tables: scikit-learn's breast cancer, wine and diabetes, as CSV files.

Run: python examples/tables.py [--epochs 20] [--budget 6]
"""

import argparse
import tempfile
from pathlib import Path

from sklearn import datasets

import untrained


def main() -> None:
    """Writes each table as a user would have it, searches a network for it, and prints what it found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--budget", type=int, default=6)
    options = parser.parse_args()
    for name in ("breast_cancer", "wine", "diabetes"):
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / f"{name}.csv"
            getattr(datasets, f"load_{name}")(as_frame=True).frame.to_csv(table, index=False)
            data = untrained.load_data(table, target="target")
            recipe = untrained.Recipe(epochs=options.epochs)
            result = untrained.search("mlp", data=data, recipe=recipe, budget=options.budget, pool=16)
            print(f"{name}: {data.task.kind}, valid {result.value:.3f}, {dict(result.reported)}, {result.architecture}")


if __name__ == "__main__":
    main()

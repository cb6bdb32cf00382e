"""Pictures: which kind of network suits them, residual, mobile or a transformer? Each kind gets the same budget.

Run: python examples/images.py [--data digits] [--spaces resnet,mobilenet,vit] [--epochs 8] [--budget 3]

`--data` is what `untrained search --data` takes: a built-in set, a folder, or a Parquet, .npz or table file.
"""

import argparse

import untrained


def main() -> None:
    """Searches each space, and prints the accuracy of its pick on validation and test images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--spaces", default="resnet,mobilenet,vit")
    parser.add_argument("--subset", type=int, default=1_500, help="images that are used, drawn class by class")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--budget", type=int, default=3)
    options = parser.parse_args()
    data = untrained.load_data(options.data, subset=options.subset)
    recipe = untrained.Recipe(epochs=options.epochs, batch_size=32)
    for space in options.spaces.split(","):
        result = untrained.search(
            space, data=data, recipe=recipe, budget=options.budget, pool=12, where="params <= 1, flops <= 30"
        )
        figures = f"valid {result.value:.1f}, {dict(result.reported)}"
        print(f"{space}: {figures}, {result.sizes['params']:.3f} M parameters, {result.architecture}")


if __name__ == "__main__":
    main()

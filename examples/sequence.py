"""Sequences of tokens: which letter does a text have most often? The texts are made here.

Run: python examples/sequence.py [--epochs 4] [--budget 4]
"""

import argparse

import torch
from torch import Tensor

import untrained

LETTERS = 4


def texts(n: int, seed: int, length: int = 15) -> tuple[Tensor, Tensor]:
    """Makes texts of random letters, without those in which two letters are the most frequent ones.

    Args:
        n: How many.
        seed: Decides which.
        length: Letters of each.

    Returns:
        n x length letters, 0 to 3, and the n most frequent ones.
    """
    rng = torch.Generator().manual_seed(seed)
    letters = torch.randint(LETTERS, (3 * n, length), generator=rng)
    counts = torch.stack([(letters == letter).sum(1) for letter in range(LETTERS)], 1)
    most = counts.max(1, keepdim=True).values
    clear = (counts == most).sum(1) == 1
    return letters[clear][:n], counts.argmax(1)[clear][:n]


def main() -> None:
    """Searches a transformer, and prints the accuracy that it reaches; guessing gives 25 %."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--budget", type=int, default=4)
    options = parser.parse_args()
    data = {"train": texts(1_000, 0), "valid": texts(300, 1), "test": texts(300, 2)}
    recipe = untrained.Recipe(epochs=options.epochs, batch_size=32)
    result = untrained.search("transformer", data=data, recipe=recipe, budget=options.budget, pool=12)
    print(f"accuracy: valid {result.value:.1f}, {dict(result.reported)}, {result.architecture}")


if __name__ == "__main__":
    main()

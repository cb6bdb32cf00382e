"""Sequences of tokens: does a text of brackets close every bracket that it opens? The texts are made here.

Run: python examples/sequence.py [--epochs 5] [--budget 4]
"""

import argparse
import random

import torch
from torch import Tensor

import untrained

OPEN, CLOSE = "([", ")]"
TOKENS = OPEN + CLOSE


def balanced(text: list[str]) -> bool:
    """Tells whether each bracket is closed by its like, the last one opened first."""
    opened = list[str]()
    for letter in text:
        if letter in OPEN:
            opened.append(letter)
        elif not opened or OPEN.index(opened.pop()) != CLOSE.index(letter):
            return False
    return not opened


def texts(n: int, seed: int, length: int = 12) -> tuple[Tensor, Tensor]:
    """Makes texts, one half of them balanced.

    Args:
        n: How many.
        seed: Decides which.
        length: Letters of each.

    Returns:
        n x length tokens, and n labels: 1 for a balanced text.
    """
    rng = random.Random(seed)
    found: dict[bool, list[list[str]]] = {True: [], False: []}
    while min(map(len, found.values())) < n // 2:
        text, opened = list[str](), list[str]()
        for place in range(length):
            must_close = len(opened) == length - place
            if opened and (must_close or rng.random() < 0.5):
                text.append(CLOSE[OPEN.index(opened.pop())])
            else:
                opened.append(rng.choice(OPEN))
                text.append(opened[-1])
        if rng.random() < 0.5:
            text[rng.randrange(length)] = rng.choice(TOKENS)
        found[balanced(text)].append(text)
    chosen = [(text, label) for label in (True, False) for text in found[label][: n // 2]]
    rng.shuffle(chosen)
    tokens = torch.tensor([[TOKENS.index(letter) for letter in text] for text, _ in chosen])
    return tokens, torch.tensor([int(label) for _, label in chosen])


def main() -> None:
    """Searches a transformer, and prints the accuracy that it reaches; guessing gives 50 %."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--budget", type=int, default=4)
    options = parser.parse_args()
    data = {"train": texts(1_000, 0), "valid": texts(300, 1), "test": texts(300, 2)}
    recipe = untrained.Recipe(epochs=options.epochs, batch_size=32)
    result = untrained.search("transformer", data=data, recipe=recipe, budget=options.budget, pool=12)
    print(f"accuracy: valid {result.value:.1f}, {dict(result.reported)}, {result.architecture}")


if __name__ == "__main__":
    main()

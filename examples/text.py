"""Text: which small language model guesses the next letter best? The text is Python's own help.

Run: python examples/text.py [--epochs 4] [--budget 3]
"""

import argparse
from itertools import pairwise
from pydoc_data import topics

import torch
from torch import Tensor

import untrained
from untrained.spaces import GPTs

LENGTH = 64
"""Letters that a network sees at once."""


def sequences(text: str, letters: str) -> tuple[Tensor, Tensor]:
    """Cuts a text into pieces; the targets are the same pieces, one letter further.

    Args:
        text: The text.
        letters: All letters that there are; a letter is known by its place here.

    Returns:
        n x LENGTH letters, and the n x LENGTH letters that follow each.
    """
    places = {letter: place for place, letter in enumerate(letters)}
    tokens = torch.tensor([places[letter] for letter in text])
    n = (len(tokens) - 1) // LENGTH
    return tokens[: n * LENGTH].view(n, LENGTH), tokens[1 : n * LENGTH + 1].view(n, LENGTH)


def main() -> None:
    """Searches a GPT, and prints its perplexity: of how many letters, equally likely, it hesitates between."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=200_000, help="of the text that are used")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--budget", type=int, default=3)
    options = parser.parse_args()
    text = "\n".join(topics.topics.values())[: options.letters]
    letters = "".join(sorted(set(text)))
    ends = [0, int(0.8 * len(text)), int(0.9 * len(text)), len(text)]
    parts = (sequences(text[start:end], letters) for start, end in pairwise(ends))
    data = dict(zip(("train", "valid", "test"), parts, strict=True))
    objective = untrained.TrainingObjective(
        GPTs(vocabulary=len(letters), length=LENGTH),
        data,
        untrained.Recipe(epochs=options.epochs, batch_size=32, learning_rate=0.003),
        metrics=["perplexity", "accuracy"],
    )
    result = untrained.search(objective.space, objective, budget=options.budget, pool=12, where="params <= 0.5")
    print(f"perplexity: valid {result.value:.2f}, {dict(result.reported)}, {result.architecture}")


if __name__ == "__main__":
    main()

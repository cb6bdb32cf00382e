"""How networks are trained."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from untrained.errors import InputError


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. The defaults are those of NAS-Bench-201 (Dong & Yang, ICLR 2020, table 1).

    The paper's learning rate is 0.1, for batches of 256.

    Args:
        epochs: Passes over the training data.
        batch_size: Samples a step.
        learning_rate: At the start; it falls to 0 by a cosine over all steps.
        augment: What is done to training inputs at random: "none" or "flip-crop".

    Raises:
        InputError: A value is out of range.

    Example:
        >>> Recipe(epochs=2).batch_size
        64
    """

    epochs: int = 12
    batch_size: int = 64
    learning_rate: float = 0.025
    augment: str = "none"

    def __post_init__(self) -> None:
        for name, value in (("epochs", self.epochs), ("batch_size", self.batch_size)):
            if not isinstance(value, int) or value < 1:
                raise InputError(f"{name} {value!r}: give a whole number of at least 1")
        if not 0 < self.learning_rate < math.inf:
            raise InputError(f"learning_rate {self.learning_rate}: give a finite number above 0")
        if self.augment not in ("none", "flip-crop"):
            raise InputError(f"augment {self.augment!r}: choose from none, flip-crop")

    def to_json(self) -> dict[str, Any]:
        """The recipe as a JSON object; `Recipe(**document)` makes it again."""
        return asdict(self)

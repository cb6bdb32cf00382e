"""How networks are trained."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from untrained.errors import InputError

OPTIMIZERS = ("sgd", "adamw")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
AUGMENTATIONS = ("flip-crop", "trivial-augment", "cutout", "mixup", "cutmix")
"""In the order in which they are applied."""

BATCH, LEAST, STEPS = 64, 8, 16
"""Samples of a usual batch, and of the smallest one; steps that an epoch should have."""
LEARNING_RATE = {"sgd": 0.025, "adamw": 1e-3}
"""For batches of 64; NAS-Bench-201 has 0.1 for 256, the same per sample."""
TABLE_RATE = 3e-3
WEIGHT_DECAY = {"sgd": 5e-4, "adamw": 0.01}


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. The defaults for convolutional networks are those of NAS-Bench-201.

    These are SGD with Nesterov momentum, a learning rate of 0.1 for batches of 256 that falls by a cosine, and a weight
    decay of 5e-4 (Dong & Yang, ICLR 2020, table 1). Transformers, tables and sequences are trained by AdamW.

    Args:
        epochs: Passes over the training data.
        batch_size: Samples a step. None takes 64; AdamW takes fewer of a small data set, 8 at least, so that an epoch
            has 16 steps.
        optimizer: "sgd", "adamw", or "auto": SGD for convolutional networks without attention, AdamW for all others.
        learning_rate: The highest. None takes 0.025 for SGD, in proportion to batches of 64; and 0.001 for AdamW, 0.003
            for tables, more with the square root of batches above 64.
        weight_decay: None takes 5e-4 for SGD and 0.01 for AdamW, which spares norms and biases.
        momentum: Of SGD (Nesterov's), and the first beta of AdamW.
        warmup: Epochs, also a fraction of one, in which the learning rate rises from 0, before it falls by a cosine.
        label_smoothing: Of cross entropy: the part of a target that goes to all classes alike.
        clip: The largest norm of a step's gradient; None for any.
        ema: Decay of an average of the weights over the steps, such as 0.999. If given, the averaged weights are
            measured and kept. The decay of step t is at most (1 + t) / (10 + t).
        precision: "float32", "bfloat16", "float16" (CUDA only), or "auto": bfloat16 on CUDA if it has it, else float32.
        compile: Trains through `torch.compile`, which takes its time once for each network.
        augment: What is done to training images at random: "none", or some of "flip-crop", "trivial-augment", "cutout",
            "mixup", "cutmix", separated by commas.

    Raises:
        InputError: A value is out of range.

    Example:
        >>> Recipe(epochs=2, augment="mixup,flip-crop").augmentations
        ('flip-crop', 'mixup')
    """

    epochs: int = 12
    batch_size: int | None = None
    optimizer: str = "auto"
    learning_rate: float | None = None
    weight_decay: float | None = None
    momentum: float = 0.9
    warmup: float = 0.0
    label_smoothing: float = 0.0
    clip: float | None = None
    ema: float | None = None
    precision: str = "auto"
    compile: bool = False
    augment: str = "none"

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            if value is None and name == "batch_size":
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InputError(f"{name} {value!r}: give a whole number of at least 1")
        _one_of("optimizer", self.optimizer, ("auto", *OPTIMIZERS))
        _one_of("precision", self.precision, PRECISIONS)
        _number("learning_rate", self.learning_rate, "a finite number above 0", lambda x: 0 < x < math.inf)
        _number("weight_decay", self.weight_decay, "a finite number, 0 for none", lambda x: 0 <= x < math.inf)
        _number("momentum", self.momentum, "a number from 0, below 1", lambda x: 0 <= x < 1)
        _number("label_smoothing", self.label_smoothing, "a number from 0, below 1", lambda x: 0 <= x < 1)
        _number("clip", self.clip, "a finite number above 0", lambda x: 0 < x < math.inf)
        _number("ema", self.ema, "a decay between 0 and 1, such as 0.999", lambda x: 0 < x < 1)
        _number("warmup", self.warmup, f"less than the {self.epochs} epochs", lambda x: 0 <= x < self.epochs)
        if not isinstance(self.compile, bool):
            raise InputError(f"compile {self.compile!r}: give True or False")
        object.__setattr__(self, "augment", ",".join(_augmentations(self.augment)) or "none")

    @property
    def augmentations(self) -> tuple[str, ...]:
        """The names in `augment`, in the order in which they are applied."""
        return _augmentations(self.augment)

    def resolved(self, optimizer: str, precision: str, samples: int, *, table: bool = False) -> "Recipe":
        """The recipe with nothing left open.

        Args:
            optimizer: What "auto" stands for.
            precision: Likewise.
            samples: Of the training data.
            table: Whether these are rows of a table.

        Example:
            >>> Recipe(batch_size=128).resolved("sgd", "float32", 5_000).learning_rate
            0.05
        """
        optimizer = optimizer if self.optimizer == "auto" else self.optimizer
        size, rate, decay = self.batch_size, self.learning_rate, self.weight_decay
        if size is None:
            size = BATCH if optimizer == "sgd" else min(max(2 ** int(math.log2(max(samples / STEPS, 1))), LEAST), BATCH)
        if rate is None:
            usual = TABLE_RATE if table and optimizer == "adamw" else LEARNING_RATE[optimizer]
            rate = usual * (size / BATCH if optimizer == "sgd" else math.sqrt(max(size / BATCH, 1)))
        return replace(
            self,
            batch_size=size,
            optimizer=optimizer,
            learning_rate=rate,
            weight_decay=WEIGHT_DECAY[optimizer] if decay is None else decay,
            precision=precision if self.precision == "auto" else self.precision,
        )

    def to_json(self) -> dict[str, Any]:
        """The recipe as a JSON object."""
        return asdict(self)

    @property
    def chosen(self) -> dict[str, Any]:
        """The fields that are not as they are by default."""
        return {own.name: value for own in fields(self) if (value := getattr(self, own.name)) != own.default}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Recipe":
        """Makes a recipe again.

        Args:
            document: What `to_json` gave; the identity of a `TrainingObjective` will do. Other keys are passed over.

        Example:
            >>> Recipe.from_json(Recipe(clip=1.0).to_json()) == Recipe(clip=1.0)
            True
        """
        return cls(**{field.name: document[field.name] for field in fields(cls) if field.name in document})


def _one_of(name: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise InputError(f"{name} {value!r}: choose from {', '.join(choices)}")


def _number(name: str, value: Any, right: str, fits: Any) -> None:
    if value is None and name in ("learning_rate", "weight_decay", "clip", "ema"):
        return
    if not isinstance(value, int | float) or isinstance(value, bool) or not fits(value):
        shown = value if isinstance(value, float) else repr(value)
        raise InputError(f"{name} {shown}: give {right}")


def _augmentations(given: Any) -> tuple[str, ...]:
    names = [word.strip() for word in given.split(",")] if isinstance(given, str) else list(given)
    for name in names:
        if name not in ("none", *AUGMENTATIONS):
            raise InputError(f"augment {name!r}: choose from none, {', '.join(AUGMENTATIONS)}")
    if {"mixup", "cutmix"} <= set(names):
        raise InputError("augment 'mixup,cutmix': give one of the two, both mix pairs of images")
    return tuple(name for name in AUGMENTATIONS if name in names)

"""What a data set asks of a network: how many outputs, and what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from untrained.errors import InputError

Kind = Literal["classification", "multi-label", "regression", "segmentation", "several", "other"]


@dataclass(frozen=True)
class Task:
    """What is to be predicted.

    Args:
        kind: One of

            - "classification": one of K classes; a target is its number;
            - "multi-label": any of K classes; a target is K zeros and ones;
            - "regression": numbers; a target is one float or several;
            - "segmentation": a class at each position; a target is h x w class numbers;
            - "several": one target for each of `heads`, in a dict or a tuple, as the network's outputs are;
            - "other": anything else. Loss and metric must be given.
        outputs: How many numbers a network gives for a sample (at each position); None if that is not known.
        classes: The names of the K classes; empty for their numbers.
        heads: Name -> task, of "several".

    Raises:
        InputError: There is no such kind.

    Example:
        >>> Task("classification", 2, ("cat", "dog")).called(1)
        'dog'
    """

    kind: Kind
    outputs: int | None = None
    classes: tuple[str, ...] = ()
    heads: Mapping[str, "Task"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise InputError(f"unknown task {self.kind!r}: choose from {', '.join(get_args(Kind))}")

    def called(self, number: int) -> str:
        """The name of a class.

        Args:
            number: 0 to K - 1.
        """
        return self.classes[number] if self.classes else str(number)

    def to_json(self) -> dict[str, Any]:
        """The task as a JSON object, which `from_json` reads."""
        return {
            "kind": self.kind,
            "outputs": self.outputs,
            "classes": list(self.classes),
            "heads": {name: head.to_json() for name, head in self.heads.items()},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Task":
        """Makes a task again.

        Args:
            document: What `to_json` gave.

        Example:
            >>> Task.from_json(Task("regression", 1).to_json()) == Task("regression", 1)
            True
        """
        heads = {name: cls.from_json(head) for name, head in document["heads"].items()}
        return cls(document["kind"], document["outputs"], tuple(document["classes"]), heads)

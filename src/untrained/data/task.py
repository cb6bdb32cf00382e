"""What a data set asks of a network: how many outputs, and what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

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
        mean: Of regression, if networks learn targets that are standardised: the mean of each of the `outputs` targets
            over the training samples. Targets of samples as they were read, and the values of a search, are in their
            own units all the same.
        std: Their standard deviations likewise.

    Raises:
        InputError: There is no such kind, or the means and standard deviations do not fit.

    Example:
        >>> Task("classification", 2, ("cat", "dog")).called(1)
        'dog'
    """

    kind: Kind
    outputs: int | None = None
    classes: tuple[str, ...] = ()
    heads: Mapping[str, "Task"] = field(default_factory=dict)
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise InputError(f"unknown task {self.kind!r}: choose from {', '.join(get_args(Kind))}")
        if self.mean or self.std:
            if self.kind != "regression" or not len(self.mean) == len(self.std) == self.outputs:
                raise InputError(
                    f"mean {list(self.mean)} and std {list(self.std)} of a task: give as many of each as a regression "
                    f"has outputs ({self.outputs})"
                )
            if not min(self.std) > 0:
                raise InputError(f"std {list(self.std)} of a task: give numbers above 0")

    def called(self, number: int) -> str:
        """The name of a class.

        Args:
            number: 0 to K - 1.
        """
        return self.classes[number] if self.classes else str(number)

    def scaled(self, targets: Any) -> Any:
        """Targets in their own units -> targets as a network learns them.

        Args:
            targets: n, or n x outputs; of several heads, a dict or a tuple of such.

        Example:
            >>> Task("regression", 1, mean=(10.0,), std=(2.0,)).scaled(torch.tensor([[12.0], [8.0]])).tolist()
            [[1.0], [-1.0]]
        """
        if self.mean:
            mean, std = (torch.tensor(n).squeeze().to(targets) for n in (self.mean, self.std))
            return (targets - mean) / std
        if self.heads and isinstance(targets, Mapping):
            return {n: self.heads[n].scaled(part) if n in self.heads else part for n, part in targets.items()}
        if self.heads and isinstance(targets, tuple | list):
            return tuple(head.scaled(part) for head, part in zip(self.heads.values(), targets, strict=True))
        return targets

    def restored(self, outputs: Any) -> Any:
        """Outputs of a network -> outputs in the units of the targets: what metrics, predictions and exports have.

        Args:
            outputs: n x outputs; of several heads, a dict or a tuple of such.

        Example:
            >>> Task("regression", 1, mean=(10.0,), std=(2.0,)).restored(torch.tensor([[1.0], [-1.0]])).tolist()
            [[12.0], [8.0]]
        """
        device = next((leaf.device for leaf in pytree.tree_leaves(outputs) if isinstance(leaf, Tensor)), None)
        return self.module().to(device)(outputs)

    def module(self) -> nn.Module:
        """`restored` as a module without parameters: the last part of a network that a user takes home."""
        return Restore(self)

    def to_json(self) -> dict[str, Any]:
        """The task as a JSON object, which `from_json` reads."""
        return {
            "kind": self.kind,
            "outputs": self.outputs,
            "classes": list(self.classes),
            "heads": {name: head.to_json() for name, head in self.heads.items()},
            "mean": list(self.mean),
            "std": list(self.std),
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
        mean, std = tuple(document.get("mean", ())), tuple(document.get("std", ()))
        return cls(document["kind"], document["outputs"], tuple(document["classes"]), heads, mean, std)


class Restore(nn.Module):
    """The module of `Task.module`: outputs of a network -> outputs in the units of the targets.

    Args:
        task: What is predicted.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.names = list(task.heads)
        self.heads = nn.ModuleList(Restore(head) for head in task.heads.values())
        self.scales = bool(task.mean)
        self.register_buffer("mean", torch.tensor(task.mean), persistent=False)
        self.register_buffer("std", torch.tensor(task.std), persistent=False)

    def forward(self, outputs: Any) -> Any:
        if self.scales:
            return outputs * self.std + self.mean
        if self.names and isinstance(outputs, Mapping):
            heads = dict(zip(self.names, self.heads, strict=True))
            return {name: heads[name](part) if name in heads else part for name, part in outputs.items()}
        if self.names and isinstance(outputs, tuple | list):
            return tuple(head(part) for head, part in zip(self.heads, outputs, strict=True))
        return outputs

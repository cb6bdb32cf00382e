"""What is done to a raw batch before a network sees it: part of the network that a user takes home."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from untrained.errors import InputError

PREPARATIONS: dict[str, type["Preparation"]] = {}
"""Kind -> class, of all that were imported: `untrained.data` imports those that come with this package."""


class Preparation(ABC):
    """How raw inputs become inputs of a network.

    A subclass is a frozen dataclass of JSON values. Training, prediction and export all use its `module`.

    Attributes:
        kind: The name under which `from_json` finds the subclass.
    """

    kind: ClassVar[str]

    def __init_subclass__(cls, **options: Any) -> None:
        """Lets `preparation_of` find the subclass by its kind."""
        super().__init_subclass__(**options)
        PREPARATIONS[cls.kind] = cls

    @abstractmethod
    def module(self) -> nn.Module:
        """A module without parameters: a raw batch -> inputs of the network."""

    def read(self, paths: Sequence[Path]) -> Any:
        """Reads raw inputs from files.

        Args:
            paths: n files.

        Returns:
            A raw batch.

        Raises:
            InputError: A file cannot be read, or inputs of this kind do not come as files.
        """
        raise InputError(f"inputs of this search do not come as files: give tensors, not {str(paths[0])!r}")

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The preparation as a JSON object with its `kind`."""

    @classmethod
    @abstractmethod
    def of_json(cls, document: Mapping[str, Any]) -> "Preparation":
        """Makes a preparation of this kind again from what `to_json` gave."""


@dataclass(frozen=True)
class AsIs(Preparation):
    """Nothing is done: samples are inputs of the network already.

    Example:
        >>> AsIs().module()(torch.ones(2)).sum()
        tensor(2.)
    """

    kind = "as-is"

    def module(self) -> nn.Module:
        return nn.Identity()

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind}

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> "AsIs":
        return cls()


@dataclass(frozen=True)
class Normalisation(Preparation):
    """Pixels minus their mean, divided by their standard deviation.

    Args:
        mean: Of each of the c channels, over the training images.
        std: Likewise.

    Example:
        >>> Normalisation((1.0,), (2.0,)).module()(torch.full((1, 1, 1, 2), 5, dtype=torch.uint8))
        tensor([[[[2., 2.]]]])
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    kind = "normalisation"

    def module(self) -> nn.Module:
        return Normalise(torch.tensor(self.mean), torch.tensor(self.std))

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> "Normalisation":
        return cls(tuple(document["mean"]), tuple(document["std"]))


class Normalise(nn.Module):
    """The module of `Normalisation`: n x c x h x w pixels -> n x c x h x w floats.

    Args:
        mean: c numbers.
        std: c numbers.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean[:, None, None], persistent=False)
        self.register_buffer("std", std[:, None, None], persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        return (pixels.float() - self.mean) / self.std


def preparation_of(document: Mapping[str, Any]) -> Preparation:
    """Makes a preparation again.

    Args:
        document: What its `to_json` gave.

    Returns:
        The preparation.

    Raises:
        InputError: There is no such kind: a later version wrote it.

    Example:
        >>> preparation_of(Normalisation((0.5,), (0.25,)).to_json())
        Normalisation(mean=(0.5,), std=(0.25,))
    """
    kind = document.get("kind")
    if kind not in PREPARATIONS:
        raise InputError(f"unknown preparation {kind!r} of the data: this version knows {', '.join(PREPARATIONS)}")
    return PREPARATIONS[kind].of_json(document)

"""What goes into a network and what comes out of it: what must be known of the data to use the network without them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from untrained.data import Data, Task
from untrained.data.preparation import AsIs, Preparation, preparation_of
from untrained.data.prepared import stacked
from untrained.errors import InputError
from untrained.runtime.seeding import seeded

OTHER, AS_IT_IS = Task("other"), AsIs()


@dataclass(frozen=True)
class Interface:
    """How a network is used.

    Args:
        task: What its outputs mean.
        preparation: What makes its inputs of raw ones.
        inputs: What one raw input is, as `describe` says it; None if that is not known.

    Example:
        >>> from untrained import load_data
        >>> Interface.of(load_data("digits")).inputs
        {'dtype': 'uint8', 'shape': [1, 8, 8]}
    """

    task: Task = OTHER
    preparation: Preparation = AS_IT_IS
    inputs: Any = None

    @classmethod
    def of(cls, data: Data | None, example: Any = None) -> "Interface":
        """Takes from data what a network's user must know.

        Args:
            data: The data that the network is trained on; None if there are none.
            example: A batch of prepared inputs, if there are no data.
        """
        if data is not None:
            with seeded(0):
                raw, _ = data.raw("train")[0]  # type: ignore[index] - every data set has this split
            return cls(data.task, data.preparation, describe(stacked([raw])))
        return cls(inputs=None if example is None else describe(example))

    def to_json(self) -> dict[str, Any]:
        """The interface as a JSON object, which `from_json` reads."""
        return {"task": self.task.to_json(), "preparation": self.preparation.to_json(), "inputs": self.inputs}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Interface":
        """Makes an interface again; one that an earlier version wrote without any is that of inputs as they are.

        Args:
            document: What `to_json` gave.
        """
        if "task" not in document:
            return cls()
        return cls(Task.from_json(document["task"]), preparation_of(document["preparation"]), document["inputs"])


def describe(batch: Any) -> Any:
    """Describes raw inputs (JSON).

    Args:
        batch: A tensor, or tuples, lists and dictionaries of tensors, n x ... each.

    Returns:
        Of a tensor its dtype, its shape without n and, of whole numbers that are no pixels, the largest; of several
        `{"items": [...]}` or `{"fields": {...}}`.

    Example:
        >>> describe((torch.zeros(5, 3), torch.tensor([[7, 2]])))
        {'items': [{'dtype': 'float32', 'shape': [3]}, {'dtype': 'int64', 'shape': [2], 'largest': 7}]}
    """
    if isinstance(batch, Mapping):
        return {"fields": {str(name): describe(part) for name, part in batch.items()}}
    if isinstance(batch, tuple | list):
        return {"items": [describe(part) for part in batch]}
    if not isinstance(batch, Tensor):
        return {"other": type(batch).__name__}
    described = {"dtype": str(batch.dtype).removeprefix("torch."), "shape": list(batch.shape[1:])}
    return described | ({"largest": int(batch.max())} if batch.dtype in WHOLE and batch.numel() else {})


WHOLE = (torch.int64, torch.int32, torch.int16)


def example_of(inputs: Any, n: int = 4) -> Any:
    """Makes random raw inputs of the same form as the real ones, the same ones each time.

    Args:
        inputs: What `describe` gave.
        n: How many.

    Returns:
        A batch: pixels from 0 to 255, whole numbers up to the largest one described, other numbers from a normal
        distribution.

    Raises:
        InputError: The inputs are not described.

    Example:
        >>> example_of({"dtype": "uint8", "shape": [1, 8, 8]}, n=2).shape
        torch.Size([2, 1, 8, 8])
    """
    return _example(inputs, n, torch.Generator().manual_seed(0))


def _example(inputs: Any, n: int, generator: torch.Generator) -> Any:
    match inputs:
        case {"fields": fields}:
            return {name: _example(part, n, generator) for name, part in fields.items()}
        case {"items": items}:
            return tuple(_example(part, n, generator) for part in items)
        case {"dtype": str(name), "shape": [*sizes]} if isinstance(getattr(torch, name, None), torch.dtype):
            dtype, shape = getattr(torch, name), (n, *sizes)
            if dtype.is_floating_point:
                return torch.randn(shape, generator=generator).to(dtype)
            largest = 255 if dtype == torch.uint8 else 1 if dtype == torch.bool else int(inputs.get("largest", 0))
            return torch.randint(largest + 1, shape, generator=generator).to(dtype)
    raise InputError("the search does not say what its networks take: give an example batch")


UNKNOWN = Interface()
"""Of a search without data."""

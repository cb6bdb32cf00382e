"""A data set whose samples are made ready for a network when they are asked for."""

from functools import cached_property
from typing import Any, cast

from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils.data import Dataset, TensorDataset

from untrained.data.preparation import Preparation
from untrained.data.task import Task


class Prepared(Dataset[tuple[Any, Any]]):
    """Prepared samples: pairs (input of the network, target as it is learnt).

    Args:
        raw: The samples as they were read: pairs (raw input, target).
        preparation: What makes inputs of raw batches.
        task: What is predicted: tells how targets are scaled for a network to learn.

    Example:
        >>> from untrained.data.preparation import Normalisation
        >>> pixels = torch.ones(3, 1, 2, 2, dtype=torch.uint8)
        >>> samples = Prepared(TensorDataset(pixels, torch.tensor([0, 1, 0])), Normalisation((1.0,), (1.0,)))
        >>> len(samples), samples[1][0].sum(), samples[[0, 2]][1]
        (3, tensor(0.), tensor([0, 0]))
    """

    def __init__(self, raw: Dataset[Any], preparation: Preparation, task: Task | None = None) -> None:
        self.raw = raw
        self.preparation = preparation
        self.task = task

    @cached_property
    def _module(self) -> nn.Module:
        return self.preparation.module()

    def __len__(self) -> int:
        return len(cast(Any, self.raw))

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        """One sample by its number; of data in memory, a batch by a list of numbers."""
        inputs, targets = self.raw[index]
        targets = targets if self.task is None else self.task.scaled(targets)
        if not isinstance(index, int):
            return self._module(inputs), targets
        one = pytree.tree_map_only(Tensor, lambda t: t[None], inputs)
        return pytree.tree_map_only(Tensor, lambda t: t[0], self._module(one)), targets

    def batch(self, places: list[int]) -> tuple[Any, Any]:
        """Some of the samples as a batch, by the data set's own `collate_fn` if it has one.

        Args:
            places: Their numbers.
        """
        if in_memory(self):
            return self[places]
        collate = getattr(self.raw, "collate_fn", None) or stacked
        inputs, targets = collate([self.raw[place] for place in places])
        return self._module(inputs), targets if self.task is None else self.task.scaled(targets)


def in_memory(data: Dataset[Any]) -> bool:
    """Tells whether a data set can be indexed by a whole batch at once."""
    return isinstance(data.raw if isinstance(data, Prepared) else data, TensorDataset)


def stacked(samples: list[Any]) -> Any:
    """Makes a batch of samples.

    Args:
        samples: n samples: tensors, numbers, or tuples, lists and dicts of these.

    Returns:
        The same structure with n x ... tensors.

    Example:
        >>> stacked([(torch.zeros(2), 1), (torch.ones(2), 0)])[1]
        tensor([1, 0])
    """
    from torch.utils.data import default_collate

    return default_collate(samples)

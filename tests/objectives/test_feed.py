"""Batches on their way into a network."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from untrained.data.decoded import Decoded, Loaded
from untrained.errors import InputError
from untrained.objectives.feed import Feed, together
from untrained.runtime.seeding import seeded

CPU = torch.device("cpu")
INPUTS, TARGETS = torch.arange(20).view(10, 2), torch.arange(10)
IN_MEMORY = TensorDataset(INPUTS, TARGETS)


def pixels(rows: Any) -> Tensor:
    return torch.from_numpy(rows).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).to(torch.uint8)


DECODED = Decoded(pixels, np.arange(10), torch.from_numpy)
LOADED = Loaded(Decoded(pixels, np.arange(10), torch.from_numpy))


class Own(Dataset[Any]):
    """A data set of one's own that draws a random number for each sample."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> Any:
        return torch.rand(1) + index, index


class Texts(Dataset[Any]):
    """Samples of different lengths, which only their own function puts together."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return torch.ones(index + 1), index

    def collate_fn(self, samples: list[Any]) -> Any:
        texts, targets = zip(*samples, strict=True)
        return torch.nn.utils.rnn.pad_sequence(list(texts), batch_first=True), torch.tensor(targets)


def order(data: Dataset[Any], seed: int = 0, **options: Any) -> list[list[int]]:
    with seeded(seed):
        return [targets.tolist() for _, targets in Feed(data, 3, CPU, **options).batches(shuffle=True)]


@pytest.mark.parametrize(
    ("data", "workers"),
    [(IN_MEMORY, None), (LOADED, None), (DECODED, 0), (DECODED, 2), (Own(), None)],
    ids=["in memory", "decoded once", "decoded here", "decoded by two", "own"],
)
def test_the_order_is_that_of_a_loader_of_pytorch(data: Dataset[Any], workers: int | None) -> None:
    """A last batch of one sample is left out."""
    found = order(data, workers=workers)
    with seeded(0):
        torch.empty((), dtype=torch.int64).random_()  # a loader's own
        drawn = [batch.tolist() for batch in torch.tensor(list(torch.utils.data.RandomSampler(range(10)))).split(3)]
    assert found == drawn[:3]
    assert order(data, seed=1, workers=workers) != found


def test_workers_read_the_same_and_random_numbers_are_the_seeds() -> None:
    def read(workers: int) -> list[Tensor]:
        with seeded(5):
            return [inputs for inputs, _ in Feed(Own(), 4, CPU, workers).batches(shuffle=True)]

    for workers in (0, 2):
        first, again = read(workers), read(workers)
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    with seeded(5):
        decoded = [inputs for inputs, _ in Feed(DECODED, 4, CPU, 2).batches(shuffle=False)]
    assert torch.equal(torch.cat(decoded), pixels(np.arange(10)))


def test_a_function_of_the_data_set_puts_samples_together() -> None:
    ((texts, targets),) = Feed(Texts(), 4, CPU).batches(shuffle=False)
    assert (tuple(texts.shape), targets.tolist()) == ((4, 4), [0, 1, 2, 3])
    both = together(Texts(), Texts())
    ((texts, targets),) = Feed(both, 8, CPU).batches(shuffle=False)
    assert targets.tolist() == [0, 1, 2, 3] * 2


def test_two_splits_are_one() -> None:
    both = together(IN_MEMORY, IN_MEMORY)
    assert isinstance(both, TensorDataset)
    assert len(both) == 20
    for data in (DECODED, LOADED):
        ((_, targets),) = Feed(together(data, data), 20, CPU, 0).batches(shuffle=False)
        assert targets.tolist() == [*range(10), *range(10)]
    assert isinstance(together(DECODED, DECODED), Decoded)


def test_targets_are_looked_at_before_they_are_used() -> None:
    def check(targets: Tensor, numbers: Tensor) -> None:
        if (targets == 7).any():
            raise InputError(f"sample {int(numbers[targets == 7][0])}")

    with pytest.raises(InputError, match="sample 7"):
        Feed(IN_MEMORY, 3, CPU, 0, check).check_all()
    for data in (Own(), DECODED, LOADED):
        feed = Feed(data, 3, CPU, 0, check)
        feed.check_all()  # these would all have to be read
        with pytest.raises(InputError, match="sample 7"):
            list(feed.batches(shuffle=False))

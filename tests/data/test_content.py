"""One data set is told from another by what it holds."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, Subset, TensorDataset

from untrained.data import as_data, load_data
from untrained.data.content import SPREAD, content_of
from untrained.runtime.identity import UNREADABLE


class Own(Dataset[Any]):
    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> Any:
        return self.values[index]


class Noisy(Own):
    def __getitem__(self, index: int) -> Any:
        return self.values[index], torch.rand(1), np.random.rand(), random.random()


class Unseeded(Own):
    def __getitem__(self, index: int) -> Any:
        return self.values[index], np.random.default_rng().random()


def test_equal_content_is_equal_whoever_holds_it() -> None:
    assert content_of(Own([(1.0, 2), (3.0, 4)])) == content_of(Own([(1.0, 2), (3.0, 4)]))
    assert content_of(Noisy([1, 2])) == content_of(Noisy([1, 2]))  # drawn from streams that are seeded
    pairs = [TensorDataset(torch.arange(6.0), torch.arange(6)) for _ in range(2)]
    assert content_of(pairs[0]) == content_of(pairs[1])


class Labelled(Own):
    def __init__(self, values: list[Any]) -> None:
        super().__init__(values)
        self.targets = [label for _, label in values]


@pytest.mark.parametrize("make", [list, Labelled], ids=["a list", "targets in memory"])
def test_each_label_that_is_in_memory_counts(make: Any) -> None:
    fingerprints = set[str]()
    for changed in (None, *range(5)):  # of 1,000 samples, which are more than those that are looked at
        pairs = [(torch.tensor([float(i)]), i % 2) for i in range(1000)]
        if changed is not None:
            pairs[changed] = (pairs[changed][0], 1 - pairs[changed][1])
        fingerprints.add(
            str(as_data({"train": make(pairs), "valid": make(pairs[900:])}, task="classification").fingerprint)
        )
    assert len(fingerprints) == 6


@pytest.mark.parametrize("row", [0, 17, SPREAD - 1])
def test_a_changed_sample_changes_it(row: int) -> None:
    values = [(float(i), {"label": i % 3}) for i in range(SPREAD)]
    changed = [*values]
    changed[row] = (values[row][0], {"label": 7})
    assert content_of(Own(values)) != content_of(Own(changed))


def test_one_number_of_a_large_tensor_changes_it() -> None:
    x, y = torch.zeros(1_000, 3), torch.zeros(1_000)
    before = content_of(TensorDataset(x, y))
    x[501, 2] = 1e-30
    assert content_of(TensorDataset(x, y)) != before


def test_length_type_and_nesting_count() -> None:
    kinds = [[1, 2], [1, 2, 2], [1.0, 2.0], ["1", "2"], [(1,), (2,)], [{"a": 1}, {"a": 2}], [{"b": 1}, {"b": 2}]]
    assert len({repr(content_of(Own(values))) for values in kinds}) == len(kinds)


def test_a_subset_is_known_by_its_indices() -> None:
    whole = Own([0] * 500)  # every sample is the same
    assert content_of(Subset(whole, range(200))) == content_of(Subset(whole, list(range(200))))
    assert content_of(Subset(whole, range(200))) != content_of(Subset(whole, range(1, 201)))


def test_what_cannot_be_compared_says_so() -> None:
    assert content_of(Unseeded([1, 2])) == UNREADABLE
    assert content_of(Own([object(), object()])) == UNREADABLE


def test_images_by_all_of_their_pixels() -> None:
    images = load_data("digits").split("valid")
    before = content_of(images)
    images.raw.tensors[0][200, 0, 3, 3] += 1  # pyright: ignore[reportAttributeAccessIssue]
    assert content_of(images) != before

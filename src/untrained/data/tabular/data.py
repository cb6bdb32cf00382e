"""A table as data: rows that are prepared on their way to a network."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from untrained.data.base import Data
from untrained.data.source import Rows as Places
from untrained.data.source import hash_of
from untrained.data.tabular.preparation import TablePreparation
from untrained.data.tabular.target import Target
from untrained.data.task import Task


@dataclass(frozen=True, eq=False)
class TableData(Data):
    """A table, each row a sample.

    Args:
        name: What messages and studies call it.
        inputs: n x columns float32: numbers, NaN if missing, and places of categories.
        target: What is to be predicted in each of the n rows.
        splits: The rows of "train", "valid" and "test".
        fitted: What makes inputs of a network of `inputs`.

    Example:
        >>> from untrained import load_data
        >>> data = load_data("wine")
        >>> data.task.kind, data.facts, data.preparation.columns[0].name
        ('classification', {'num_classes': 3, 'in_features': 13}, 'alcohol')
    """

    name: str
    inputs: Tensor
    target: Target
    splits: Mapping[str, Places]
    fitted: TablePreparation

    samples = "rows"

    @cached_property
    def task(self) -> Task:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Classification, multi-label or regression; of a regression with mean and standard deviation."""
        task = self.target.task
        if task.kind != "regression":
            return task
        train = self.target.values[self.splits["train"]].astype(float)
        std = train.std(0)
        return replace(task, mean=tuple(train.mean(0).tolist()), std=tuple(np.where(std > 0, std, 1.0).tolist()))

    @property
    def preparation(self) -> TablePreparation:
        """Filling in, standardising and encoding, fitted on the training rows."""
        return self.fitted

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that stand for all rows, targets, classes and splits."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        rows = [part for name in sorted(self.splits) for part in (name, self.splits[name].tobytes())]
        columns = repr(self.preparation.to_json())
        targets = self.target.values.tobytes()
        return hash_of(columns, self.inputs.numpy().tobytes(), targets, "\n".join(self.target.task.classes), *rows)

    @cached_property
    def _raw(self) -> dict[str, TensorDataset]:
        targets = torch.from_numpy(self.target.values)
        return {name: TensorDataset(self.inputs[rows], targets[rows]) for name, rows in self.splits.items()}

    def raw(self, name: str) -> Dataset[Any] | None:
        return self._raw.get(name)

    def rows(self) -> Mapping[str, Places]:
        return self.splits

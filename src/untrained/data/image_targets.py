"""What is to be predicted of each image, checked, and as a training takes it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from untrained.data.labels import as_classes, gaps, matched
from untrained.data.masks import Masks
from untrained.data.source import Rows, Source
from untrained.data.splits import tenths
from untrained.data.task import Kind, Task
from untrained.errors import InputError, listed, shown

KINDS: tuple[Kind, ...] = ("classification", "multi-label", "regression", "segmentation")
"""Tasks that images can have."""


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets of n images.

    Args:
        task: What they are.
        values: n classes (int64), n x k zeros and ones or numbers (float32), or n masks.
    """

    task: Task
    values: "NDArray[Any] | Masks"

    def __call__(self, rows: Rows) -> Tensor:
        """The targets of some rows, as a loss takes them."""
        return self.values(rows) if isinstance(self.values, Masks) else torch.from_numpy(self.values[rows])

    def __len__(self) -> int:
        return len(self.values)

    def followed_by(self, others: "Targets") -> "Targets":
        """These targets, then `others` of the same task."""
        first, second = self.values, others.values
        if isinstance(first, Masks) and isinstance(second, Masks):
            return Targets(self.task, first.followed_by(second))
        return Targets(self.task, np.concatenate([np.asarray(first), np.asarray(second)]))

    @property
    def groups(self) -> NDArray[np.int64]:
        """The group of each image, of which each split should have its part: classes, or tenths of a number's range."""
        if isinstance(self.values, Masks) or self.task.kind == "multi-label":
            return np.zeros(len(self), np.int64)
        if self.task.kind == "classification":
            return np.asarray(self.values)
        return tenths(self.values.reshape(len(self.values), -1)[:, 0])


def targets_of(source: Source, kind: str | None = None, of: "tuple[str, Targets] | None" = None) -> Targets:
    """Checks the targets of a source.

    Args:
        source: The images.
        kind: The kind of task; if None, told from the targets: names, whole numbers and rows of 0 and 1 with one 1 are
            classes, rows of 0 and 1 otherwise are several labels each.
        of: For test data: what messages call the training data, and their targets.

    Raises:
        InputError: They are not of the kind, or not those of the training data.
    """
    if kind is not None and kind not in KINDS:
        raise InputError(f"unknown task {shown(kind)} of images: choose from {', '.join(KINDS)}")
    if isinstance(source.targets, Masks):
        return _segmentation(source, source.targets, kind, of)
    values = source.targets
    if len(values) == 0:
        raise InputError(f"{source.name} is empty: it has no images")
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if kind == "segmentation":
        raise InputError(f"{source.name} has no masks: give folders images/ and masks/, or y of n x h x w in an .npz")
    if kind == "regression":
        return _regression(source, values, of)
    if values.ndim == 2:
        return _rows(source, values, kind, of)
    if kind == "multi-label":
        raise InputError(f"{source.name}: one column of labels is no multi-label task: give k columns of 0 and 1")
    if of is not None:
        name, theirs = of
        return Targets(theirs.task, matched(values, source.name, theirs.task.classes, name, source.called))
    numbers, names = as_classes(values, source.name, source.classes, source.called)
    return Targets(Task("classification", len(names), names), numbers)


def _rows(source: Source, values: NDArray[Any], kind: str | None, of: "tuple[str, Targets] | None") -> Targets:
    """Rows of 0 and 1: several labels each, or one-hot."""
    wrong = ~np.isin(values, (0, 1)).all(1) if values.dtype.kind in "fiub" else np.ones(len(values), dtype=bool)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"{source.name}: the targets of {source.called(row)} are {shown(values[row].tolist(), 60)}: give rows of 0 "
            "and 1, or the task regression"
        )
    k = values.shape[1]
    names = source.classes if len(source.classes) == k else tuple(map(str, range(k)))
    if of is not None and of[1].task.outputs != k:
        raise InputError(f"{source.name} has {k} columns of targets, {of[0]} has {of[1].task.outputs}")
    kind = of[1].task.kind if of is not None else kind
    one_hot = (values.sum(1) == 1).all()
    if kind == "multi-label" or (kind is None and not one_hot):
        task = Task("multi-label", k, names) if of is None else of[1].task
        constant = [name for name, column in zip(names, values.T, strict=True) if column.min() == column.max()]
        if of is None and len(constant) == k:
            raise InputError(f"{source.name}: all images have the same labels: there is nothing to learn")
        return Targets(task, values.astype(np.float32))
    if not one_hot:
        row = int(np.argmax(values.sum(1) != 1))
        what = f"{source.called(row)} has {int(values[row].sum())} classes"
        raise InputError(f"{source.name}: {what}: one of each image, or the task multi-label")
    numbers = values.argmax(1).astype(np.int64)
    if of is not None:
        return Targets(of[1].task, numbers)
    as_classes(numbers, source.name, names, source.called)
    return Targets(Task("classification", k, names), numbers)


def _regression(source: Source, values: NDArray[Any], of: "tuple[str, Targets] | None") -> Targets:
    if values.dtype.kind not in "fiub":
        raise InputError(
            f"{source.name}: target {shown(str(values.flat[0]))} is not a number, and the task is regression"
        )
    numbers = values.reshape(len(values), -1).astype(np.float64)
    with np.errstate(over="ignore"):
        small = numbers.astype(np.float32)
    wrong = ~np.isfinite(small).all(1)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(f"{source.name}: the target of {source.called(row)} is {values[row]}: give finite numbers")
    task = Task("regression", numbers.shape[1], source.classes if len(source.classes) == numbers.shape[1] else ())
    if of is not None and of[1].task.outputs != task.outputs:
        raise InputError(f"{source.name} has {task.outputs} targets for each image, {of[0]} has {of[1].task.outputs}")
    if of is None and (numbers == numbers[0]).all():
        raise InputError(f"{source.name}: all targets are {values[0]}: there is nothing to learn")
    return Targets(task if of is None else of[1].task, small if values.ndim == 2 else small[:, 0])


def _segmentation(source: Source, masks: Masks, kind: str | None, of: "tuple[str, Targets] | None") -> Targets:
    if kind not in (None, "segmentation"):
        raise InputError(f"{source.name} has masks, whose task is segmentation, not {kind}")
    there = masks.classes(np.arange(len(masks)))
    if not there:
        raise InputError(f"{source.name}: the masks hold no class")
    if there[0] < 0:
        raise InputError(f"{source.name}: the masks hold class {there[0]}: give 0, 1, 2, ..., and 255 for no class")
    if of is not None:
        most = of[1].task.outputs or 0
        if there[-1] >= most:
            raise InputError(f"{source.name} has masks of class {there[-1]}, which {of[0]} has not: it has {most}")
        return Targets(of[1].task, masks)
    if missing := gaps(there):
        raise InputError(
            f"{source.name}: the masks hold classes {listed(there, 5)}, none is {missing}: "
            f"number the {len(there)} classes 0 to {len(there) - 1}"
        )
    if len(there) == 1:
        raise InputError(f"{source.name}: the masks have only class {there[0]}: at least two classes are needed")
    names = source.classes if len(source.classes) == len(there) else tuple(map(str, there))
    return Targets(Task("segmentation", len(there), names), masks)

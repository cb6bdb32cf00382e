"""Data sets of PyTorch, loaders and arrays, as a user has them."""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

from untrained.data.base import Data
from untrained.data.content import content_of
from untrained.data.image_preparation import ImagePreparation
from untrained.data.own.known import classes_of, known_targets
from untrained.data.own.opened import Opened, opened
from untrained.data.own.samples import Collated, Names, Pairing, Samples, pairing_of
from untrained.data.own.targets import TargetForm, Values, check_fitting, task_of
from untrained.data.pixels import Form, spread
from untrained.data.preparation import AsIs, Preparation
from untrained.data.prepared import stacked
from untrained.data.resizing import Resize
from untrained.data.splits import split
from untrained.data.splits import subset as drawn
from untrained.data.task import Task
from untrained.errors import InputError, InputWarning, warn
from untrained.runtime.memory import available_memory
from untrained.runtime.seeding import seeded

Given = Dataset[Any] | DataLoader[Any] | tuple[Any, Any]
"""A map-style data set, a loader of one, or a pair of arrays or tensors (n x ..., n)."""

CALLED = {"train": "training", "valid": "validation", "test": "test"}
FITS = 0.25
"""Part of the available memory that samples may take which are kept."""
STATISTICS_FROM = 2_048
"""Training images from which the mean and standard deviation of each channel are taken."""
MOST_TOKENS_READ = 20_000
"""Samples of tokens that are read for the size of their vocabulary, if they are not in memory."""
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


class DatasetData(Data):
    """Data sets of a user's own.

    Inputs go to the network as they are, but for images of uint8, which are normalised as those of files are. The
    numbers of classes, names, rows with one 1 and n x 1 columns become n classes; floats stay what they are.

    Args:
        train: A map-style data set, a `DataLoader`, or a pair of arrays (n x ..., n). A sample is a pair (input,
            target) or a dictionary; an input or a target may be a tensor, an array, a picture of Pillow, a number, or
            tuples and dictionaries of these. Of a loader its data set, batch size and `collate_fn` are used.
        valid: Data of the same form, for the value of an architecture; if None, a part of `train` is held out, class by
            class, and another for testing if there is no `test`.
        test: Data of the same form, for the final pick only.
        name: What studies call the data.
        task: What is to be predicted, or its kind; told from the targets if None.
        inputs: Keys of samples that are dictionaries: of the input, or several for an input that is a dictionary.
        target: Likewise of the target.
        resize: The size of pictures of Pillow; see `load_data`.
        subset: How many samples are used at most, drawn class by class.
        classes: The names of the classes; those of the data set's attribute `classes` if empty.
        keep: Samples are the same each time that they are read: they are read once, and kept in memory if all take at
            most a quarter of what is available.

    Raises:
        InputError: Something of it cannot be used.

    Example:
        >>> x, y = torch.zeros(4, 3), torch.tensor([0, 1, 0, 1])
        >>> data = DatasetData((x, y), (x, y))
        >>> data.task.kind, data.facts
        ('classification', {'num_classes': 2, 'in_features': 3})
    """

    def __init__(
        self,
        train: Given,
        valid: Given | None = None,
        test: Given | None = None,
        *,
        name: str = "arrays",
        task: Task | str | None = None,
        inputs: Names = None,
        target: Names = None,
        resize: Any = None,
        subset: int | None = None,
        classes: tuple[str, ...] = (),
        keep: bool = False,
    ) -> None:
        self.name = name
        parts = {"train": train, "valid": valid, "test": test}
        own = {part: opened(given, CALLED[part]) for part, given in parts.items() if given is not None}
        self.batch_size = own["train"].batch_size
        pairings = {part: _pairing(of, CALLED[part], inputs, target) for part, of in own.items()}
        known = {part: known_targets(of.single, pairings[part]) for part, of in own.items()}
        if len(own["train"].data) < 2:
            raise InputError("the training data has 1 sample: give at least 2")
        found = classes or classes_of(own["train"].data)
        self._task, form = task_of(*known["train"], wanted=task, classes=found)
        for part in own.keys() - {"train"}:
            check_fitting(self._task, form, known[part][0], CALLED[part])
        groups = {part: _groups(self._task, form, values, complete) for part, (values, complete) in known.items()}
        if valid is None:
            own, groups = _held_out(own, groups, name)
        if subset is not None:
            own = _fewer(own, groups, subset, name)
        size = None if resize is None else Resize.of(resize)
        # Parts that were held out are samples of the training data.
        pairing = pairings["train"]
        self._raw = {p: _samples(of, pairings.get(p, pairing), form, CALLED[p], size) for p, of in own.items()}
        self._look_at_the_first()
        self._resize = size
        if keep and _bytes_of(self._raw) <= FITS * available_memory():
            self._raw = {part: _kept(data, CALLED[part]) for part, data in self._raw.items()}

    @property
    def task(self) -> Task:
        """What is to be predicted."""
        return self._task

    @property
    def preparation(self) -> Preparation:
        """Normalisation of images of uint8; other samples are inputs of the network already."""
        return self._preparation

    @cached_property
    def _preparation(self) -> Preparation:
        with seeded(0):
            inputs, _ = self._raw["train"][0]
        if not (isinstance(inputs, Tensor) and inputs.dtype == torch.uint8 and inputs.ndim == 3):
            return AsIs()
        c, h, w = inputs.shape
        train = cast(Any, self._raw["train"])
        rows = spread(STATISTICS_FROM, len(train)).tolist()
        with seeded(0):
            pixels = train.tensors[0][rows] if isinstance(train, TensorDataset) else _stack([train[i][0] for i in rows])
        std, mean = torch.std_mean(pixels.float(), dim=(0, 2, 3), correction=0)
        std = torch.where(std > 0, std, 1.0)
        form = Form(MODES.get(c), c, h, w, "uint8")
        return ImagePreparation(form, self._resize, tuple(mean.tolist()), tuple(std.tolist()))

    @property
    def facts(self) -> dict[str, Any]:
        """As of all data; of tokens the longest `length`, and `vocabulary`, one more than the largest token."""
        return self._facts

    @cached_property
    def _facts(self) -> dict[str, Any]:
        facts = super().facts
        return facts | self._of_tokens() if "length" in facts else facts

    def _of_tokens(self) -> dict[str, int]:
        """The longest sequence, and the number of tokens that there are."""
        length, most = 0, 0
        for part, data in self._raw.items():
            if isinstance(data, TensorDataset):
                length, most = data.tensors[0].shape[1], max(most, int(data.tensors[0].max()))
                continue
            rows, whole = spread(MOST_TOKENS_READ, len(cast(Any, data))), len(cast(Any, data))
            for row in rows:
                with seeded(0):
                    tokens, _ = data[int(row)]
                length, most = max(length, len(tokens)), max(most, int(tokens.max()) if len(tokens) else 0)
            if len(rows) < whole:
                note = f"the vocabulary of {most + 1} is that of {len(rows):,} of {whole:,} samples"
                _tell(f"the {CALLED[part]} data: {note}: give the space a larger one if there are more")
        return {"length": length, "vocabulary": most + 1}

    @property
    def fingerprint(self) -> Any:
        """A hash of the training and validation data."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> Any:
        return [content_of(self._raw[name]) for name in ("train", "valid", "test") if name in self._raw]

    def raw(self, name: str) -> Dataset[Any] | None:
        return self._raw.get(name)

    def _look_at_the_first(self) -> None:
        """Reads one sample of each split; tells of inputs that are far from what networks learn from."""
        shapes = dict[str, Any]()
        for name, data in self._raw.items():
            with seeded(0):
                inputs, _ = data[0]
            if isinstance(inputs, Tensor):
                if inputs.is_floating_point() and not torch.isfinite(inputs).all():
                    raise InputError(f"the {CALLED[name]} data's inputs hold NaN or infinite values, sample 0 first")
                varies = inputs.dtype == torch.int64 or inputs.ndim not in (1, 3)  # sequences, volumes
                shapes[name] = inputs.ndim, None if varies else len(inputs)
        if len(set(shapes.values())) > 1:
            told = ", ".join(f"{tuple(cast(Any, self._raw[n])[0][0].shape)} in {CALLED[n]}" for n in shapes)
            raise InputError(f"inputs are of other shapes in each split: {told}")
        train = self._raw["train"]
        if isinstance(train, TensorDataset) and train.tensors[0].ndim == 2 and train.tensors[0].is_floating_point():
            std, mean = torch.std_mean(train.tensors[0], 0, correction=0)
            far = (std > 10) | (mean.abs() > 10 * std.clamp(min=0.1))
            if far.any():
                worst = int(torch.argmax(torch.where(far, std + mean.abs(), -1)))
                numbers = f"column {worst} has mean {mean[worst]:.4g} and standard deviation {std[worst]:.4g}"
                _tell(f"inputs are used as they are, and {numbers}: scale them, or give a data frame or a file")
        if isinstance(train, TensorDataset) and self._task.kind == "regression" and not self._task.mean:
            std, mean = torch.std_mean(train.tensors[1].double(), correction=0)
            if std > 10 or abs(mean) > 10 * max(float(std), 0.1):
                numbers = f"mean {mean:.4g} and standard deviation {std:.4g}"
                right = "Task('regression', 1, mean=(...,), std=(...,))"
                _tell(f"targets are learnt as they are, with {numbers}: give task={right} to have them standardised")


def _pairing(of: Opened, what: str, inputs: Names, target: Names) -> Pairing:
    with seeded(0):
        return pairing_of(of.single[0], what, inputs, target)


def _samples(of: Opened, pairing: Pairing, form: TargetForm, what: str, resize: Resize | None) -> Dataset[Any]:
    if isinstance(of.data, TensorDataset) and len(of.data.tensors) == 2 and of.collate is None:
        inputs, targets = of.data.tensors
        return TensorDataset(inputs, form(targets))
    if of.collate is not None:
        return Collated(of.data, of.collate, pairing, form, what, resize)
    return Samples(of.data, pairing, form, what, resize)


def _bytes_of(parts: Mapping[str, Dataset[Any]]) -> float:
    """What all samples take in memory, by the first of each part; infinite if they are no single tensors."""
    size = 0.0
    for data in parts.values():
        inputs, target = data[0]
        if not isinstance(inputs, Tensor) or not isinstance(target, Tensor):
            return math.inf
        size += len(cast(Any, data)) * (inputs.nbytes + target.nbytes)
    return size


def _kept(data: Dataset[Any], what: str) -> Dataset[Any]:
    """All samples in memory."""
    if isinstance(data, TensorDataset):
        return data
    pairs = [data[row] for row in range(len(cast(Any, data)))]
    return TensorDataset(_stack([inputs for inputs, _ in pairs], what), stacked([target for _, target in pairs]))


def _stack(images: list[Tensor], what: str = "training") -> Tensor:
    shapes = {tuple(image.shape) for image in images}
    if len(shapes) > 1:
        some = " and ".join(map(str, sorted(shapes)[:2]))
        raise InputError(f"the {what} data has images of {len(shapes)} shapes, as {some}: give resize= for pictures")
    return stacked(images)


def _groups(task: Task, form: TargetForm, values: Values, complete: bool) -> NDArray[np.int64] | None:
    """The class of each sample, if all are known."""
    if task.kind != "classification" or not complete:
        return None
    found = form(values) if isinstance(values, Tensor) or form.names else torch.stack([form(value) for value in values])
    return found.numpy()


def _held_out(own: dict[str, Opened], groups: dict[str, Any], name: str) -> tuple[dict[str, Opened], dict[str, Any]]:
    """The training data in parts; a note says so."""
    train, classes = own["train"], groups["train"]
    strata = np.zeros(len(train.data), np.int64) if classes is None else classes
    rows = split(strata, {"test": np.empty(0, np.int64)} if "test" in own else {}, name, samples="samples")
    kept = {part: there for part, there in rows.items() if part == "train" or part not in own}
    how = "at random" if classes is None else "class by class"
    sizes = ", ".join(f"{len(there):,} {CALLED[part]}" for part, there in kept.items())
    _tell(
        f"one data set is split {how}, with a fixed seed: {sizes} samples; give 'train' and 'valid' to split yourself"
    )
    taken = {part: train.taken(there) for part, there in kept.items()}
    of_parts = {part: None if classes is None else classes[there] for part, there in kept.items()}
    return own | taken, groups | of_parts


def _fewer(own: dict[str, Opened], groups: dict[str, Any], count: int, name: str) -> dict[str, Opened]:
    lengths = {part: len(of.data) for part, of in own.items()}
    ends = np.cumsum(list(lengths.values()))
    given = {part: np.arange(end - lengths[part], end) for part, end in zip(lengths, ends, strict=True)}
    known = [groups.get(part) for part in lengths]
    each = zip(lengths.values(), known, strict=True)
    labels = np.concatenate([np.zeros(n, np.int64) if classes is None else classes for n, classes in each])
    rows = drawn(count, labels, given, np.arange(ends[-1]), name, "samples")
    return {part: own[part].taken(np.intersect1d(there, rows) - there[0]) for part, there in given.items()}


def _tell(note: str) -> None:
    warn(note, InputWarning)

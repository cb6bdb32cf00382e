"""Targets of a user's own: which task they tell, and how they become tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import torch
from torch import Tensor

from untrained.data.labels import gaps
from untrained.data.masks import IGNORED, VOID
from untrained.data.own.parts import as_tensor, is_numbers
from untrained.data.task import Kind, Task
from untrained.errors import InputError, InputWarning, listed, shown, warn

OF_CLASSES = ("classification", "segmentation")

Values = Tensor | Sequence[Any]
"""Targets of several samples: stacked, or one after the other."""


@dataclass(frozen=True)
class TargetForm:
    """How the target of a sample, or of a batch, becomes what a loss takes.

    Args:
        kind: The kind of task.
        one_hot: Classes are given as rows with one 1.
        squeeze: A dimension of length 1 that is taken away.
        names: Of the classes, if targets are names.
        heads: Name -> form, of several heads.
    """

    kind: Kind = "other"
    one_hot: bool = False
    squeeze: int | None = None
    names: tuple[str, ...] = ()
    heads: Mapping[str, "TargetForm"] = field(default_factory=dict)

    def __call__(self, target: Any) -> Any:
        """A target as tensors.

        Raises:
            InputError: It is not what the others are.
        """
        if self.heads:
            if isinstance(target, Mapping):
                return {name: form(target[name]) for name, form in self.heads.items()}
            return tuple(form(part) for form, part in zip(self.heads.values(), target, strict=True))
        if self.names:
            target = [self._number(one) for one in target] if isinstance(target, list | tuple) else self._number(target)
        if self.kind == "other" and isinstance(target, Mapping | tuple):
            return target
        tensor = as_tensor(target, "a target")
        tensor = tensor if self.squeeze is None else tensor.squeeze(self.squeeze)
        if self.one_hot:
            if ((tensor != 0) & (tensor != 1)).any() or (tensor.sum(-1) != 1).any():
                raise InputError(f"target {shown(tensor.tolist(), 60)} is no one-hot label: give one 1 and zeros")
            tensor = tensor.argmax(-1)
        if self.kind == "segmentation":
            tensor = tensor.long()
            return torch.where(tensor == VOID, IGNORED, tensor)
        if self.kind == "classification":
            return tensor.long()
        if self.kind in ("regression", "multi-label") or tensor.dtype == torch.float64:
            return tensor.float()
        return tensor if tensor.is_floating_point() else tensor.long()

    def _number(self, name: Any) -> int:
        if name not in self.names:
            raise InputError(f"target {shown(name, 40)} is none of the classes {listed(self.names)}")
        return self.names.index(name)


def task_of(
    values: Values,
    complete: bool = True,
    *,
    wanted: Task | str | None = None,
    classes: Sequence[str] = (),
    what: str = "training",
) -> tuple[Task, TargetForm]:
    """Tells the task from targets.

    Args:
        values: The targets of all training samples, or of some.
        complete: Whether these are all.
        wanted: The task or its kind, if the user says so.
        classes: The names of the classes, if the data set tells them.
        what: What messages call the data.

    Returns:
        The task, and how targets become tensors. Whole numbers are classes, h x w of them a class at each pixel, k
        zeros and ones a row are one-hot classes or several labels, and other floats a regression.

    Raises:
        InputError: Targets are of no task, or not of this kind: numbers of classes with gaps, one class only.

    Example:
        >>> task_of(torch.tensor([[0, 1, 0], [1, 1, 0]]))[0].kind
        'multi-label'
    """
    if isinstance(wanted, Task):
        known = wanted.classes or tuple(map(str, range(wanted.outputs or 0)))
        kinds = wanted.heads if wanted.kind == "several" else wanted.kind
        found, form = _found(values, complete, kinds, known if wanted.kind in OF_CLASSES else (), what)
        if found.outputs != wanted.outputs and wanted.outputs is not None:
            raise InputError(f"the task has {wanted.outputs} outputs, the targets of the {what} data {found.outputs}")
        return wanted, form
    if wanted is not None and wanted not in get_args(Kind):
        raise InputError(f"unknown task {shown(wanted, 40)}: choose from {listed(get_args(Kind))}")
    return _found(values, complete, wanted, classes, what)


def _found(
    values: Values, complete: bool, kind: str | Mapping[str, Task] | None, classes: Sequence[str], what: str
) -> tuple[Task, TargetForm]:
    if kind == "other":
        return Task("other"), TargetForm()
    first = values[0]
    if isinstance(first, Mapping):
        return _several(values, list(first), complete, kind, what)
    if isinstance(first, tuple) or (isinstance(first, list) and not is_numbers(first)):
        return _several([dict(enumerate(value)) for value in values], range(len(first)), complete, kind, what)
    if isinstance(kind, Mapping) or kind == "several":
        raise InputError(
            f"a target of the {what} data is a {type(first).__name__}: several heads have a dict of targets"
        )
    if isinstance(first, str):
        return _named(values, complete, kind, classes, what)
    stacked = values if isinstance(values, Tensor) else _stacked(values)
    if stacked is None:
        return Task("other"), TargetForm()
    form = _form(stacked, kind, what)
    numbers = form(stacked)
    match form.kind:
        case "classification":
            return _classes(numbers, complete, classes, what), form
        case "multi-label":
            return Task("multi-label", stacked.shape[1], _fitting(classes, stacked.shape[1])), form
        case "segmentation":
            outputs = len(classes) or int(numbers.max()) + 1
            return Task("segmentation", outputs, tuple(classes)), form
        case "regression":
            _check_varied(numbers, complete, what)
            return Task("regression", 1 if numbers.ndim == 1 else numbers.shape[1]), form
    return Task("other"), form


def check_fitting(task: Task, form: TargetForm, values: Values, what: str) -> None:
    """Refuses targets that are of another task than those of the training data.

    Args:
        task: Of the training data.
        form: How targets become tensors.
        values: Targets of other data.
        what: What messages call the other data.

    Raises:
        InputError: A class is not known, or a target has another form.
    """
    if task.kind == "several":
        return
    targets = values if isinstance(values, Tensor) else list(values)
    for target in [targets] if isinstance(targets, Tensor) else targets:
        found = form(target)
        if task.kind in ("classification", "segmentation") and task.outputs is not None and isinstance(found, Tensor):
            most, least = int(found.max()), int(found[found != IGNORED].min()) if (found != IGNORED).any() else 0
            if most >= task.outputs or least < 0:
                wrong = most if most >= task.outputs else least
                raise InputError(f"the {what} data has class {wrong}: the training data has 0 to {task.outputs - 1}")


def _several(
    values: Any, names: Any, complete: bool, kind: str | Mapping[str, Task] | None, what: str
) -> tuple[Task, TargetForm]:
    wanted = kind if isinstance(kind, Mapping) else {}
    if wanted and set(wanted) != set(map(str, names)):
        raise InputError(f"the task has the heads {listed(wanted)}, the targets of the {what} data {listed(names)}")
    if isinstance(kind, str) and kind != "several":
        raise InputError(f"a target of the {what} data has {len(names)} parts: its task is several, not {kind}")
    heads = dict[str, tuple[Task, TargetForm]]()
    for name in names:
        try:
            heads[str(name)] = task_of([v[name] for v in values], complete, wanted=wanted.get(str(name)), what=what)
        except InputError as error:
            raise InputError(f"head {name!r}: {error}") from error
    task = Task("several", heads={name: task for name, (task, _) in heads.items()})
    return task, TargetForm("several", heads={name: form for name, (_, form) in heads.items()})


def _named(values: Any, complete: bool, kind: str | None, classes: Sequence[str], what: str) -> tuple[Task, TargetForm]:
    if kind not in (None, "classification"):
        raise InputError(f"a target of the {what} data is text, {shown(values[0], 40)}: its task is no {kind}")
    wrong = next((value for value in values if not isinstance(value, str)), None)
    if wrong is not None:
        raise InputError(f"targets of the {what} data are text, and one is {shown(wrong, 40)}")
    names = tuple(classes) or tuple(sorted(set(values)))
    if len(names) < 2:
        raise InputError(f"the {what} data has only class {listed(names)}: at least two classes are needed")
    if not complete and not classes:
        _tell_incomplete(len(values), len(names), what)
    return Task("classification", len(names), names), TargetForm("classification", names=names)


def _stacked(values: Sequence[Any]) -> Tensor | None:
    """All targets in one tensor; None if they are of several shapes."""
    tensors = [as_tensor(value, "a target") for value in values]
    if len({tensor.shape for tensor in tensors}) > 1:
        return None
    return torch.stack(tensors)


def _form(values: Tensor, kind: str | None, what: str) -> TargetForm:
    """How targets, n x ..., become tensors."""
    floats, shape = values.is_floating_point(), values.shape[1:]
    if shape == (1,) and (not floats or kind == "classification"):
        return replace(_form(values[:, 0], kind, what), squeeze=-1)
    if len(shape) == 3 and shape[0] == 1 and (not floats or kind == "segmentation"):
        return replace(_form(values[:, 0], kind, what), squeeze=-3)
    binary = bool(((values == 0) | (values == 1)).all())
    one_hot = len(shape) == 1 and shape[0] > 1 and binary and bool((values.sum(1) == 1).all())
    if kind is None:
        if len(shape) == 0:
            found = "regression" if floats else "classification"
            if floats and binary:
                note = "all 0.0 or 1.0, are taken for numbers: give integers or task='classification' for classes"
                _tell(f"the targets of the {what} data, {note}")
        elif len(shape) == 1 and binary:
            found = "classification" if one_hot else "multi-label"
        elif floats:
            found = "regression" if len(shape) == 1 else "other"
        else:
            found = "segmentation"
        kind = found
    fits = {
        "classification": len(shape) == 0 or one_hot,
        "multi-label": len(shape) == 1 and binary,
        "regression": len(shape) <= 1,
        "segmentation": len(shape) >= 1,
        "other": True,
    }
    if not fits.get(kind, False):
        shown_one = shown(values[0].tolist(), 40)
        raise InputError(f"a target of the {what} data is {shown_one}, {_of(shape)}: it does not fit the task {kind}")
    if floats and kind in ("classification", "segmentation") and (values != values.round()).any():
        wrong = values[values != values.round()][0].item()
        raise InputError(f"target {wrong:g} of the {what} data is no class: give whole numbers, or task='regression'")
    return TargetForm(kind, one_hot=kind == "classification" and one_hot)  # pyright: ignore[reportArgumentType]


def _of(shape: Sequence[int]) -> str:
    return "one number" if len(shape) == 0 else f"of shape {tuple(shape)}"


def _classes(numbers: Tensor, complete: bool, classes: Sequence[str], what: str) -> Task:
    there = torch.unique(numbers).tolist()
    if there[0] < 0:
        raise InputError(f"the {what} data has class {there[0]}: number classes 0, 1, 2, ...")
    if len(there) < 2:
        raise InputError(f"the {what} data has only class {there[0]}: at least two classes are needed")
    if classes:
        if there[-1] >= len(classes):
            raise InputError(f"the {what} data has class {there[-1]}, and {len(classes)} names of classes")
        return Task("classification", len(classes), tuple(classes))
    if not complete:
        _tell_incomplete(len(numbers), there[-1] + 1, what)
    elif missing := gaps(there):
        raise InputError(
            f"the classes {listed(there, 5)} of the {what} data have gaps, none is {missing}: number the {len(there)} "
            f"classes 0 to {len(there) - 1}, or give task=Task('classification', {there[-1] + 1})"
        )
    return Task("classification", there[-1] + 1)


def _check_varied(numbers: Tensor, complete: bool, what: str) -> None:
    if complete and len(numbers) > 1 and bool((numbers == numbers[0]).all()):
        raise InputError(
            f"all targets of the {what} data are {shown(numbers[0].tolist(), 40)}: nothing is to be learnt"
        )


def _fitting(classes: Sequence[str], count: int) -> tuple[str, ...]:
    return tuple(classes) if len(classes) == count else ()


def _tell_incomplete(count: int, classes: int, what: str) -> None:
    _tell(
        f"{classes} classes by {count} samples of the {what} data, spread over all: if there are more, give "
        "task=Task('classification', K)"
    )


def _tell(note: str) -> None:
    warn(note, InputWarning)

"""What networks are trained for and measured by: a task's loss, its measures, and checks that all fit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from untrained.data.task import Task
from untrained.errors import InputError, listed, shown
from untrained.objectives.base import Direction, check_direction
from untrained.objectives.losses import LOSSES, OF_CLASSES, LossFunction, alike, check_classes, get_loss, part_of
from untrained.objectives.measures import MEASURES, Gathered, Measure, OfLibrary
from untrained.runtime.identity import described
from untrained.runtime.lookup import look_up


@dataclass(frozen=True)
class Goal:
    """A loss to train by, and measures to compare by.

    Args:
        task: What is to be predicted.
        loss: (outputs, targets) -> the mean loss of a batch.
        plain_loss: Likewise, without smoothing of labels: for training-free metrics.
        loss_name: Of `LOSSES`; None for a loss of a user's own, and for several heads.
        measures: The first is searched for, the others are recorded.
        identity: What tells the loss and the measures from others (JSON).
    """

    task: Task
    loss: LossFunction
    plain_loss: LossFunction
    loss_name: str | None
    measures: tuple[Measure, ...]
    identity: Mapping[str, Any]

    @property
    def direction(self) -> Direction:
        """Which way the first measure is better."""
        return self.measures[0].direction

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the measures."""
        return tuple(measure.name for measure in self.measures)

    def check(self, outputs: Any, targets: Any) -> None:
        """Makes sure that the outputs of a network fit the targets, as far as the task tells.

        Args:
            outputs: What the network returned for a batch.
            targets: The targets of the batch.

        Raises:
            Misfit: They do not.
        """
        _check(self.task, self.loss_name, outputs, targets)

    def try_out(self, outputs: Any, targets: Any) -> None:
        """Takes the loss and the measures of one batch, for nothing but to see that they work.

        Args:
            outputs: What a network returned for the batch.
            targets: Its targets.

        Raises:
            Misfit: The outputs do not fit the targets.
        """
        self.check(outputs, targets)
        self.loss(outputs, targets)
        for measure in self.measures:
            if not isinstance(measure, Gathered):  # these are functions of all samples, and may break on one
                measure.reset()
                measure.update(outputs, targets)
                measure.reset()

    def check_targets(self, split: str) -> Callable[[Any, Tensor], None]:
        """A function that refuses targets which cannot be.

        Args:
            split: What messages call the data, such as "training".

        Returns:
            (targets, the numbers of their samples) -> None; raises `InputError` with the first such sample.
        """

        def check(targets: Any, numbers: Tensor) -> None:
            _check_targets(self.task, targets, numbers, split)

        return check

    def to(self, device: torch.device) -> None:
        """Moves what the loss has of its own to a device."""
        if isinstance(self.loss, nn.Module):
            self.loss.to(device)


def make_goal(
    task: Task,
    loss: Any = None,
    metrics: Any = None,
    direction: Direction | None = None,
    label_smoothing: float = 0.0,
) -> Goal:
    """Makes a goal of what a user gave.

    Args:
        task: What is to be predicted.
        loss: See `get_loss`.
        metrics: A name, a function of (all outputs, all targets), a `torchmetrics.Metric`; or several of these, of
            which the first is searched for; or None for the usual one of the task. The name of one head's is
            `head.name`; a plain name is the mean over all heads.
        direction: Which way a function is better; "maximize" if None.
        label_smoothing: For cross entropy.

    Returns:
        The goal.

    Raises:
        InputError: There is no such loss or measure, or it does not belong to the task.

    Example:
        >>> goal = make_goal(Task("regression", 1), metrics=["mae", "r2"])
        >>> goal.names, goal.direction
        (('mae', 'r2'), 'minimize')
    """
    if direction is not None:
        check_direction(direction)
    wanted = list(metrics) if isinstance(metrics, list | tuple) else [metrics]
    if not wanted:
        raise InputError("no metrics: give at least one, or leave metrics out")
    wanted = [look_up("metric", name, {}) if isinstance(name, str) and ":" in name else name for name in wanted]
    loss = look_up("loss", loss, LOSSES) if isinstance(loss, str) and loss not in LOSSES else loss
    usual = metrics is None
    measures = [m for i, given in enumerate(wanted) for m in _measures(given, task, direction if i == 0 else None)]
    names = [measure.name for measure in measures]
    if twice := {name for name in names if names.count(name) > 1}:
        raise InputError(f"metrics {listed(sorted(twice))} twice: give each once, functions with names of their own")
    found = measures[0].direction
    if direction not in (None, found):
        better = "higher" if found == "maximize" else "lower"
        raise InputError(f"direction {direction!r}, but {names[0]} is better if {better}: leave direction out")
    plain = get_loss(loss, task)
    known = next((name for name, function in LOSSES.items() if function is plain), None)
    identity: dict[str, Any] = {
        "loss": known or described(plain),
        "metric": names[0],
        "metrics": names,
        "metric_code": None if usual else [described(given) for given in wanted],
    }
    return Goal(task, get_loss(loss, task, label_smoothing), plain, known, tuple(measures), identity)


def _measures(given: Any, task: Task, direction: Direction | None) -> list[Measure]:
    if task.kind == "several" and (given is None or isinstance(given, str)):
        return _of_heads(given, task)
    if given is None or isinstance(given, str):
        return [_named(given, task)]
    if all(hasattr(given, name) for name in ("update", "compute", "reset")) and not isinstance(given, type):
        return [OfLibrary(given, direction)]
    if not callable(given) or isinstance(given, type):
        raise InputError(
            f"metric {shown(given)}: give a name, a function of (outputs, targets) or a torchmetrics.Metric"
        )
    return [Gathered(_name(given), given, direction or "maximize")]


def _named(name: str | None, task: Task) -> Measure:
    known = MEASURES[task.kind]
    name = next(iter(known)) if name is None else name
    if name not in known:
        raise InputError(f"unknown metric {name!r} of {task.kind}: choose from {', '.join(known)}, or give a function")
    return known[name]()


def _of_heads(given: str | None, task: Task) -> list[Measure]:
    """The measure of one head; or the mean over all, and each of them."""
    head, dot, name = (given or "").partition(".")
    if dot:
        if head not in task.heads:
            raise InputError(f"metric {given!r}: the data has the heads {listed(task.heads)}")
        return [OfHead(head, _named(name, task.heads[head]))]
    parts = [OfHead(head, _named(given, of)) for head, of in task.heads.items()]
    if len({part.measure.name for part in parts}) > 1:
        choices = listed(part.name for part in parts)
        raise InputError(
            f"the heads are measured in different ways, which have no mean: give metrics= some of {choices}"
        )
    return [MeanOfHeads(parts), *parts]


class OfHead(Measure):
    """A measure of one head.

    Args:
        head: Its name.
        measure: Of its outputs and targets.
    """

    def __init__(self, head: str, measure: Measure) -> None:
        self.head, self.measure = head, measure
        self.name, self.direction = f"{head}.{measure.name}", measure.direction

    def reset(self) -> None:
        self.measure.reset()

    def update(self, outputs: Any, targets: Any) -> None:
        self.measure.update(part_of(outputs, self.head), part_of(targets, self.head))

    def compute(self) -> float:
        return self.measure.compute()


class MeanOfHeads(Measure):
    """The mean over heads, which are measured in the same way.

    Args:
        parts: The measures of the heads; they take the batches in.
    """

    def __init__(self, parts: Sequence[OfHead]) -> None:
        self._parts = parts
        self.name, self.direction = parts[0].measure.name, parts[0].direction

    def reset(self) -> None:
        """Nothing: the parts do."""

    def update(self, outputs: Any, targets: Any) -> None:
        """Nothing: the parts do."""

    def compute(self) -> float:
        return sum(part.compute() for part in self._parts) / len(self._parts)


def _check(task: Task, loss: str | None, outputs: Any, targets: Any) -> None:
    if task.kind == "several":
        for head in task.heads:
            part_of(outputs, head)
    elif loss in OF_CLASSES:
        check_classes(outputs, targets, task.outputs if task.kind in ("classification", "segmentation") else None)
    elif loss in LOSSES:
        alike(outputs, targets)


def _check_targets(task: Task, targets: Any, numbers: Tensor, split: str) -> None:
    if task.kind == "several":
        for head, of in task.heads.items():
            _check_targets(of, part_of(targets, head), numbers, f"{split}, {head}")
        return
    for leaf in pytree.tree_leaves(targets):
        if not isinstance(leaf, Tensor) or not len(leaf):
            continue
        rows = leaf.reshape(len(leaf), -1)
        if leaf.is_floating_point():
            bad, right = ~torch.isfinite(rows), "a finite number"
        elif task.kind in ("classification", "segmentation") and task.outputs is not None:
            bad = (rows >= task.outputs) | (rows < 0)
            if task.kind == "segmentation":
                bad &= rows != IGNORED
            right = f"a class from 0 to {task.outputs - 1}"
        else:
            continue
        if bad.any():
            row = int(bad.any(1).nonzero()[0])
            value = rows[row][bad[row]][0].item()
            raise InputError(f"the target of sample {int(numbers[row])} of the {split} data is {value}: give {right}")


IGNORED = -100
"""The class number of positions that count for nothing, as PyTorch has it."""


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", None) or type(function).__name__

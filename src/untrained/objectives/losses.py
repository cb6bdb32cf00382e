"""Losses by name, and of several heads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from untrained.data.task import Task
from untrained.errors import InputError, shown
from untrained.runtime.lookup import look_up

LossFunction = Callable[[Any, Any], Tensor]


class Misfit(ValueError):
    """What a network returns does not fit the targets."""


def alike(outputs: Any, targets: Any) -> tuple[Tensor, Tensor]:
    """Outputs and targets in one shape: a last dimension of 1 that only one of them has is left out.

    Raises:
        Misfit: They are no tensors, or of other shapes. (Torch would compare each output with each target.)
    """
    if not isinstance(outputs, Tensor) or not isinstance(targets, Tensor):
        raise Misfit(f"the network returns a {type(outputs).__name__}, and the targets are a {type(targets).__name__}")
    if outputs.ndim == targets.ndim + 1 and outputs.shape[-1] == 1:
        outputs = outputs.squeeze(-1)
    elif targets.ndim == outputs.ndim + 1 and targets.shape[-1] == 1:
        targets = targets.squeeze(-1)
    if outputs.shape != targets.shape:
        raise Misfit(f"outputs of shape {tuple(outputs.shape)} do not fit targets of shape {tuple(targets.shape)}")
    return outputs, targets


def check_classes(outputs: Any, targets: Any, classes: int | None = None) -> None:
    """Makes sure that outputs are one number for each class, at each position of the targets.

    Args:
        outputs: What a network returned.
        targets: Class numbers.
        classes: K, if it is known.

    Raises:
        Misfit: They do not fit.
    """
    if not isinstance(outputs, Tensor) or not isinstance(targets, Tensor):
        raise Misfit(
            f"the network returns a {type(outputs).__name__}, and classes take one tensor: give loss= and metrics="
        )
    wanted = (len(targets), outputs.shape[1] if outputs.ndim > 1 else "classes", *targets.shape[1:])
    if tuple(outputs.shape) != wanted:
        raise Misfit(f"outputs of shape {tuple(outputs.shape)}: {tuple(targets.shape)} class numbers need {wanted}")
    if classes is not None and outputs.shape[1] < classes:
        raise Misfit(f"the network has {outputs.shape[1]} outputs, and the data {classes} classes")


def focal(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy times (1 - p)^2, p being the probability of the class (Lin et al., ICCV 2017, gamma = 2)."""
    losses = F.cross_entropy(outputs, targets, reduction="none")
    seen = targets >= 0
    return ((1 - torch.exp(-losses)) ** 2 * losses).sum() / seen.sum()


def dice(outputs: Tensor, targets: Tensor) -> Tensor:
    """1 - 2 |P T| / (|P| + |T|) of the batch, the mean over classes (Milletari et al., 3DV 2016, without squares)."""
    seen = (targets >= 0).unsqueeze(1)
    given = outputs.float().softmax(1) * seen
    wanted = F.one_hot(targets.clamp_min(0), outputs.shape[1]).movedim(-1, 1) * seen
    over = [0, *range(2, outputs.ndim)]
    return 1 - ((2 * (given * wanted).sum(over) + 1) / (given.sum(over) + wanted.sum(over) + 1)).mean()


def bce(outputs: Any, targets: Any) -> Tensor:
    """Binary cross entropy of logits."""
    outputs, targets = alike(outputs, targets)
    return F.binary_cross_entropy_with_logits(outputs, targets.to(outputs.dtype))


def mse(outputs: Any, targets: Any) -> Tensor:
    """The mean squared error."""
    outputs, targets = alike(outputs, targets)
    return F.mse_loss(outputs, targets.to(outputs.dtype))


def l1(outputs: Any, targets: Any) -> Tensor:
    """The mean absolute error."""
    outputs, targets = alike(outputs, targets)
    return F.l1_loss(outputs, targets.to(outputs.dtype))


def huber(outputs: Any, targets: Any) -> Tensor:
    """Half the squared error up to 1, the absolute error less 1/2 above (Huber, 1964)."""
    outputs, targets = alike(outputs, targets)
    return F.huber_loss(outputs, targets.to(outputs.dtype))


LOSSES: dict[str, LossFunction] = {
    "cross_entropy": F.cross_entropy,
    "focal": focal,
    "dice": dice,
    "bce": bce,
    "mse": mse,
    "l1": l1,
    "huber": huber,
}
"""Name -> (outputs, targets) -> the mean loss of a batch."""
OF_CLASSES = ("cross_entropy", "focal", "dice")
"""Losses of class numbers."""

USUAL = {
    "classification": "cross_entropy",
    "segmentation": "cross_entropy",
    "multi-label": "bce",
    "regression": "mse",
    "other": "cross_entropy",
}
"""Kind of task -> the loss that is taken if none is given."""


def part_of(values: Any, head: str) -> Any:
    """What a head has of outputs or targets: by its name in a dictionary, by its number in a tuple or a list.

    Raises:
        Misfit: There is nothing for it.
    """
    try:
        if isinstance(values, Mapping):
            return values[head]
        if isinstance(values, tuple | list):
            return values[int(head)]
    except (KeyError, IndexError, ValueError):
        pass
    raise Misfit(f"nothing for head {head!r} in a {type(values).__name__}: give a dict or a tuple with all heads")


@dataclass(frozen=True)
class HeadsLoss:
    """The sum of the losses of several heads.

    Args:
        heads: Name -> its loss.

    Example:
        >>> loss = HeadsLoss({"size": mse, "age": l1})
        >>> loss({"size": torch.ones(2), "age": torch.ones(2)}, {"size": torch.zeros(2), "age": -torch.ones(2)})
        tensor(3.)
    """

    heads: Mapping[str, LossFunction]

    def __call__(self, outputs: Any, targets: Any) -> Tensor:
        losses = [loss(part_of(outputs, head), part_of(targets, head)) for head, loss in self.heads.items()]
        return cast(Tensor, sum(losses[1:], losses[0]))


def get_loss(given: Any, task: Task, smoothing: float = 0.0) -> LossFunction:
    """Finds a loss.

    Args:
        given: A name, a function of (outputs, targets), a module; a dictionary of these for several heads; or None for
            the usual loss of the task.
        task: What is to be predicted.
        smoothing: Of the labels; for cross entropy.

    Returns:
        (outputs, targets) -> the mean loss of a batch.

    Raises:
        InputError: There is no such loss, or it has no labels to smooth.

    Example:
        >>> get_loss(None, Task("regression", 1)).__name__
        'mse'
    """
    if task.kind == "several" and (given is None or isinstance(given, str | Mapping)):
        wanted = given if isinstance(given, Mapping) else dict.fromkeys(task.heads, given)
        if set(wanted) != set(task.heads):
            raise InputError(f"loss of the heads {', '.join(map(str, wanted))}: the data has {', '.join(task.heads)}")
        return HeadsLoss({head: _of_head(wanted[head], of, smoothing) for head, of in task.heads.items()})
    if given is None:
        given = USUAL[task.kind]
    if given is F.cross_entropy:
        given = "cross_entropy"
    if isinstance(given, str) and given not in LOSSES:
        given = look_up("loss", given, LOSSES)
    if isinstance(given, str):
        if smoothing and given != "cross_entropy":
            raise InputError(f"label_smoothing {smoothing} is for cross_entropy, not for {given}: leave it out")
        smoothed: LossFunction = partial(F.cross_entropy, label_smoothing=smoothing)
        return smoothed if smoothing else LOSSES[given]
    if not callable(given):
        raise InputError(f"loss {shown(given)}: give a name ({', '.join(LOSSES)}) or a function of (outputs, targets)")
    if smoothing:
        raise InputError(f"label_smoothing {smoothing} is for the loss cross_entropy: smooth in your own loss")
    return cast(LossFunction, given)


def _of_head(given: Any, task: Task, smoothing: float) -> LossFunction:
    smooth = smoothing if (given or USUAL[task.kind]) == "cross_entropy" else 0.0
    return get_loss(given, task, smooth)

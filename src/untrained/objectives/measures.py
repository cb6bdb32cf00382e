"""What trained networks are measured by, sample by sample as the batches come."""

import copy
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from untrained.errors import InputError
from untrained.objectives.base import Direction
from untrained.objectives.feed import joined, on
from untrained.objectives.losses import Misfit, alike, check_classes


class Measure(ABC):
    """A figure of outputs and targets that come in batches.

    Attributes:
        name: What studies and reports call it.
        direction: Which way it is better.
    """

    name: str
    direction: Direction = "maximize"

    @abstractmethod
    def reset(self) -> None:
        """Forgets all batches."""

    @abstractmethod
    def update(self, outputs: Any, targets: Any) -> None:
        """Takes in a batch.

        Args:
            outputs: What the network returned.
            targets: The targets.
        """

    @abstractmethod
    def compute(self) -> float:
        """The figure of all batches."""


class Accuracy(Measure):
    """Share of targets that the largest output names, in %; with `top`, that one of the largest names.

    Args:
        top: How many of the largest.
        multi_label: A sample counts if all its labels are right.
    """

    def __init__(self, top: int = 1, multi_label: bool = False) -> None:
        self.name = "accuracy" if top == 1 else f"top{top}"
        self._top, self._multi_label = top, multi_label
        self.reset()

    def reset(self) -> None:
        self._right, self._seen = torch.tensor(0), torch.tensor(0)

    def update(self, outputs: Any, targets: Any) -> None:
        if self._multi_label:
            outputs, targets = alike(outputs, targets)
            right = ((outputs > 0) == (targets > 0.5)).flatten(1).all(1)
            seen = torch.ones_like(right)
        elif self._top == 1:
            right, seen = predicted(outputs, targets) == targets, targets >= 0
        else:
            check_classes(outputs, targets)
            if outputs.shape[1] < self._top:
                raise Misfit(f"{self.name} of {outputs.shape[1]} outputs: take accuracy")
            right, seen = (outputs.topk(self._top, 1).indices == targets.unsqueeze(1)).any(1), targets >= 0
        self._right = self._right.to(right.device) + (right & seen).sum()
        self._seen = self._seen.to(right.device) + seen.sum()

    def compute(self) -> float:
        return 100.0 * (self._right.item() / self._seen.item())


class Perplexity(Measure):
    """exp of the mean cross-entropy of the targets: 1 if each is certain, K if K classes are equally likely."""

    name, direction = "perplexity", "minimize"

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._lost, self._seen = torch.tensor(0.0, dtype=torch.float64), torch.tensor(0)

    def update(self, outputs: Any, targets: Any) -> None:
        check_classes(outputs, targets)
        lost = F.cross_entropy(outputs, targets.long(), reduction="sum")
        self._lost = self._lost.to(lost.device) + lost.double()
        self._seen = self._seen.to(lost.device) + (targets >= 0).sum()

    def compute(self) -> float:
        return (self._lost / self._seen).exp().item()


class FromCounts(Measure):
    """A figure of how often each class is predicted, is right, and is both.

    Args:
        name: One of `COUNTED`.
        multi_label: Targets are K zeros and ones.
    """

    def __init__(self, name: str, multi_label: bool = False) -> None:
        self.name = name
        self._multi_label = multi_label
        self.reset()

    def reset(self) -> None:
        self._counts: Tensor | None = None

    def update(self, outputs: Any, targets: Any) -> None:
        if self._multi_label:
            outputs, targets = alike(outputs, targets)
            given, wanted = outputs > 0, targets > 0.5
            counts = torch.stack([part.sum(0) for part in (given, wanted, given & wanted)])
        else:
            given, k = predicted(outputs, targets), max(outputs.shape[1], 2)
            given, wanted = (torch.where(targets >= 0, part, k).flatten() for part in (given, targets))
            parts = (given, wanted, torch.where(given == wanted, given, k))
            counts = torch.stack([torch.bincount(part, minlength=k + 1)[:k] for part in parts])
        self._counts = counts if self._counts is None else self._counts + counts

    def compute(self) -> float:
        assert self._counts is not None
        given, wanted, both = self._counts.cpu().double()
        return COUNTED[self.name](given, wanted, both, self._multi_label)


def f1(given: Tensor, wanted: Tensor, both: Tensor, all_classes: bool = False) -> float:
    """The mean over classes of 2 |both| / (|given| + |wanted|); a class that is neither given nor wanted is left out,
    or counts as 0 if `all_classes`."""
    return _mean(2 * both, given + wanted, all_classes)


def iou(given: Tensor, wanted: Tensor, both: Tensor, all_classes: bool = False) -> float:
    """The mean over classes of |both| / |either|, likewise."""
    return _mean(both, given + wanted - both, all_classes)


def balanced_accuracy(given: Tensor, wanted: Tensor, both: Tensor, all_classes: bool = False) -> float:
    """The mean over classes of the share that is found; classes without samples are left out."""
    return _mean(both, wanted, all_classes)


def mcc(given: Tensor, wanted: Tensor, both: Tensor, all_classes: bool = False) -> float:
    """Matthews' correlation coefficient of K classes (Gorodkin, 2004, eq. 8); 0 if only one is given or wanted."""
    n = wanted.sum()
    spread = (n**2 - (given**2).sum()) * (n**2 - (wanted**2).sum())
    return ((both.sum() * n - (given * wanted).sum()) / spread.sqrt()).item() if spread > 0 else 0.0


def _mean(part: Tensor, whole: Tensor, all_classes: bool) -> float:
    kept = torch.ones_like(whole, dtype=torch.bool) if all_classes else whole > 0
    return (part / whole.clamp_min(1))[kept].mean().item()


COUNTED: dict[str, Callable[[Tensor, Tensor, Tensor, bool], float]] = {
    "balanced_accuracy": balanced_accuracy,
    "f1": f1,
    "mcc": mcc,
    "iou": iou,
    "dice": f1,
}
"""Name -> (how often each class is given, wanted, both; whether classes without any count) -> figure."""


class Gathered(Measure):
    """A figure of all outputs and targets at once, which are kept on the CPU.

    Args:
        name: What it is called.
        function: (all outputs, all targets) -> a number.
        direction: Which way it is better.
    """

    def __init__(self, name: str, function: Callable[[Any, Any], Any], direction: Direction) -> None:
        self.name, self.function, self.direction = name, function, direction
        self.reset()

    def reset(self) -> None:
        self._pairs = list[tuple[Any, Any]]()

    def update(self, outputs: Any, targets: Any) -> None:
        self._pairs.append((on(CPU, outputs), on(CPU, targets)))

    def compute(self) -> float:
        outputs, targets = (joined(list(parts)) for parts in zip(*self._pairs, strict=True))
        self.reset()
        return float(self.function(outputs, targets))


CPU = torch.device("cpu")


class OfLibrary(Measure):
    """A `torchmetrics.Metric`, or what has the same `update`, `compute` and `reset`.

    Args:
        metric: It is copied.
        direction: Which way it is better, if it does not say so itself.
    """

    def __init__(self, metric: Any, direction: Direction | None) -> None:
        self.name = type(metric).__name__
        higher = getattr(metric, "higher_is_better", None)
        if higher is None and direction is None:
            raise InputError(f"{self.name} does not say which way it is better: give direction=")
        self.direction = direction or ("maximize" if higher else "minimize")
        self._metric = copy.deepcopy(metric)

    def reset(self) -> None:
        self._metric.reset()

    def update(self, outputs: Any, targets: Any) -> None:
        if isinstance(outputs, Tensor) and hasattr(self._metric, "to"):
            self._metric.to(outputs.device)
        if isinstance(outputs, Tensor) and isinstance(targets, Tensor) and targets.is_floating_point():
            outputs, targets = alike(outputs, targets)
        self._metric.update(outputs, targets)

    def compute(self) -> float:
        return float(self._metric.compute())


def predicted(outputs: Any, targets: Any) -> Tensor:
    """The class that outputs name: n x K (x ...) -> n (x ...), and n x 1 -> 1 if the number is above 0."""
    if isinstance(outputs, Tensor) and isinstance(targets, Tensor) and outputs.numel() == targets.numel():
        return (alike(outputs, targets)[0] > 0).long()
    check_classes(outputs, targets)
    return outputs.argmax(1)


def _by_torchmetrics(name: str, multi_label: bool) -> Callable[[Any, Any], Any]:
    """A figure of torchmetrics: the mean over the classes that have samples (and, multi-label, lack some)."""

    def figure(outputs: Tensor, targets: Tensor) -> Tensor:
        import torchmetrics.functional.classification as library

        outputs, targets, k = outputs.double(), targets.long(), outputs.shape[-1] if outputs.ndim > 1 else 1
        with warnings.catch_warnings():  # of the classes that are left out
            warnings.simplefilter("ignore", UserWarning)
            if k == 1:
                return getattr(library, f"binary_{name}")(outputs.flatten().sigmoid(), targets.flatten())
            if multi_label:
                each = getattr(library, f"multilabel_{name}")(outputs.sigmoid(), targets, k, average=None)
                return each[(targets.sum(0) > 0) & (targets.sum(0) < len(targets))].mean()
            each = getattr(library, f"multiclass_{name}")(outputs.softmax(1), targets, k, average=None)
            return each[targets.bincount(minlength=k) > 0].mean()

    return figure


def rmse(outputs: Any, targets: Any) -> float:
    """The root of the mean squared error; of several outputs, the mean over them."""
    errors = _errors(outputs, targets)
    return (errors**2).mean(0).sqrt().mean().item()


def mae(outputs: Any, targets: Any) -> float:
    """The mean absolute error."""
    return _errors(outputs, targets).abs().mean().item()


def r2(outputs: Any, targets: Any) -> float:
    """The coefficient of determination: 1 - squared error / variance; of several outputs, the mean over them."""
    errors, targets = _errors(outputs, targets), targets.double().reshape(len(targets), -1)
    return (1 - (errors**2).sum(0) / ((targets - targets.mean(0)) ** 2).sum(0)).mean().item()


def spearman(outputs: Any, targets: Any) -> float:
    """Spearman's rank correlation; of several outputs, the mean over them. 0 if all outputs are equal."""
    from scipy.stats import rankdata

    outputs, targets = alike(outputs, targets)
    ranks = [rankdata(part.double().reshape(len(part), -1).numpy(), axis=0) for part in (outputs, targets)]
    given, wanted = (torch.from_numpy(part - part.mean(0)) for part in ranks)
    spread = ((given**2).sum(0) * (wanted**2).sum(0)).sqrt()
    return torch.where(spread > 0, (given * wanted).sum(0) / spread, 0.0).mean().item()


def _errors(outputs: Any, targets: Any) -> Tensor:
    outputs, targets = alike(outputs, targets)
    return (outputs.double() - targets.double()).reshape(len(outputs), -1)


Made = Callable[[], Measure]


def _counts(name: str, multi_label: bool = False) -> Made:
    return lambda: FromCounts(name, multi_label)


def _library(name: str, multi_label: bool = False) -> Made:
    return lambda: Gathered(name, _by_torchmetrics(name, multi_label), "maximize")


def _gathered(function: Callable[[Any, Any], float], direction: Direction) -> Made:
    return lambda: Gathered(function.__name__, function, direction)


_OF_CLASSES: dict[str, Made] = {
    "accuracy": Accuracy,
    "top5": lambda: Accuracy(5),
    "perplexity": Perplexity,
    **{name: _counts(name) for name in ("balanced_accuracy", "f1", "mcc")},
    **{name: _library(name) for name in ("auroc", "average_precision")},
}
MEASURES: dict[str, dict[str, Made]] = {
    "classification": _OF_CLASSES,
    "segmentation": {
        "iou": _counts("iou"),
        "dice": _counts("dice"),
        "accuracy": Accuracy,
        "perplexity": Perplexity,
        **{name: _counts(name) for name in ("balanced_accuracy", "mcc")},
    },
    "multi-label": {
        **{name: _library(name, True) for name in ("average_precision", "auroc")},
        **{name: _counts(name, True) for name in ("f1", "iou")},
        "accuracy": lambda: Accuracy(multi_label=True),
    },
    "regression": {
        "rmse": _gathered(rmse, "minimize"),
        "mae": _gathered(mae, "minimize"),
        "r2": _gathered(r2, "maximize"),
        "spearman": _gathered(spearman, "maximize"),
    },
    "other": _OF_CLASSES,
}
"""Kind of task -> name -> a new measure; the first is the usual one."""

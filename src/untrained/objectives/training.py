"""Real trainings."""

import math
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import optuna
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import Dataset

from untrained.data.content import content_of
from untrained.errors import InputError
from untrained.objectives.base import Direction, Evaluation, EvaluationFailed, Objective
from untrained.objectives.batches import (
    Batch,
    Data,
    as_dataset,
    augmented,
    batches,
    check_augmentable,
    drawn_batch,
    joined,
    layout,
)
from untrained.runtime.devices import usable_device
from untrained.runtime.identity import described
from untrained.runtime.interrupts import check_interrupt
from untrained.runtime.seeding import derive_seed, seeded
from untrained.runtime.threads import torch_threads
from untrained.spaces import SearchSpace, as_space


def accuracy(outputs: Tensor, targets: Tensor) -> float:
    """Share of samples whose largest output is the target, in %.

    Args:
        outputs: n x classes, or n x classes x ... for a class at each position.
        targets: n class labels, or n x ... of them.

    Returns:
        The share, from 0 to 100.

    Example:
        >>> accuracy(torch.tensor([[0.1, 0.9], [0.8, 0.2]]), torch.tensor([1, 1]))
        50.0
    """
    if not isinstance(outputs, Tensor) or not isinstance(targets, Tensor):
        raise InputError(
            f"accuracy compares one tensor with labels, and the network returns a {type(outputs).__name__}: "
            "give metric=, a function of (outputs, targets)"
        )
    return 100.0 * (outputs.argmax(1) == targets).double().mean().item()


class TrainingObjective(Objective):
    """Trains the network of an architecture, and measures it on the validation data after the last epoch.

    The recipe is that of NAS-Bench-201 (Dong & Yang, ICLR 2020, table 1): SGD with Nesterov momentum 0.9 and weight
    decay 5e-4; the learning rate falls from `learning_rate` to 0 by a cosine over all steps (the paper's is 0.1, for
    batches of 256). The initial weights depend on `seed` and the architecture; they are other weights than those that
    the metrics scored.

    Each epoch's validation figure is reported to the trial, so that an Optuna pruner can stop the training. A loss that
    is not finite is a failed training.

    Args:
        space: The space of the architectures; it builds the networks.
        train: A data set of pairs (input, target), or a pair of arrays (n x ..., n). An input or a target may be a
            tensor, or tuples, lists and dictionaries of tensors; the network and the loss get them as they are.
        valid: Data of the same form, for the value of the objective.
        test: Data of the same form, for the final pick only.
        epochs: Passes over the training data.
        batch_size: Samples a step.
        learning_rate: At the start.
        loss: (outputs, targets) -> the mean loss of a batch, a scalar.
        metric: (all outputs, all targets) -> a number; accuracy in % unless given.
        direction: Which way the metric is better, "maximize" or "minimize".
        augment: Flip and crop the inputs at random. They must be images and the targets labels.
        seed: With the architecture, decides the initial weights, the order of samples and the augmentation. On one kind
            of device, with one number of threads, the same call gives the same value.
        device: "auto" takes CUDA, then Apple's MPS, then the CPU.
        threads: Of torch on the CPU. One is reproducible anywhere, and fastest for small images.
        data_name: What the study calls the data.
        on_step: Called with (steps done, steps in all) during each training.

    Raises:
        InputError: An option is out of range, or the data cannot be used.

    Example:
        >>> from untrained import NASBench201, TrainingObjective, load_data
        >>> data, space = load_data("digits"), NASBench201(N=1, C=4, in_channels=1)
        >>> objective = TrainingObjective(space, data.split("train"), data.split("valid"), epochs=1)
        >>> evaluation = objective("|skip_connect~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|")
        >>> 0 <= evaluation.value <= 100
        True
    """

    recipe = ("epochs", "batch_size", "learning_rate", "augment", "seed", "threads", "device")
    """What of `identity` says how networks are trained, not on what nor for what."""

    recipe = ("epochs", "batch_size", "learning_rate", "augment", "seed", "threads", "device")

    def __init__(
        self,
        space: SearchSpace,
        train: Data,
        valid: Data,
        test: Data | None = None,
        *,
        epochs: int = 12,
        batch_size: int = 64,
        learning_rate: float = 0.025,
        loss: Callable[[Any, Any], Tensor] = F.cross_entropy,
        metric: Callable[[Any, Any], float] = accuracy,
        direction: Direction = "maximize",
        augment: bool = False,
        seed: int = 0,
        device: str = "auto",
        threads: int = 1,
        data_name: str = "arrays",
        on_step: Callable[[int, int], None] | None = None,
    ) -> None:
        for name, value in (("epochs", epochs), ("batch_size", batch_size), ("threads", threads)):
            if not isinstance(value, int) or value < 1:
                raise InputError(f"{name} {value!r}: give a whole number of at least 1")
        if not 0 < learning_rate < math.inf:
            raise InputError(f"learning_rate {learning_rate}: give a finite number above 0")
        self.space = as_space(space)
        if not self.space.has_networks:
            raise InputError(f"space {self.space.name!r} has no networks to train: it knows strings and tables only")
        self.train = as_dataset(train, "training")
        self.valid = as_dataset(valid, "validation")
        if _length(self.train) < 2:
            raise InputError("the training data has 1 sample: give at least 2")
        self.test = None if test is None else as_dataset(test, "test")
        if augment:
            check_augmentable(self.train)
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.loss = loss
        self.metric = metric
        self.direction: Direction = direction
        self.augment = augment
        self.seed = seed
        self.device = usable_device(device)
        self.threads = threads
        self.data_name = data_name
        self.on_step = on_step

    @property
    def identity(self) -> dict[str, Any]:
        """What the values depend on: data, recipe, loss, metric, seed, device (JSON)."""
        return self._identity

    @cached_property
    def _identity(self) -> dict[str, Any]:
        return {
            "kind": "training",
            "data": self.data_name,
            "content": [content_of(data) for data in (self.train, self.valid)],
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "loss": described(self.loss),
            "metric": _name(self.metric),
            "metric_code": described(self.metric),
            "direction": self.direction,
            "augment": self.augment,
            "seed": self.seed,
            "threads": self.threads,
            "device": self.device.type,
        }

    def batch(self, n: int, seed: int = 0) -> Batch:
        """`n` training samples drawn with `seed`, for metrics to look at."""
        return drawn_batch(self.train, n, seed)

    def second_batch(self, n: int, seed: int = 0) -> Batch:
        """`n` training samples, none of which is in `batch(n, seed)`."""
        return drawn_batch(self.train, n, seed, second=True)

    @property
    def example(self) -> Tensor | None:
        """One validation input, 1 x ...; None if a network takes more than one tensor."""
        inputs, _ = drawn_batch(self.valid, 1, 0)
        return inputs if isinstance(inputs, Tensor) else None

    @property
    def steps(self) -> tuple[int, ...]:
        """The epochs, from 1."""
        return tuple(range(1, self.epochs + 1))

    def __call__(self, arch: str, trial: optuna.Trial | None = None) -> Evaluation:
        """Trains the network of `arch`.

        Returns:
            The metric on the validation data, the wall-clock seconds, and the trained weights on the CPU.

        Raises:
            EvaluationFailed: The loss or the metric became infinite or NaN.
            optuna.TrialPruned: The pruner of the trial's study stopped the training.
        """
        start = time.perf_counter()
        with seeded(derive_seed(self.seed, "training", arch), self.device), torch_threads(self.threads):
            net = _placed(self.space.build(arch), self.device)
            value = self._fit(net, trial)
        weights = {name: tensor.detach().cpu().clone() for name, tensor in net.state_dict().items()}
        return Evaluation(value, time.perf_counter() - start, weights)

    def report(self, arch: str, weights: Mapping[str, Tensor] | None) -> dict[str, float]:
        """The metric on the test data, of the network of `arch` with these weights; empty if there is no test data."""
        if self.test is None or weights is None:
            return {}
        with seeded(0):
            net = self.space.build(arch).to(self.device)
        net.load_state_dict(dict(weights))
        return {f"test_{_name(self.metric)}": self._measure(net, self.test)}

    def _fit(self, net: nn.Module, trial: optuna.Trial | None) -> float:
        optimizer = SGD(net.parameters(), self.learning_rate, momentum=0.9, nesterov=True, weight_decay=5e-4)
        steps = self.epochs * math.ceil(_length(self.train) / self.batch_size)
        schedule = CosineAnnealingLR(optimizer, steps)
        step, value = 0, math.nan
        for epoch in range(1, self.epochs + 1):
            net.train()
            for inputs, targets in batches(self.train, self.batch_size, self.device, shuffle=True):
                check_interrupt()
                optimizer.zero_grad()
                loss = self._loss(net(augmented(inputs) if self.augment else inputs), targets)
                if not torch.isfinite(loss):
                    raise EvaluationFailed(f"the loss became {loss.item()} in epoch {epoch}")
                loss.backward()
                optimizer.step()
                schedule.step()
                step += 1
                if self.on_step:
                    self.on_step(step, steps)
            value = self._measure(net, self.valid)
            if trial is not None:
                trial.report(value, epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned(f"stopped after epoch {epoch} of {self.epochs}")
        return value

    def _loss(self, outputs: Any, targets: Any) -> Tensor:
        if self.loss is F.cross_entropy and not isinstance(outputs, Tensor):
            raise InputError(
                f"the network returns a {type(outputs).__name__}, and cross entropy takes one tensor: "
                "give loss=, a function of (outputs, targets)"
            )
        return self.loss(outputs, targets)

    @torch.no_grad()
    def _measure(self, net: nn.Module, data: Dataset[Any]) -> float:
        net.eval()
        pairs = [
            (net(inputs), targets) for inputs, targets in batches(data, self.batch_size, self.device, shuffle=False)
        ]
        outputs, targets = (joined(list(parts)) for parts in zip(*pairs, strict=True))
        value = float(self.metric(outputs, targets))
        if not math.isfinite(value):
            raise EvaluationFailed(f"the {_name(self.metric)} is {value}")
        return value


def _placed(net: nn.Module, device: torch.device) -> nn.Module:
    """`net` on `device`, each weight in the memory format of the inputs that it meets."""
    net = net.to(device)
    for tensor in (*net.parameters(), *net.buffers()):
        tensor.data = tensor.data.to(memory_format=layout(tensor))
    return net


def _length(data: Dataset[Any]) -> int:
    return len(data)  # pyright: ignore[reportArgumentType] - as_dataset has seen that it has one


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", None) or type(function).__name__

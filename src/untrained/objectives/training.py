"""Real trainings."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cached_property
from typing import Any

import optuna
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import Dataset

from untrained.data import as_data
from untrained.errors import InputError
from untrained.objectives.base import Direction, Evaluation, EvaluationFailed, Objective
from untrained.objectives.batches import Batch, augmented, batches, check_augmentable, joined, layout
from untrained.objectives.recipe import Recipe
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

    The initial weights depend on `seed` and the architecture; they are other weights than those that the metrics
    scored.

    Each epoch's validation figure is reported to the trial, so that an Optuna pruner can stop the training. A loss that
    is not finite is a failed training.

    Args:
        space: The space of the architectures; it builds the networks.
        data: What `as_data` takes: `Data`, a name, a file, a folder, or {"train": ..., "valid": ..., "test": ...} of
            data sets of PyTorch or pairs of arrays. "valid" gives the value, "test" the figure of the final pick.
        recipe: How the networks are trained.
        loss: (outputs, targets) -> the mean loss of a batch, a scalar.
        metric: (all outputs, all targets) -> a number; accuracy in % unless given.
        direction: Which way the metric is better, "maximize" or "minimize".
        seed: With the architecture, decides the initial weights, the order of samples and the augmentation. On one kind
            of device, with one number of threads, the same call gives the same value.
        device: "auto" takes CUDA, then Apple's MPS, then the CPU.
        threads: Of torch on the CPU. One is reproducible anywhere, and fastest for small images.
        on_step: Called with (steps done, steps in all) during each training.

    Raises:
        InputError: An option is out of range, or the data cannot be used.

    Example:
        >>> from untrained import NASBench201, Recipe, TrainingObjective
        >>> space = NASBench201(N=1, C=4, in_channels=1)
        >>> objective = TrainingObjective(space, "digits", Recipe(epochs=1))
        >>> evaluation = objective("|skip_connect~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|")
        >>> 0 <= evaluation.value <= 100
        True
    """

    apart = True
    recipe = (*(field.name for field in fields(Recipe)), "seed", "threads", "device")
    """What of `identity` says how networks are trained, not on what nor for what."""

    def __init__(
        self,
        space: SearchSpace,
        data: Any,
        recipe: Recipe | None = None,
        *,
        loss: Callable[[Any, Any], Tensor] = F.cross_entropy,
        metric: Callable[[Any, Any], float] = accuracy,
        direction: Direction = "maximize",
        seed: int = 0,
        device: str = "auto",
        threads: int = 1,
        on_step: Callable[[int, int], None] | None = None,
    ) -> None:
        if not isinstance(threads, int) or threads < 1:
            raise InputError(f"threads {threads!r}: give a whole number of at least 1")
        self.space = as_space(space)
        if not self.space.has_networks:
            raise InputError(f"space {self.space.name!r} has no networks to train: it knows strings and tables only")
        self.data = as_data(data)
        self.training = recipe or Recipe()
        if self.training.augment != "none":
            check_augmentable(self.data.split("train"))
        self.loss = loss
        self.metric = metric
        self.direction: Direction = direction
        self.seed = seed
        self.device = usable_device(device)
        self.threads = threads
        self.on_step = on_step

    @property
    def identity(self) -> dict[str, Any]:
        """What the values depend on: data, recipe, loss, metric, seed, device (JSON)."""
        return self._identity

    @cached_property
    def _identity(self) -> dict[str, Any]:
        return {
            "kind": "training",
            "data": self.data.name,
            "content": self.data.fingerprint,
            **self.training.to_json(),
            "loss": described(self.loss),
            "metric": _name(self.metric),
            "metric_code": described(self.metric),
            "direction": self.direction,
            "seed": self.seed,
            "threads": self.threads,
            "device": self.device.type,
        }

    def batch(self, n: int, seed: int = 0) -> Batch:
        """`n` training samples drawn with `seed`, for metrics to look at."""
        return self.data.batch(n, seed)

    def second_batch(self, n: int, seed: int = 0) -> Batch:
        """`n` training samples, none of which is in `batch(n, seed)`."""
        return self.data.second_batch(n, seed)

    @property
    def example(self) -> Tensor | None:
        """One input, 1 x ...; None if a network takes more than one tensor."""
        inputs = self.data.example
        return inputs if isinstance(inputs, Tensor) else None

    @property
    def steps(self) -> tuple[int, ...]:
        """The epochs, from 1."""
        return tuple(range(1, self.training.epochs + 1))

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
        if self.data.raw("test") is None or weights is None:
            return {}
        with seeded(0):
            net = self.space.build(arch).to(self.device)
        net.load_state_dict(dict(weights))
        return {f"test_{_name(self.metric)}": self._measure(net, self.data.split("test"))}

    def _fit(self, net: nn.Module, trial: optuna.Trial | None) -> float:
        recipe, train, valid = self.training, self.data.split("train"), self.data.split("valid")
        optimizer = SGD(net.parameters(), recipe.learning_rate, momentum=0.9, nesterov=True, weight_decay=5e-4)
        steps = recipe.epochs * math.ceil(len(train) / recipe.batch_size)
        schedule = CosineAnnealingLR(optimizer, steps)
        step, value = 0, math.nan
        for epoch in range(1, recipe.epochs + 1):
            net.train()
            for inputs, targets in batches(train, recipe.batch_size, self.device, shuffle=True):
                check_interrupt()
                optimizer.zero_grad()
                loss = self._loss(net(augmented(inputs) if recipe.augment != "none" else inputs), targets)
                if not torch.isfinite(loss):
                    raise EvaluationFailed(f"the loss became {loss.item()} in epoch {epoch}")
                loss.backward()
                optimizer.step()
                schedule.step()
                step += 1
                if self.on_step:
                    self.on_step(step, steps)
            value = self._measure(net, valid)
            if trial is not None:
                trial.report(value, epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned(f"stopped after epoch {epoch} of {recipe.epochs}")
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
            (net(inputs), targets)
            for inputs, targets in batches(data, self.training.batch_size, self.device, shuffle=False)
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


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", None) or type(function).__name__

"""Real trainings."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import fields, replace
from functools import cached_property
from typing import Any, Literal

import optuna
import torch
from optuna.trial import BaseTrial
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from untrained.data import as_data
from untrained.data.datasets import CALLED
from untrained.data.decoded import Decoded
from untrained.errors import InputError
from untrained.objectives.augmentation import Inputs, check_augmentable
from untrained.objectives.base import Direction, Evaluation, Objective
from untrained.objectives.feed import Batch, Feed, together
from untrained.objectives.fitting import Fit, measured, placed
from untrained.objectives.goal import make_goal
from untrained.objectives.optimisation import Precision
from untrained.objectives.recipe import Recipe
from untrained.objectives.trying import check_fit, some_networks, usual
from untrained.objectives.tuning import read_tune
from untrained.runtime.devices import temporarily, usable_device
from untrained.runtime.seeding import derive_seed, seeded
from untrained.runtime.threads import torch_threads
from untrained.spaces import SearchSpace, as_space

Part = Literal["train", "train+valid"]


class TrainingObjective(Objective):
    """Trains the network of an architecture, and measures it on the validation data after the last epoch.

    The initial weights depend on `seed` and the architecture; they are other weights than those that the metrics
    scored.

    Each epoch's validation figure is reported to the trial, so that an Optuna pruner can stop the training. A loss that
    is not finite, or too little memory, is a failed training.

    Args:
        space: The space of the architectures; it builds the networks.
        data: What `as_data` takes: `Data`, a name, a file, a folder, or {"train": ..., "valid": ..., "test": ...} of
            data sets of PyTorch or pairs of arrays. "valid" gives the value, "test" the figure of the final pick.
        recipe: How the networks are trained.
        tune: Fields of the recipe that each training asks its trial for, and between what (see `read_tune`), such as
            "lr=1e-4..1e-1 log". Without a trial, they are as the recipe says.
        loss: A name (cross_entropy, focal, dice, bce, mse, l1, huber), a function of (outputs, targets) or a module,
            which give the mean loss of a batch; a dictionary of these for several heads. None for the usual one of the
            task.
        metrics: A name (accuracy, top5, balanced_accuracy, f1, mcc, auroc, average_precision; iou, dice; rmse, mae, r2,
            spearman), a function of (all outputs, all targets), or a `torchmetrics.Metric`; several in a list, of which
            the first is searched for and all are recorded. None for the usual one of the task.
        direction: Which way a function is better, "maximize" or "minimize"; names know it.
        seed: With the architecture, decides the initial weights, the order of samples and the augmentation. On one kind
            of device, with one number of threads, the same call gives the same value.
        device: "auto" takes CUDA, then Apple's MPS, then the CPU.
        threads: Of torch on the CPU. One is reproducible anywhere, and fastest for small images.
        data_workers: Processes that read samples that are not in memory (see `Feed`).
        on_step: Called with (steps done, steps in all) during each training.

    Raises:
        InputError: An option is out of range, the data cannot be used, or the networks of the space do not fit it.

    Example:
        >>> from untrained import NASBench201, Recipe, TrainingObjective
        >>> space = NASBench201(N=1, C=4, in_channels=1)
        >>> objective = TrainingObjective(space, "digits", Recipe(epochs=1))
        >>> evaluation = objective("|skip_connect~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|")
        >>> 0 <= evaluation.value <= 100
        True
    """

    apart = True
    recipe = (
        *(field.name for field in fields(Recipe)),
        "tune",
        "tune_beside",
        "seed",
        "threads",
        "device",
        "data_workers",
    )
    """What of `identity` says how networks are trained, not on what nor for what."""

    def __init__(
        self,
        space: SearchSpace,
        data: Any,
        recipe: Recipe | None = None,
        *,
        tune: Any = None,
        loss: Any = None,
        metrics: Any = None,
        direction: Direction | None = None,
        seed: int = 0,
        device: str = "auto",
        threads: int = 1,
        data_workers: int | None = None,
        on_step: Callable[[int, int], None] | None = None,
    ) -> None:
        for name, number, least in (("threads", threads, 1), ("data_workers", data_workers or 0, 0)):
            if not isinstance(number, int) or number < least:
                raise InputError(f"{name} {number!r}: give a whole number of at least {least}")
        self.space = as_space(space)
        if not self.space.has_networks:
            raise InputError(f"space {self.space.name!r} has no networks to train: it knows strings and tables only")
        self.data = as_data(data)
        given = recipe or Recipe()
        if given.batch_size is None:
            given = replace(given, batch_size=self.data.batch_size)
        self.given, self.hyperparameters = given, read_tune(tune)
        """The recipe as it was given; what of it is searched for, if anything is."""
        self._check_tuned()
        self._asked_for = loss, metrics, direction
        self.goal = make_goal(self.data.task, loss, metrics, direction, given.label_smoothing)
        self.loss = self.goal.plain_loss
        self.direction: Direction = self.goal.direction
        self.seed = seed
        self.device = usable_device(device)
        self.threads = threads
        self.data_workers = data_workers
        self.on_step = on_step
        networks = some_networks(self.space)
        self._usual = usual(networks, self.data, self.device)
        self.training = given.resolved(**self._usual)
        """The recipe, with nothing left open."""
        self._check_augment(given)
        self.inputs = self._inputs(given)
        self._feeds = dict[str, Feed]()
        self._open: TrainingObjective | None = None  # whose samples on the device are used
        Precision(self.training.precision, self.device)
        self._check_targets()
        check_fit(networks, self.data, self.goal)

    def __getstate__(self) -> dict[str, Any]:
        """Another process reads the data anew."""
        return vars(self) | {"_feeds": {}}

    @property
    def identity(self) -> dict[str, Any]:
        """What the values depend on: data, recipe, loss, metrics, seed, device (JSON)."""
        return self._identity

    @cached_property
    def _identity(self) -> dict[str, Any]:
        tuned = self.hyperparameters
        return {
            "kind": "training",
            "data": self.data.name,
            "content": self.data.fingerprint,
            **self.training.to_json(),
            **self.goal.identity,
            "direction": self.direction,
            "seed": self.seed,
            "threads": self.threads,
            "device": self.device.type,
            **({} if tuned is None else {"tune": str(tuned), "tune_beside": json.dumps(self.given.chosen)}),
            **({"data_workers": self.data_workers} if self.data_workers and self._draws else {}),
        }

    @property
    def _draws(self) -> bool:
        """Whether samples may draw random numbers when they are read, which come from other streams in workers."""
        return not isinstance(self.data.raw("train"), TensorDataset | Decoded)

    def batch(self, n: int, seed: int = 0) -> Batch:
        """`n` training samples drawn with `seed`, for metrics to look at."""
        return self.data.batch(n, seed)

    def second_batch(self, n: int, seed: int = 0) -> Batch:
        """`n` training samples, none of which is in `batch(n, seed)`."""
        return self.data.second_batch(n, seed)

    @property
    def example(self) -> Any:
        """One prepared input, as a batch of one."""
        return self.data.example

    @property
    def steps(self) -> tuple[int, ...]:
        """The epochs, from 1."""
        tuned = self.hyperparameters
        return tuple(range(1, 1 + ((tuned and tuned.most_epochs) or self.training.epochs)))

    def suggest(self, trial: BaseTrial) -> dict[str, Any]:
        """Asks a trial for the fields of the recipe that are searched for."""
        return {} if self.hyperparameters is None else self.hyperparameters.asked_of(trial)

    def usual_values(self) -> dict[str, Any]:
        """The recipe's own values of these fields, as far as they are within the bounds."""
        return {} if self.hyperparameters is None else self.hyperparameters.held(self.training)

    def fixed(self, values: Mapping[str, Any]) -> "TrainingObjective":
        """The objective that trains with these values, and asks for nothing.

        Args:
            values: Field of the recipe -> its value.

        Raises:
            InputError: The recipe refuses a value.
        """
        if not values and self.hyperparameters is None:
            return self
        twin = copy(self)
        twin.given = replace(self.given, **values)
        twin.hyperparameters = None
        twin.training = twin.given.resolved(**self._usual)
        twin.inputs = self._inputs(twin.given)
        twin.goal = make_goal(self.data.task, *self._asked_for, twin.given.label_smoothing)
        twin._open, twin._feeds = self, {}
        vars(twin).pop("_identity", None)
        return twin

    def __call__(self, arch: str, trial: optuna.Trial | None = None) -> Evaluation:
        """Trains the network of `arch`.

        Returns:
            The first metric on the validation data, the wall-clock seconds, the trained weights on the CPU, and all
            metrics.

        Raises:
            EvaluationFailed: The loss or a metric became infinite or NaN, the network does not fit the data, or the
                memory does not hold it.
            optuna.TrialPruned: The pruner of the trial's study stopped the training.
        """
        if trial is not None and self.hyperparameters is not None:
            return self.fixed(self.suggest(trial))(arch, trial)
        start, first = time.perf_counter(), self.goal.names[0]
        with self.begun(arch) as fit:
            for figures in fit:
                if trial is not None:
                    trial.report(figures[first], fit.done)
                    if trial.should_prune():
                        raise optuna.TrialPruned(f"stopped after epoch {fit.done} of {self.training.epochs}")
            weights = fit.weights()
        return Evaluation(fit.figures[first], time.perf_counter() - start, weights, fit.figures)

    @contextmanager
    def begun(self, arch: str, on: Part = "train") -> Iterator[Fit]:
        """Makes the training of an architecture, not yet begun; the block has its random numbers and threads.

        Args:
            arch: The architecture.
            on: "train", which measures on the validation data after each epoch; or "train+valid", which learns from
                both and measures nothing.

        Yields:
            The training: go through its epochs inside the block.

        Example:
            >>> from untrained import NASBench201, Recipe, TrainingObjective
            >>> objective = TrainingObjective(NASBench201(N=1, C=4, in_channels=1), "digits", Recipe(epochs=2))
            >>> arch = "|skip_connect~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"
            >>> with objective.begun(arch) as fit:
            ...     figures = fit.epoch()
            ...     tensors, document = fit.state()
            >>> with objective.begun(arch) as again:
            ...     again.load_state(tensors, document)
            ...     last = again.epoch()
            >>> list(figures), again.done
            (['accuracy'], 2)
        """
        seed = derive_seed(self.seed, "training", arch)
        with seeded(seed, self.device), torch_threads(self.threads), deterministic(self.device):
            network = self.space.build(arch)
            valid = None if on == "train+valid" else self.feed("valid")
            yield Fit(
                network,
                self.training,
                self.goal,
                self.inputs,
                self.feed(on),
                valid,
                device=self.device,
                on_step=self.on_step,
            )

    def feed(self, part: str) -> Feed:
        """The batches of a split.

        Args:
            part: "train", "valid", "test" or "train+valid".

        Raises:
            InputError: There is no such split.
        """
        size = self.training.batch_size or 1
        if part not in self._feeds and self._open is not None:
            self._feeds[part] = self._open.feed(part).resized(size)
        elif part not in self._feeds:
            names = part.split("+")
            splits = [self.data.split(name).raw for name in names]
            data = splits[0] if len(splits) == 1 else together(*splits)
            check = self.goal.check_targets(" and ".join(CALLED[name] for name in names))
            self._feeds[part] = Feed(data, size, self.device, self.data_workers, check)
        return self._feeds[part]

    def report(self, arch: str, weights: Mapping[str, Tensor] | None) -> dict[str, float]:
        """The metrics on the test data, of the network of `arch` with these weights; empty if there is no test data."""
        if self.data.raw("test") is None or weights is None:
            return {}
        with seeded(0):
            network = self.space.build(arch)
        network.load_state_dict(dict(weights))
        return {f"test_{name}": value for name, value in self.measured(network, "test").items()}

    def measured(self, network: nn.Module, part: str) -> dict[str, float]:
        """Measures a network.

        Args:
            network: It is moved to the device.
            part: "valid" or "test".

        Returns:
            The figures by name.
        """
        precision = Precision(self.training.precision, self.device)
        with seeded(0, self.device):
            return measured(placed(network, self.device), self.goal, self.inputs, self.feed(part), precision)

    def _inputs(self, recipe: Recipe) -> Inputs:
        masks = self.data.task.kind == "segmentation"
        return Inputs(self.data.preparation, recipe.augmentations, masks=masks)

    def _check_augment(self, recipe: Recipe) -> None:
        check_augmentable(self.data.split("train").raw, self.data.task, recipe.augmentations)

    def _check_tuned(self) -> None:
        """Makes sure that the space has no decision of these names, and that the data take the augmentations."""
        if self.hyperparameters is None:
            return
        self.hyperparameters.check_beside(self.given)
        for name, own in self.hyperparameters.distributions.items():
            if name in self.space.decisions:
                raise InputError(f"tune {name!r}: the space has a decision of this name, which would be the same one")
            for choice in getattr(own, "choices", ()) if name == "augment" else ():
                self._check_augment(replace(self.given, augment=choice))

    def _check_targets(self) -> None:
        """Looks at the targets in memory before anything is spent."""
        for name in ("train", "valid", "test"):
            if self.data.raw(name) is not None:
                self.feed(name).check_all()


def deterministic(device: torch.device) -> Any:
    """Lets cuDNN take kernels that give the same sums every time."""
    cudnn: Any = torch.backends.cudnn
    return temporarily(
        *([(cudnn, "deterministic", True), (cudnn, "benchmark", False)] if device.type == "cuda" else [])
    )

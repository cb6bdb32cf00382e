"""Real trainings."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, cast

import optuna
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, SequentialSampler, TensorDataset

from untrained.data import Images
from untrained.errors import InputError
from untrained.objectives.base import Direction, Evaluation, EvaluationFailed, Objective
from untrained.runtime.devices import usable_device
from untrained.runtime.seeding import derive_seed, seeded
from untrained.runtime.threads import torch_threads
from untrained.spaces import SearchSpace

Data = Dataset[Any] | tuple[Any, Any]
"""A map-style dataset of (input, target), or a pair of arrays or tensors (n x ..., n)."""

CROP_PADDING = 8
"""Augmentation pads by 1/8 of the side before cropping back: 4 pixels for 32 x 32, as in NAS-Bench-201."""


def accuracy(outputs: Tensor, targets: Tensor) -> float:
    """Share of rows whose largest output is the target, in %."""
    return 100.0 * (outputs.argmax(1) == targets).double().mean().item()


class TrainingObjective(Objective):
    """Trains the network of an architecture and measures it on the validation set after the last epoch.

    train, valid, test: data (see `Data`); test is for the final pick only.
    loss: (outputs, targets) -> mean loss. metric: (all outputs, all targets) -> number, `direction` tells which way is
    better; accuracy in % unless given.
    SGD with Nesterov momentum 0.9 and weight decay 5e-4; the learning rate falls from `learning_rate` to 0 by a cosine
    over all steps (the recipe of NAS-Bench-201, Dong & Yang, ICLR 2020, table 1: 0.1 for its batches of 256).
    augment: random horizontal flips and crops of n x c x h x w inputs.
    seed: with the architecture, decides initialisation, order and augmentation; on one kind of device, with one
    number of threads, the same call gives the same value.
    device: "auto" takes CUDA, then Apple's MPS, then the CPU. threads: of torch on the CPU while training; one is not
    only reproducible anywhere but fastest for small images, and two that wait for each other on a busy machine are
    many times slower.

    Each epoch's validation figure is reported to the trial, so that an Optuna pruner can stop it. A loss that is not
    finite is a failed training.
    """

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
        loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
        metric: Callable[[Tensor, Tensor], float] = accuracy,
        direction: Direction = "maximize",
        augment: bool = False,
        seed: int = 0,
        device: str = "auto",
        threads: int = 1,
        data_name: str = "arrays",
        on_step: Callable[[int, int], None] | None = None,
    ) -> None:
        for name, value in (
            ("epochs", epochs),
            ("batch_size", batch_size),
            ("learning_rate", learning_rate),
            ("threads", threads),
        ):
            if not 0 < value < math.inf:
                raise InputError(f"{name} {value}: give a finite number above 0")
        self.space = space
        self.train = _dataset(train, "training")
        self.valid = _dataset(valid, "validation")
        if len(cast(Any, self.train)) < 2:
            raise InputError("the training data has 1 sample: give at least 2")
        self.test = None if test is None else _dataset(test, "test")
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
        return {
            "kind": "training",
            "data": self.data_name,
            "sizes": [len(cast(Any, d)) for d in (self.train, self.valid)],
            "content": [_content(d) for d in (self.train, self.valid)],
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "loss": _name(self.loss),
            "metric": _name(self.metric),
            "direction": self.direction,
            "augment": self.augment,
            "seed": self.seed,
            "threads": self.threads,
            "device": self.device.type,
        }

    def check(self, arch: str) -> None:
        self.space.to_params(arch)

    @property
    def example(self) -> Tensor:
        return next(self._batches(self.valid, shuffle=False))[0][:1].cpu()

    def __call__(self, arch: str, trial: optuna.Trial | None = None) -> Evaluation:
        start = time.perf_counter()
        with seeded(derive_seed(self.seed, "training", arch), self.device), torch_threads(self.threads):
            # Channels last is the layout in which convolutions train fastest, by 15 % and more.
            net: nn.Module = cast(Any, self.space.build(arch)).to(self.device, memory_format=torch.channels_last)
            value = self._fit(net, trial)
        weights = {name: tensor.detach().cpu().clone() for name, tensor in net.state_dict().items()}
        return Evaluation(value, time.perf_counter() - start, weights)

    @property
    def steps(self) -> tuple[int, ...]:
        return tuple(range(1, self.epochs + 1))

    def report(self, arch: str, weights: Mapping[str, Tensor] | None) -> dict[str, float]:
        if self.test is None or weights is None:
            return {}
        net = self.space.build(arch).to(self.device)
        net.load_state_dict(dict(weights))
        return {f"test_{_name(self.metric)}": self._measure(net, self.test)}

    def _fit(self, net: nn.Module, trial: optuna.Trial | None) -> float:
        optimizer = SGD(net.parameters(), self.learning_rate, momentum=0.9, nesterov=True, weight_decay=5e-4)
        steps = self.epochs * math.ceil(len(cast(Any, self.train)) / self.batch_size)
        schedule = CosineAnnealingLR(optimizer, steps)
        step, value = 0, math.nan
        for epoch in range(self.epochs):
            net.train()
            for inputs, targets in self._batches(self.train, shuffle=True):
                optimizer.zero_grad()
                loss = self.loss(net(_augmented(inputs) if self.augment else inputs), targets)
                if not torch.isfinite(loss):
                    raise EvaluationFailed(f"the loss became {loss.item()} in epoch {epoch + 1}")
                loss.backward()
                optimizer.step()
                schedule.step()
                step += 1
                if self.on_step:
                    self.on_step(step, steps)
            value = self._measure(net, self.valid)
            if trial is not None:
                trial.report(value, epoch + 1)
                if trial.should_prune():
                    raise optuna.TrialPruned(f"stopped after epoch {epoch + 1} of {self.epochs}")
        return value

    @torch.no_grad()
    def _measure(self, net: nn.Module, data: Dataset[Any]) -> float:
        net.eval()
        pairs = [(net(inputs), targets) for inputs, targets in self._batches(data, shuffle=False)]
        value = self.metric(torch.cat([o for o, _ in pairs]), torch.cat([t for _, t in pairs]))
        if not math.isfinite(value):
            raise EvaluationFailed(f"the {_name(self.metric)} is {value}")
        return value

    def _batches(self, data: Dataset[Any], shuffle: bool) -> Iterator[tuple[Tensor, Tensor]]:
        sampler = RandomSampler(cast(Any, data)) if shuffle else SequentialSampler(cast(Any, data))
        if isinstance(data, TensorDataset | Images):
            # Indexed by a whole batch at once, far faster than sample by sample.
            loader = DataLoader(data, batch_size=None, sampler=BatchSampler(sampler, self.batch_size, drop_last=False))
        else:
            loader = DataLoader(data, self.batch_size, sampler=sampler)
        for inputs, targets in loader:
            if shuffle and len(inputs) == 1 < self.batch_size:
                continue  # BatchNorm has no statistics of a last batch of one
            layout = torch.channels_last if inputs.ndim == 4 else torch.preserve_format
            yield inputs.to(self.device, memory_format=layout), targets.to(self.device)


def _augmented(inputs: Tensor) -> Tensor:
    """Each image (n x c x h x w) flipped left to right with probability 1/2, padded with zeros and cropped back."""
    n, _, h, w = inputs.shape
    pad = max(h // CROP_PADDING, 1)
    flip = torch.rand(n, device=inputs.device) < 0.5
    inputs = torch.where(flip[:, None, None, None], inputs.flip(3), inputs)
    padded = F.pad(inputs, (pad, pad, pad, pad))
    top, left = torch.randint(2 * pad + 1, (2, n), device=inputs.device)
    rows = top[:, None] + torch.arange(h, device=inputs.device)
    columns = left[:, None] + torch.arange(w, device=inputs.device)
    image = torch.arange(n, device=inputs.device)
    return padded[image[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _dataset(data: Data, what: str) -> Dataset[Any]:
    if isinstance(data, tuple):
        inputs, targets = (torch.as_tensor(array) for array in data)
        if len(inputs) != len(targets):
            raise InputError(f"the {what} data has {len(inputs)} inputs but {len(targets)} targets")
        for name, tensor in (("inputs", inputs), ("targets", targets)):
            if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                raise InputError(f"the {what} data's {name} hold NaN or infinite values")
        inputs = inputs.float() if inputs.dtype == torch.float64 else inputs
        data = TensorDataset(inputs, targets if targets.is_floating_point() else targets.long())
    if len(cast(Any, data)) == 0:
        raise InputError(f"the {what} data is empty")
    return data


def _content(data: Dataset[Any]) -> str:
    """Stands for the tensors of a data set; other kinds of data sets are known by their type."""
    if not isinstance(data, TensorDataset):
        return type(data).__qualname__
    digest = blake2b(digest_size=8)
    for tensor in data.tensors:
        digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", None) or repr(function)

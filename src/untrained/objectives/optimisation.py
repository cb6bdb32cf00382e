"""The optimiser, its learning rate, the average of the weights, and the precision of a step."""

import math
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR

from untrained.errors import InputError
from untrained.objectives.recipe import Recipe

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
OF_TRANSFORMERS = (nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.LayerNorm, nn.RMSNorm)
NORMS = (nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.modules.batchnorm._NormBase)


def usual_optimizer(networks: Iterable[nn.Module]) -> str:
    """The optimiser that networks of a kind are commonly trained by.

    Args:
        networks: Some of a space.

    Returns:
        "sgd" if all of them have convolutions and none has layer norms or attention, else "adamw".

    Example:
        >>> usual_optimizer([nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))])
        'sgd'
    """

    def is_convolutional(network: nn.Module) -> bool:
        modules = list(network.modules())
        attends = any(isinstance(m, OF_TRANSFORMERS) or "attention" in type(m).__name__.lower() for m in modules)
        return any(isinstance(m, CONVOLUTIONS) for m in modules) and not attends

    return "sgd" if all(map(is_convolutional, networks)) else "adamw"


def usual_precision(device: torch.device) -> str:
    """The precision that "auto" stands for on a device."""
    return "bfloat16" if device.type == "cuda" and torch.cuda.is_bf16_supported(False) else "float32"


def make_optimizer(network: nn.Module, recipe: Recipe) -> Optimizer:
    """Makes the optimiser of a network.

    Args:
        network: Its parameters that need gradients are trained.
        recipe: Resolved.

    Returns:
        SGD with Nesterov momentum; or AdamW, without weight decay on biases and the weights of norms.
    """
    rate, decay = recipe.learning_rate, recipe.weight_decay
    assert rate is not None
    assert decay is not None
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if recipe.optimizer == "sgd":
        return SGD(trained, rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0, weight_decay=decay)
    spared = {id(p) for module in network.modules() if isinstance(module, NORMS) for p in module.parameters(False)}
    spared |= {id(parameter) for parameter in trained if parameter.ndim < 2}
    groups = [
        {"params": [p for p in trained if id(p) not in spared], "weight_decay": decay},
        {"params": [p for p in trained if id(p) in spared], "weight_decay": 0.0},
    ]
    return AdamW([group for group in groups if group["params"]], rate, betas=(recipe.momentum, 0.999))


class Schedule:
    """The learning rate: up in a line from 0 while it warms up, then down by a cosine to 0 at the last step.

    Args:
        optimizer: Its groups have the highest rate.
        warmup: Steps; step k of them, from 1, has k / (warmup + 1) of the highest rate.
        steps: All steps.
    """

    def __init__(self, optimizer: Optimizer, warmup: int, steps: int) -> None:
        self._optimizer, self._warmup, self._done = optimizer, warmup, 0
        self._rates = [group["lr"] for group in optimizer.param_groups]
        self._cosine = CosineAnnealingLR(optimizer, max(steps - warmup, 1))
        if warmup:
            self._rise()

    def step(self) -> None:
        """Sets the rate of the next step."""
        self._done += 1
        if self._done <= self._warmup:
            self._rise()
        else:
            self._cosine.step()

    def _rise(self) -> None:
        part = 1.0 if self._done == self._warmup else (self._done + 1) / (self._warmup + 1)
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * part

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes."""
        return {"done": self._done, "cosine": self._cosine.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there; the rates themselves are in the optimiser's state."""
        self._done = state["done"]
        self._cosine.load_state_dict(state["cosine"])


class Average:
    """An exponential moving average of a network's parameters and buffers (Polyak & Juditsky, 1992).

    Whole numbers, such as the count of batches of BatchNorm, are the network's own.

    Args:
        network: The network as it is before the first step.
        decay: What is kept of the average in a step, at most (1 + t) / (10 + t) in step t.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._live = [*network.parameters(), *network.buffers()]
        self._kept = [tensor.detach().clone() for tensor in self._live]
        self._decay, self._steps = decay, 0

    @torch.no_grad()
    def update(self) -> None:
        """Takes in the network as it is after a step."""
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        for kept, live in zip(self._kept, self._live, strict=True):
            if kept.is_floating_point():
                kept.lerp_(live, 1 - decay)
            else:
                kept.copy_(live)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The network has the averaged numbers inside the block."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for i, live in enumerate(self._live):
            live.data, self._kept[i] = self._kept[i], live.data

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes."""
        return {"steps": self._steps, "kept": list(self._kept)}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there."""
        self._steps = state["steps"]
        for kept, saved in zip(self._kept, state["kept"], strict=True):
            kept.copy_(saved)


class Precision:
    """In which precision a network runs; weights, gradients and their sums stay in float32.

    Args:
        name: "float32", "bfloat16" or "float16".
        device: Where it runs.

    Raises:
        InputError: The device does not have it.
    """

    def __init__(self, name: str, device: torch.device) -> None:
        if name == "float16" and device.type != "cuda":
            raise InputError(f"precision 'float16' is for CUDA, not {device.type}: choose bfloat16 or float32")
        self._dtype = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}[name]
        self._device = device.type
        self._scaler = torch.amp.GradScaler("cuda") if name == "float16" else None

    def __call__(self) -> AbstractContextManager[Any]:
        """Operations inside the block run in it."""
        return nullcontext() if self._dtype is None else torch.autocast(self._device, self._dtype)

    def step(self, loss: Tensor, optimizer: Optimizer, clip: float | None) -> bool:
        """Goes back from a loss, and makes a step of the optimiser.

        Args:
            loss: A scalar.
            optimizer: Its gradients are zero or None.
            clip: The largest norm of the gradient; None for any.

        Returns:
            Whether the step was made. In float16 it is not if a gradient, scaled, is too large for it: so the first few
            steps go until the scale fits.
        """
        scaler = self._scaler
        (loss if scaler is None else scaler.scale(loss)).backward()
        if clip is not None:
            if scaler is not None:
                scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], clip)
        if scaler is None:
            optimizer.step()
            return True
        scale = scaler.get_scale()
        scaler.step(optimizer)
        scaler.update()
        return scaler.get_scale() >= scale

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes."""
        return {} if self._scaler is None else self._scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there."""
        if self._scaler is not None:
            self._scaler.load_state_dict(state)


def warmup_steps(recipe: Recipe, steps_per_epoch: int) -> int:
    """The steps of a recipe's warm-up."""
    return math.floor(recipe.warmup * steps_per_epoch + 0.5)

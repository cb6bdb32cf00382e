"""One training, epoch by epoch, which can be stopped after any epoch and gone on with."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from untrained.objectives.augmentation import Inputs
from untrained.objectives.auxiliary import InTraining
from untrained.objectives.base import EvaluationFailed
from untrained.objectives.feed import Feed, layout
from untrained.objectives.goal import Goal
from untrained.objectives.losses import Misfit
from untrained.objectives.memory import no_memory_left, out_of_memory
from untrained.objectives.optimisation import Average, Precision, Schedule, make_optimizer, warmup_steps
from untrained.objectives.recipe import Recipe
from untrained.runtime.calling import call_network
from untrained.runtime.interrupts import check_interrupt
from untrained.runtime.state import flattened, nested, random_state, set_random_state

STEPS_UNLOOKED = 32
"""Steps on an accelerator between two looks at their losses: each look waits for all work that is under way."""

HALF = (torch.bfloat16, torch.float16)


class Fit:
    """The training of one network.

    Make it, and call `epoch`, in a block of `seeded`: all random numbers are drawn from its streams.

    Args:
        network: Trained in place, on `device`.
        recipe: Resolved (see `Recipe.resolved`).
        goal: The loss and the measures.
        inputs: Makes inputs of a network from raw batches.
        train: The training data.
        valid: The validation data, measured after each epoch; None for none.
        device: Where it is trained.
        on_step: Called with (steps done, steps in all).

    Attributes:
        done: Finished epochs.
        figures: What was measured after the last of them, by name; empty without validation data.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        goal: Goal,
        inputs: Inputs,
        train: Feed,
        valid: Feed | None = None,
        *,
        device: torch.device,
        on_step: Callable[[int, int], None] | None = None,
    ) -> None:
        self.network = placed(network, device)
        self.recipe, self.goal, self.inputs = recipe, goal, inputs
        self.train, self.valid, self.device, self.on_step = train, valid, device, on_step
        self.done, self.figures = 0, dict[str, float]()
        self._in_epoch = math.ceil(len(train) / train.batch_size)
        self._steps = recipe.epochs * self._in_epoch
        self._optimizer = make_optimizer(self.network, recipe)
        self._schedule = Schedule(self._optimizer, warmup_steps(recipe, self._in_epoch), self._steps)
        self._average = None if recipe.ema is None else Average(self.network, recipe.ema)
        self._precision = Precision(recipe.precision, device)
        self._called = InTraining(self.network, compiled=recipe.compile)
        goal.to(device)

    def __iter__(self) -> Iterator[dict[str, float]]:
        """Trains to the end of the recipe; yields the figures of each epoch."""
        while self.done < self.recipe.epochs:
            yield self.epoch()

    def epoch(self) -> dict[str, float]:
        """Trains for an epoch.

        Returns:
            What was measured on the validation data, by name.

        Raises:
            EvaluationFailed: The loss or a figure is not finite, the outputs do not fit the targets, or the memory of
                the device does not hold a step.
            InputError: A target cannot be.
        """
        try:
            self._epoch()
            self.figures = {} if self.valid is None else self.measure(self.valid)
        except Misfit as error:
            raise EvaluationFailed(str(error)) from error
        except Exception as error:
            if out_of_memory(error):
                raise no_memory_left(self.device, self.train.batch_size) from error
            raise
        return self.figures

    def _epoch(self) -> None:
        number, step = self.done + 1, self.done * self._in_epoch
        self.network.train()
        losses = Losses(number, step, every=1 if self.device.type == "cpu" else STEPS_UNLOOKED)
        for raw, targets in self.train.batches(shuffle=True):
            check_interrupt()
            self._optimizer.zero_grad()
            inputs, mixed = self.inputs.for_training(raw, self.goal.task.scaled(targets))
            with self._precision():
                outputs = self._called(inputs)
                if step == self.done * self._in_epoch:
                    self.goal.check(outputs[0], targets)
                loss = self._called.loss(partial(mixed, self.goal.loss), outputs)
            losses.look(loss)
            if self._precision.step(loss, self._optimizer, self.recipe.clip):
                self._schedule.step()
            if self._average is not None:
                self._average.update()
            step += 1
            if self.on_step:
                self.on_step(step, self._steps)
        losses.check()
        self.done = number

    @torch.no_grad()
    def measure(self, data: Feed) -> dict[str, float]:
        """Measures the network as it is to be kept: with averaged weights, if they are averaged.

        Args:
            data: The data.

        Returns:
            The figures by name.

        Raises:
            EvaluationFailed: A figure is not finite.
        """
        with contextlib.nullcontext() if self._average is None else self._average.applied():
            return measured(self.network, self.goal, self.inputs, data, self._precision)

    def weights(self) -> dict[str, Tensor]:
        """The state of the network to be kept, on the CPU."""
        with contextlib.nullcontext() if self._average is None else self._average.applied():
            return {name: tensor.detach().cpu().clone() for name, tensor in self.network.state_dict().items()}

    def state(self) -> tuple[dict[str, Tensor], Any]:
        """All that the training goes on from after this epoch: network, optimiser, rates, averages, random numbers.

        Returns:
            Tensors by name; and the rest as JSON. What is saved of the tensors must be saved before the next epoch.
        """
        return flattened(
            {
                "done": self.done,
                "figures": self.figures,
                "network": self.network.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "schedule": self._schedule.state_dict(),
                "average": None if self._average is None else self._average.state_dict(),
                "precision": self._precision.state_dict(),
                "random": random_state(self.device),
            }
        )

    def load_state(self, tensors: Mapping[str, Tensor], document: Any) -> None:
        """Goes on from a state, as if it had never stopped.

        Args:
            tensors: What `state` gave, of a training that was made in the same way.
            document: Likewise.
        """
        state = nested(tensors, document)
        self.done, self.figures = state["done"], state["figures"]
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self._precision.load_state_dict(state["precision"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])
        set_random_state(state["random"], self.device)


class Losses:
    """Watches that the losses of an epoch are finite.

    Args:
        epoch: The number of the epoch, from 1.
        done: Steps before it.
        every: Steps between two looks.
    """

    def __init__(self, epoch: int, done: int, every: int) -> None:
        self._epoch, self._looked, self._every = epoch, done, every
        self._losses = list[Tensor]()

    def look(self, loss: Tensor) -> None:
        """Takes in the loss of a step.

        Raises:
            EvaluationFailed: It is not finite, or one before it was not.
        """
        self._losses.append(loss.detach())
        if len(self._losses) == self._every:
            self.check()

    def check(self) -> None:
        """Looks at the losses that were not looked at.

        Raises:
            EvaluationFailed: One is not finite.
        """
        for i, loss in enumerate(torch.stack(self._losses).tolist() if self._losses else []):
            if not math.isfinite(loss):
                raise EvaluationFailed(f"the loss became {loss} in epoch {self._epoch}, step {self._looked + i + 1}")
        self._looked += len(self._losses)
        self._losses.clear()


@torch.no_grad()
def measured(
    network: nn.Module, goal: Goal, inputs: Inputs, data: Feed, precision: Callable[[], Any] = contextlib.nullcontext
) -> dict[str, float]:
    """Measures a network.

    Args:
        network: On the device of `data`.
        goal: The measures.
        inputs: Makes inputs of a network from raw batches.
        data: The data.
        precision: Gives a context in which the network runs.

    Returns:
        The figures by name.

    Raises:
        EvaluationFailed: A figure is not finite.
    """
    network.eval()
    restore = goal.task.module().to(data.device)
    for measure in goal.measures:
        measure.reset()
    for raw, targets in data.batches(shuffle=False):
        check_interrupt()
        prepared = inputs(raw)
        with precision():
            outputs = restore(_in_float32(call_network(network, prepared)))
        for measure in goal.measures:
            measure.update(outputs, targets)
    figures = {measure.name: measure.compute() for measure in goal.measures}
    for name, value in figures.items():
        if not math.isfinite(value):
            raise EvaluationFailed(f"the {name} is {value}")
    return figures


def _in_float32(outputs: Any) -> Any:
    return pytree.tree_map_only(Tensor, lambda t: t.float() if t.dtype in HALF else t, outputs)


def placed(network: nn.Module, device: torch.device) -> nn.Module:
    """`network` on `device`, each weight in the memory format of the inputs that it meets."""
    network = network.to(device)
    for tensor in (*network.parameters(), *network.buffers()):
        tensor.data = tensor.data.to(memory_format=layout(tensor))
    return network

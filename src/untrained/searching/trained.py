"""The network that a search found, as its user has it: raw inputs in, predictions out."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from untrained.data import Task
from untrained.errors import InputError, one_line, shown
from untrained.searching.interface import UNKNOWN, Interface, example_of

BATCH_SIZE = 256
"""Inputs that are predicted at a time."""


class TrainedNetwork(nn.Module):
    """A network together with what its inputs and outputs mean.

    A call takes a batch of raw inputs, as the data have them (pixels as uint8, rows of a table), and gives the outputs
    of the network, those of a regression in the units of the target. `predict` makes predictions of these.

    Args:
        network: Takes prepared inputs.
        interface: How it is used.
        architecture: Which one it is.
        value: The objective of the search, or the figure of a later training; None if it has none.
        source: Where its weights come from, in words.

    Attributes:
        network: The bare network.
        prepare: Raw inputs -> inputs of the network, a module without parameters.
        restore: Outputs of the network -> outputs in the units of the target, likewise.
        task: What the outputs mean.
        classes: The names of the classes; their numbers if they have no names, and empty if there are no classes.

    Example:
        >>> from untrained.data import Task
        >>> from untrained.data.preparation import Normalisation
        >>> interface = Interface(Task("classification", 2, ("dark", "light")), Normalisation((128.0,), (64.0,)))
        >>> trained = TrainedNetwork(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), interface)
        >>> pixels = torch.zeros(3, 1, 2, 2, dtype=torch.uint8)
        >>> trained(pixels).shape, trained.predict(pixels).sum(1).round()
        (torch.Size([3, 2]), tensor([1., 1., 1.]))
    """

    def __init__(
        self,
        network: nn.Module,
        interface: Interface = UNKNOWN,
        *,
        architecture: str = "",
        value: float | None = None,
        source: str = "the search",
    ) -> None:
        super().__init__()
        self.interface = interface
        self.network = network
        self.prepare = self.interface.preparation.module()
        self.task = self.interface.task
        self.restore = self.task.module()
        self.architecture = architecture
        self.value = value
        self.source = source
        self.eval()

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the K classes."""
        return class_names(self.task)

    def forward(self, raw: Any) -> Any:
        """The outputs for a batch.

        Args:
            raw: n raw inputs: a tensor n x ..., or tuples and dictionaries of tensors if the network takes several.
        """
        return self.restore(self.network(self.prepare(raw)))

    def example(self, n: int = 4) -> Any:
        """Makes n random raw inputs of the form that the network takes.

        Args:
            n: How many.

        Raises:
            InputError: The form is not known: the search had no data.
        """
        return example_of(self.interface.inputs, n)

    def predict(self, raw: Any, batch_size: int = BATCH_SIZE) -> Any:
        """Makes predictions in evaluation mode.

        Args:
            raw: n raw inputs, tensors or arrays.
            batch_size: How many of them go through the network at a time.

        Returns:
            On the CPU, by the task: n x K probabilities of the classes (classification), of each class on its own
            (multi-label), n x ... numbers in the target's units (regression), n x h x w class numbers (segmentation);
            the same of each head (several), or the outputs as they are.

        Raises:
            InputError: The inputs are not of the form that the network takes.
        """
        raw = pytree.tree_map(_as_tensor, raw)
        lengths = {len(leaf) for leaf in pytree.tree_leaves(raw)}
        _check_form(raw, self.interface.inputs)
        if len(lengths) != 1:
            raise InputError(f"the inputs have {sorted(lengths)} samples: give the same number of each")
        n = lengths.pop()
        if not n:
            raise InputError("there are no inputs to predict: give at least 1")
        if batch_size < 1:
            raise InputError(f"batch_size {batch_size}: give at least 1")
        parts = [self._predicted(_cut(raw, at, at + batch_size)) for at in range(0, n, batch_size)]
        return pytree.tree_map(lambda *found: torch.cat(found), *parts)

    def predict_files(self, paths: Sequence[str | Path], batch_size: int = BATCH_SIZE) -> Any:
        """Reads raw inputs from files, such as pictures, and makes predictions.

        Args:
            paths: n files.
            batch_size: How many of them are read at a time.

        Returns:
            See `predict`.

        Raises:
            InputError: A file cannot be read, or inputs do not come as files.
        """
        if not paths:
            raise InputError("there are no files to predict: give at least 1")
        files = [Path(path) for path in paths]
        read = self.interface.preparation.read
        parts = [self.predict(read(files[at : at + batch_size])) for at in range(0, len(files), batch_size)]
        return pytree.tree_map(lambda *found: torch.cat(found), *parts)

    def extra_repr(self) -> str:
        """The architecture and the task."""
        value = "" if self.value is None else f", value={self.value:g}"
        return f"architecture={self.architecture!r}{value}, task={self.task.kind!r}, source={self.source!r}"

    @torch.no_grad()
    def _predicted(self, raw: Any) -> Any:
        tensor = next(iter([*self.network.parameters(), *self.network.buffers()]), torch.empty(0))
        on_device = pytree.tree_map_only(Tensor, lambda t: t.to(tensor.device), raw)
        with evaluating(self):
            try:
                outputs = self(on_device)
            except InputError:
                raise
            except (RuntimeError, IndexError, TypeError, ValueError, AttributeError) as error:
                raise InputError(
                    f"the network does not take inputs of {_form(raw)}"
                    f"{_wanted(self.interface.inputs)} ({one_line(error)})"
                ) from error
        return pytree.tree_map_only(Tensor, Tensor.cpu, predictions(outputs, self.task))


def predictions(outputs: Any, task: Task) -> Any:
    """Makes predictions of the outputs of a network (see `TrainedNetwork.predict`).

    Args:
        outputs: What the network gave.
        task: What they mean.

    Example:
        >>> predictions(torch.tensor([[0.0, 0.0]]), Task("classification", 2))
        tensor([[0.5000, 0.5000]])
    """
    match task.kind:
        case "classification":
            return outputs.softmax(1)
        case "multi-label":
            return outputs.sigmoid()
        case "segmentation":
            return outputs.argmax(1)
        case "several":
            if isinstance(outputs, dict):
                return {name: predictions(part, task.heads[name]) for name, part in outputs.items()}
            heads = zip(outputs, task.heads.values(), strict=True)
            return tuple(predictions(part, head) for part, head in heads)
    return outputs


def class_names(task: Task) -> tuple[str, ...]:
    """The names of the K classes of a task, else their numbers; empty if it has none.

    Args:
        task: The task.

    Example:
        >>> class_names(Task("classification", 3))
        ('0', '1', '2')
    """
    if task.kind not in ("classification", "multi-label", "segmentation"):
        return ()
    return task.classes or tuple(map(str, range(task.outputs or 0)))


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode in the block; afterwards each module is in the mode that it was in."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training


def _as_tensor(leaf: Any) -> Tensor:
    if isinstance(leaf, Tensor) and leaf.ndim:
        return leaf
    if isinstance(leaf, np.ndarray) and leaf.ndim and leaf.dtype.kind in "buif":
        return torch.from_numpy(np.ascontiguousarray(leaf))
    raise InputError(f"{shown(leaf, 40)} is no batch of inputs: give a tensor or an array, n x ...")


def _check_form(raw: Any, wanted: Any) -> None:
    """Compares numbers of dimensions: sizes may differ, if the network takes them."""
    if not isinstance(raw, Tensor) or not isinstance(wanted, dict) or not isinstance(wanted.get("shape"), list):
        return
    if raw.ndim != 1 + len(wanted["shape"]):
        hint = ": give a batch of one, x[None]" if raw.ndim == len(wanted["shape"]) else ""
        raise InputError(f"the network does not take inputs of {_form(raw)}{_wanted(wanted)}{hint}")


def _form(raw: Any) -> str:
    if not isinstance(raw, Tensor):
        return f"this form ({type(raw).__name__})"
    return f"{str(raw.dtype).removeprefix('torch.')} {' x '.join(map(str, raw.shape))}"


def _wanted(inputs: Any) -> str:
    if not isinstance(inputs, dict) or not isinstance(inputs.get("shape"), list):
        return ""
    return f": it was trained on {inputs['dtype']} {' x '.join(map(str, ['n', *inputs['shape']]))}"


def _cut(raw: Any, start: int, stop: int) -> Any:
    return pytree.tree_map_only(Tensor, lambda leaf: leaf[start:stop], raw)

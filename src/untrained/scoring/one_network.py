"""Scoring one network. A scoring process imports this and no more: what is above it would take longer to load."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils import _pytree as pytree

from untrained.errors import InputError, one_line
from untrained.metrics import Metric
from untrained.probe import Loss, Probe
from untrained.probe.packing import packed
from untrained.runtime.seeding import derive_seed, seeded
from untrained.scoring.batch import Batch
from untrained.spaces import SearchSpace


class NetworkScores(NamedTuple):
    """The scores of one network.

    Attributes:
        architecture: its string.
        values: metric -> score, or None if the metric failed.
        reasons: metric -> why it failed.
        unbuilt: why the network could not be built, and has no scores at all; "" if it could.
    """

    architecture: str
    values: dict[str, float | None]
    reasons: dict[str, str]
    unbuilt: str = ""


class Task(NamedTuple):
    """A network and the names of the metrics that are to score it."""

    architecture: str
    metrics: tuple[str, ...]


Precision = Literal["float32", "float64", "bfloat16"]
PRECISIONS: dict[Precision | None, dict[str, Any]] = {
    None: {},
    "float32": {"dtype": torch.float32},
    "float64": {"dtype": torch.float64},
    "bfloat16": {"dtype": torch.float32, "autocast": torch.bfloat16},
}
"""What each precision is to a `Probe`. Weights are drawn in the network's own, so they are the same in each."""


@dataclass(frozen=True)
class Job:
    """All that a score depends on, but for the architecture. See `Scoring` for the fields."""

    space: SearchSpace
    metrics: tuple[Metric, ...]
    batch: Batch
    seed: int
    loss: Loss = F.cross_entropy
    device: str = "cpu"
    second_batch: Batch | None = None
    strict: bool = False
    precision: Precision | None = None
    chunk: int | None = None

    def score(self, task: Task) -> NetworkScores:
        """Scores the network of one architecture, initialised from (seed, architecture).

        Raises:
            InputError: the device failed, which no later score would survive.
        """
        arch, asked = task.architecture, [m for m in self.metrics if m.name in task.metrics]
        try:
            net = self.network(arch)
        except DEVICE_ERRORS as error:
            raise InputError(_device_failed(arch, error)) from error
        except (Exception, SystemExit) as error:  # whatever a space of the user's raises
            return NetworkScores(arch, {}, {}, _why(error))
        try:
            probe = self.probe(arch, net, second_order=any("Hessian" in m.needs for m in asked))
        except DEVICE_ERRORS as error:
            raise InputError(_device_failed(arch, error)) from error
        except Exception as error:
            return self.failed(task, f"the network cannot be run: {_why(error)}")
        values, reasons = dict[str, float | None](), dict[str, str]()
        for m in asked:
            try:
                values[m.name] = m(probe)
            except DEVICE_ERRORS as error:
                raise InputError(_device_failed(arch, error)) from error
            except (Exception, SystemExit) as error:  # whatever a metric of the user's raises
                values[m.name], reasons[m.name] = None, one_line(error)
        return NetworkScores(arch, values, reasons)

    def network(self, arch: str) -> torch.nn.Module:
        """Builds the network of `arch`."""
        with seeded(derive_seed(self.seed, "init", arch), torch.device(self.device)):
            return self.space.build(arch)

    def probe(self, arch: str, net: torch.nn.Module, *, second_order: bool = False) -> Probe:
        """Puts the network and the batches on the device."""
        given, targets = self._placed(self.batch)
        network, inputs = packed(net, given)
        second = None
        if self.second_batch is not None:
            others, their_targets = self._placed(self.second_batch)
            second = packed(net, others)[1], their_targets
        return Probe(
            network.to(self.device),
            inputs,
            targets,
            loss=self.loss,
            seed=derive_seed(self.seed, "probe", arch),
            second=second,
            strict=self.strict,
            second_order=second_order,
            chunk=self.chunk,
            **PRECISIONS[self.precision],
        )

    def failed(self, task: Task, why: str) -> NetworkScores:
        """The scores of a network that has none of those asked for, each for the reason `why`."""
        return NetworkScores(task.architecture, dict.fromkeys(task.metrics, None), dict.fromkeys(task.metrics, why))

    def _placed(self, batch: Batch) -> Batch:
        return pytree.tree_map_only(Tensor, lambda t: t.to(self.device), batch)


DEVICE_ERRORS: tuple[type[Exception], ...] = (torch.AcceleratorError,) if hasattr(torch, "AcceleratorError") else ()
"""After one of these a process has no use of its GPU any more, and all scores would fail. Want of memory is none."""


def _why(error: BaseException) -> str:
    return str(error) if isinstance(error, InputError) else one_line(error)  # an InputError's text says all


def _device_failed(arch: str, error: Exception) -> str:
    return f"the device failed on {arch!r} ({one_line(error)}): mend it, or leave it out, and call again to go on"

"""Scoring one network. A scoring process imports this and no more: what is above it would take longer to load."""

import platform
from dataclasses import dataclass
from hashlib import blake2b
from importlib.metadata import version
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils import _pytree as pytree

from untrained.errors import InputError, one_line
from untrained.metrics import Metric
from untrained.metrics.base.sources import source
from untrained.probe import Loss, Probe
from untrained.runtime.provenance import raw_bytes
from untrained.runtime.seeding import derive_seed, seeded
from untrained.spaces import SearchSpace

Scores = tuple[str, dict[str, float | None], dict[str, str]]
"""(architecture, metric -> score or None, metric -> why there is none)."""

Batch = tuple[Tensor, Any]
"""(inputs n x ..., targets): targets are a tensor, tuples, lists or dictionaries of tensors, or None."""

Precision = Literal["float32", "float64", "bfloat16"]
PRECISIONS: dict[Precision | None, dict[str, Any]] = {
    None: {},
    "float32": {"dtype": torch.float32},
    "float64": {"dtype": torch.float64},
    "bfloat16": {"dtype": torch.float32, "autocast": torch.bfloat16},
}
"""What each precision is to a `Probe`. Weights are drawn in the network's own, so they are the same in each."""

DEFAULTS = {"second_batch": None, "strict": False, "precision": None, "chunk": None, "sources": {}, "loss_source": ""}
"""What the provenance of a table that does not say so stands for."""


@dataclass(frozen=True)
class Job:
    """All that a score depends on, but for the architecture."""

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

    def score(self, arch: str) -> Scores:
        """The scores of the network of `arch`, initialised from (seed, arch)."""
        try:
            with seeded(derive_seed(self.seed, "init", arch), torch.device(self.device)):
                net = self.space.build(arch).to(self.device)
            inputs, targets = self._placed(self.batch)
            probe = Probe(
                net,
                inputs,
                targets,
                loss=self.loss,
                seed=derive_seed(self.seed, "probe", arch),
                second=None if self.second_batch is None else self._placed(self.second_batch),
                strict=self.strict,
                second_order=any("Hessian" in m.needs for m in self.metrics),
                chunk=self.chunk,
                **PRECISIONS[self.precision],
            )
        except DEVICE_ERRORS as error:
            raise InputError(_device_failed(arch, error)) from error
        except (Exception, SystemExit) as error:
            known = isinstance(error, InputError)  # such as a space that builds no networks: its text says all
            why = str(error) if known else f"the network cannot be built: {one_line(error)}"
            return self.failed(arch, why)
        scores, reasons = dict[str, float | None](), dict[str, str]()
        for m in self.metrics:
            try:
                scores[m.name] = m(probe)
            except DEVICE_ERRORS as error:
                raise InputError(_device_failed(arch, error)) from error
            except (Exception, SystemExit) as error:  # whatever a metric of the user's raises
                scores[m.name], reasons[m.name] = None, one_line(error)
        return arch, scores, reasons

    def failed(self, arch: str, why: str) -> Scores:
        """The scores of a network that has none, each for the reason `why`."""
        return arch, dict.fromkeys((m.name for m in self.metrics), None), {m.name: why for m in self.metrics}

    def _placed(self, batch: Batch) -> Batch:
        inputs, targets = batch
        return inputs.to(self.device), pytree.tree_map_only(Tensor, lambda t: t.to(self.device), targets)

    def provenance(self) -> dict[str, Any]:
        inputs, _ = self.batch
        packages = ("untrained", "torch", "numpy")
        return {
            "format": 1,
            "space": self.space.name,
            "space_options": self.space.options,
            "metrics": [m.name for m in self.metrics],
            "sources": {m.name: m.source for m in self.metrics if m.source},
            "seed": self.seed,
            "batch": _fingerprint(self.batch),
            "batch_shape": list(inputs.shape),
            "second_batch": None if self.second_batch is None else _fingerprint(self.second_batch),
            "dtype": str(inputs.dtype).removeprefix("torch."),
            "precision": self.precision,
            "chunk": self.chunk,
            "strict": self.strict,
            "loss": getattr(self.loss, "__qualname__", repr(self.loss)),
            "loss_source": "" if self.loss is F.cross_entropy else source(self.loss),
            "device": self.device,
            "machine": _machine(self.device),
            "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        }


DEVICE_ERRORS: tuple[type[Exception], ...] = (torch.AcceleratorError,) if hasattr(torch, "AcceleratorError") else ()
"""After one of these a process has no use of its GPU any more, and all scores would fail. Want of memory is none."""


def _device_failed(arch: str, error: Exception) -> str:
    return f"the device failed on {arch!r} ({one_line(error)}): mend it, or leave it out, and call again to go on"


def _machine(device: str) -> str:
    name = platform.machine()
    return f"{name}, {torch.cuda.get_device_name(device)}" if device.startswith("cuda") else name


def _fingerprint(batch: Batch) -> str:
    digest = blake2b(digest_size=16)
    for tensor in pytree.tree_leaves(batch):
        if isinstance(tensor, Tensor):
            digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
            digest.update(raw_bytes(tensor))
    return digest.hexdigest()


def check_batch(batch: Batch, called: str = "the batch") -> None:
    """Raises `InputError` where no network could be scored on it."""
    inputs, targets = batch
    if inputs.ndim < 2 or len(inputs) == 0:
        raise InputError(f"{called}'s inputs have shape {tuple(inputs.shape)}: expected n x ... with n at least 1")
    if inputs.is_floating_point() and not torch.isfinite(inputs).all():
        raise InputError(f"{called}'s inputs hold NaN or infinite values")
    for part in pytree.tree_leaves(targets):
        if not isinstance(part, Tensor):
            if part is not None:
                raise InputError(f"{called}'s targets hold a {type(part).__name__}: give tensors")
            continue
        if part.ndim == 0 or len(part) != len(inputs):
            raise InputError(f"{called} has {len(inputs)} inputs but {len(part) if part.ndim else 1} targets")
        if part.is_floating_point() and not torch.isfinite(part).all():
            raise InputError(f"{called}'s targets hold NaN or infinite values")

"""Scoring one network: the work of a scoring process, which imports no more than this needs."""

import math
import multiprocessing
import os
import platform
import threading
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from importlib.metadata import version
from multiprocessing.connection import wait
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.errors import InputError
from untrained.metrics import Metric, Probe
from untrained.metrics.probe import Loss
from untrained.metrics.sources import source
from untrained.seeding import derive_seed
from untrained.spaces import SearchSpace

Scores = tuple[str, dict[str, float | None], dict[str, str]]
"""(architecture, metric -> score or None, metric -> why there is none)."""

Batch = tuple[Tensor, Tensor | None]
"""(inputs n x ..., targets n or None)."""

Precision = Literal["float32", "float64", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "float64", "bfloat16")

DEFAULTS = {"second_batch": None, "strict": False, "precision": None, "sources": {}, "loss_source": ""}
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

    def score(self, arch: str) -> Scores:
        """The scores of the network of `arch`, initialised from (seed, arch)."""
        try:
            with torch.random.fork_rng([]):
                torch.manual_seed(derive_seed(self.seed, "init", arch))
                net = self._prepared(self.space.build(arch).to(self.device))
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
            )
        except Exception as error:
            why = f"the network cannot be built: {one_line(error)}"
            return arch, dict.fromkeys((m.name for m in self.metrics), None), {m.name: why for m in self.metrics}
        scores, reasons = dict[str, float | None](), dict[str, str]()
        for m in self.metrics:
            try:
                value = m(probe)
                if not math.isfinite(value):
                    raise ValueError(f"the score is {value}")
                scores[m.name] = value
            except Exception as error:
                scores[m.name], reasons[m.name] = None, one_line(error)
        return arch, scores, reasons

    def _prepared(self, net: nn.Module) -> nn.Module:
        """The network in the wanted precision: its weights are drawn in its own, so they are the same in each."""
        match self.precision:
            case "float32":
                net.float()
            case "float64":
                net.double()
            case "bfloat16":
                net.float()
                net.forward = _autocast(net.forward, torch.device(self.device).type)
        return net

    def _placed(self, batch: Batch) -> Batch:
        """The batch on the device, floating-point tensors in the wanted precision."""
        dtype = None if self.precision is None else torch.float64 if self.precision == "float64" else torch.float32
        inputs, targets = (
            None if t is None else t.to(self.device, dtype if t.is_floating_point() else None) for t in batch
        )
        assert inputs is not None
        return inputs, targets

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
            "strict": self.strict,
            "loss": getattr(self.loss, "__qualname__", repr(self.loss)),
            "loss_source": "" if self.loss is F.cross_entropy else source(self.loss),
            "device": self.device,
            "machine": platform.machine(),
            "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        }


def _autocast(forward: Callable[..., Any], device: str) -> Callable[..., Any]:
    """`forward` with its matrix products and convolutions in bfloat16, outputs in float32 again.

    Around the network alone: what the loss and the metrics compute with its outputs is not rounded.
    """

    def in_bfloat16(*args: Any, **kwargs: Any) -> Any:
        with torch.autocast(device, torch.bfloat16):
            outputs = forward(*args, **kwargs)
        return outputs.float() if isinstance(outputs, Tensor) and outputs.dtype == torch.bfloat16 else outputs

    return in_bfloat16


def _fingerprint(batch: Batch) -> str:
    digest = blake2b(digest_size=16)
    for tensor in batch:
        if tensor is not None:
            digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def check_batch(batch: Batch, called: str = "the batch") -> None:
    """Raises `InputError` where no network could be scored on it."""
    inputs, targets = batch
    if inputs.ndim < 2 or len(inputs) == 0:
        raise InputError(f"{called}'s inputs have shape {tuple(inputs.shape)}: expected n x ... with n at least 1")
    if inputs.is_floating_point() and not torch.isfinite(inputs).all():
        raise InputError(f"{called}'s inputs hold NaN or infinite values")
    if targets is None:
        return
    if len(targets) != len(inputs):
        raise InputError(f"{called} has {len(inputs)} inputs but {len(targets)} targets")
    if targets.is_floating_point() and not torch.isfinite(targets).all():
        raise InputError(f"{called}'s targets hold NaN or infinite values")


def one_line(error: BaseException) -> str:
    """The kind and the first line of an error."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")


_job: Job | None = None


def start_worker(job: Job) -> None:
    """Readies this process for `score_in_worker`; it ends with its parent."""
    global _job
    _job = job
    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def leave_with_parent() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=leave_with_parent, daemon=True).start()


def score_in_worker(arch: str) -> Scores:
    assert _job is not None
    return _job.score(arch)

"""What a table of scores was made with, and whether more can be added to it."""

import platform
from collections.abc import Collection, Mapping
from hashlib import blake2b
from importlib.metadata import version
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils import _pytree as pytree

from untrained.errors import InputError
from untrained.metrics.base.sources import source
from untrained.runtime.identity import UNREADABLE, code_of, described, difference, raw_bytes, readable
from untrained.scoring.batch import Batch, described_inputs
from untrained.scoring.one_network import Job
from untrained.spaces import SearchSpace

DEFAULTS = {
    "second_batch": None,
    "strict": False,
    "precision": None,
    "chunk": None,
    "sources": {},
    "loss_source": "",
    "space_code": "",
    "space_state": None,
}
"""What a file stands for that was written before these entries were there.

For `space_code` this is the safe reading: the spaces of this package have no code of their own in the provenance, and
their options tell everything. The file of a user's space without that entry differs from every code, and is refused.
"""

OF_A_COLUMN = ("metrics", "directions", "sources", "second_batch")
"""Entries that can differ between two calls that fill one table."""
OF_A_RUN = ("versions", "machine")
"""Entries that make no finished score wrong, but scores of both kinds must not be mixed."""
NOT_COMPARED = ("format", "batch_shape", "unbuilt")

CHANGED = {
    "space_code": "the code of the space has changed",
    "batch": "the batch holds other data",
    "loss_source": "the code or the options of the loss have changed",
}
"""What is said of entries whose values say nothing to a reader."""


def provenance(job: Job) -> dict[str, Any]:
    """Describes all that the scores of a job depend on, as JSON."""
    inputs, _ = job.batch
    packages = ("untrained", "torch", "numpy")
    return {
        "format": 2,
        "space": job.space.name,
        "space_options": described(job.space.options),
        **_own_space(job.space),
        "metrics": [m.name for m in job.metrics],
        "directions": {m.name: m.direction for m in job.metrics},
        "sources": {m.name: m.source for m in job.metrics if m.source},
        "seed": job.seed,
        "batch": _fingerprint(job.batch),
        "batch_shape": _shape(inputs),
        "second_batch": None if job.second_batch is None else _fingerprint(job.second_batch),
        "dtype": described_inputs(inputs)[0],
        "precision": job.precision,
        "chunk": job.chunk,
        "strict": job.strict,
        "loss": getattr(job.loss, "__qualname__", type(job.loss).__qualname__),
        "loss_source": "" if job.loss is F.cross_entropy else source(job.loss),
        "device": job.device,
        "machine": _machine(job.device),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }


def _shape(inputs: Any) -> list[Any]:
    """n x ...; of nested inputs, that of each tensor."""
    return list(inputs.shape) if isinstance(inputs, Tensor) else [list(p.shape) for p in pytree.tree_leaves(inputs)]


def check_same(found: Any, wanted: Mapping[str, Any], place: str, *, adding: bool) -> None:
    """Makes sure that the scores at `place` are those that a call asks for.

    Args:
        found: the provenance in the file.
        wanted: that of the call.
        place: the file, as messages call it.
        adding: whether scores are to be added: then the versions and the machine have to be the same, too.

    Raises:
        InputError: something differs, or cannot be compared; the message says what.
    """
    if not isinstance(found, Mapping) or "space" not in found:
        raise InputError(f"{place} holds scores of unknown origin: give another file, or move it away")
    found = {**DEFAULTS, **found}
    shared = [name for name in wanted["metrics"] if name in found["metrics"]]
    if what := _unreadable(wanted, shared):
        raise InputError(
            f"the code or the state of {what} cannot be read (it was defined at a prompt or in a notebook, or holds "
            f"something like a lock): move it to a file to go on from {place}, or give another file"
        )
    if other := _difference(found, wanted, shared, adding):
        raise InputError(f"{place} holds the scores of another call ({other}): give another file, or move it away")


def merged(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The provenance of a table that holds the scores of both."""
    both = {key: {**found.get(key, {}), **wanted.get(key, {})} for key in ("directions", "sources", "unbuilt")}
    second = wanted["second_batch"] or found.get("second_batch")
    metrics = list(dict.fromkeys((*found["metrics"], *wanted["metrics"])))
    return {**wanted, **both, "metrics": metrics, "second_batch": second}


def _unreadable(wanted: Mapping[str, Any], metrics: Collection[str]) -> str:
    if not readable([wanted["space_code"], wanted["space_state"]]):
        return "the space"
    if not readable(wanted["loss_source"]):
        return "the loss"
    return next((f"metric {name!r}" for name in metrics if not readable(wanted["sources"].get(name))), "")


def _difference(found: Mapping[str, Any], wanted: Mapping[str, Any], shared: Collection[str], adding: bool) -> str:
    for key, value in wanted.items():
        if key in (*OF_A_COLUMN, *NOT_COMPARED) or (key in OF_A_RUN and not adding):
            continue
        if other := difference(found, {key: value}):
            return CHANGED[key] if key in CHANGED and UNREADABLE not in str(found.get(key)) else other
    second = {found["second_batch"], wanted["second_batch"]}  # None if no metric looks at one
    if len(second - {None}) > 1:
        return "second_batch: it holds other data"
    for name in shared:
        if found["sources"].get(name) != wanted["sources"].get(name):
            return f"sources: the code or the options of metric {name!r} have changed"
    return ""


def _own_space(space: SearchSpace) -> dict[str, Any]:
    """Code of a user's space, and what its class was made with; its options stand beside that.

    A space of this package is told by its name, its options and the version.
    """
    code = code_of(space.source)
    return {"space_code": code, "space_state": described(space.source) if code else None}


def _machine(device: str) -> str:
    name = platform.machine()
    return f"{name}, {torch.cuda.get_device_name(device)}" if device.startswith("cuda") else name


def _fingerprint(batch: Batch) -> str:
    digest = blake2b(digest_size=16)
    for part in batch:
        if not isinstance(part, Tensor | None):
            digest.update(str(pytree.tree_structure(part)).encode())
    for tensor in pytree.tree_leaves(batch):
        if isinstance(tensor, Tensor):
            digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
            digest.update(raw_bytes(tensor))
    return digest.hexdigest()

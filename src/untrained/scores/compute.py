"""Scoring a pool: in any order, in any number of processes, killed and resumed, always the same numbers."""

import fcntl
import json
import math
import multiprocessing
import os
import pickle
import platform
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from importlib.metadata import version
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from untrained.errors import InputError
from untrained.memory import keep_freed_memory
from untrained.metrics import ROBOT_METRICS, Metric, Probe, get_metrics
from untrained.metrics.probe import Loss
from untrained.provenance import difference
from untrained.scores.table import ScoreTable
from untrained.seeding import derive_seed
from untrained.spaces import SearchSpace
from untrained.threads import torch_threads

Progress = Callable[[int, int], None]
"""Called with (architectures scored, architectures in all)."""

Scores = tuple[str, dict[str, float | None], dict[str, str]]
"""(architecture, metric -> score or None, metric -> why there is none)."""

EARLY = 8
"""If none of the first so many architectures gets any score, the batch is at fault."""


@dataclass(frozen=True)
class Job:
    """All that a score depends on, but for the architecture."""

    space: SearchSpace
    metrics: tuple[Metric, ...]
    inputs: Tensor
    targets: Tensor | None
    seed: int
    loss: Loss
    device: str

    def score(self, arch: str) -> Scores:
        """The scores of the network of `arch`, initialised from (seed, arch)."""
        second_order = any("Hessian" in m.needs for m in self.metrics)
        try:
            with torch.random.fork_rng([]):
                torch.manual_seed(derive_seed(self.seed, "init", arch))
                net = self.space.build(arch).to(self.device)
            targets = None if self.targets is None else self.targets.to(self.device)
            probe = Probe(
                net,
                self.inputs.to(self.device),
                targets,
                loss=self.loss,
                seed=derive_seed(self.seed, "probe", arch),
                second_order=second_order,
            )
        except Exception as error:
            why = f"the network cannot be built: {_one_line(error)}"
            return arch, dict.fromkeys((m.name for m in self.metrics), None), {m.name: why for m in self.metrics}
        scores, reasons = dict[str, float | None](), dict[str, str]()
        for m in self.metrics:
            try:
                value = m(probe)
                if not math.isfinite(value):
                    raise ValueError(f"the score is {value}")
                scores[m.name] = value
            except Exception as error:
                scores[m.name], reasons[m.name] = None, _one_line(error)
        return arch, scores, reasons

    def provenance(self) -> dict[str, Any]:
        digest = blake2b(digest_size=16)
        for tensor in (self.inputs, self.targets):
            if tensor is not None:
                digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
                digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        packages = ("untrained", "torch", "numpy")
        return {
            "format": 1,
            "space": self.space.name,
            "space_options": self.space.options,
            "metrics": [m.name for m in self.metrics],
            "seed": self.seed,
            "batch": digest.hexdigest(),
            "batch_shape": list(self.inputs.shape),
            "dtype": str(self.inputs.dtype).removeprefix("torch."),
            "loss": getattr(self.loss, "__qualname__", repr(self.loss)),
            "device": self.device,
            "machine": platform.machine(),
            "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        }


def compute_scores(
    space: SearchSpace,
    archs: Sequence[str],
    metrics: Sequence[str | Metric] = ROBOT_METRICS,
    batch: tuple[Tensor, Tensor | None] | None = None,
    seed: int = 0,
    *,
    loss: Loss = F.cross_entropy,
    workers: int = 1,
    path: str | Path | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> ScoreTable:
    """Scores every architecture of `archs` with every metric on one batch.

    batch: (inputs n x ..., targets n or None). A score depends only on (space, architecture, seed, batch, metric):
    each network is initialised from its own string, and runs on one thread. Architectures with the same canonical twin
    are scored once. A metric that fails on a network gives NaN and a reason.

    path: where to save the table (Parquet). Scores are kept in `path`.partial as they come, so a killed call goes on
    where it was when called again; a finished table of the same call is just read.

    Raises `InputError` where an architecture is not of the space, the batch is unusable, no metric works on it, or
    `path` holds another call's scores.
    """
    if batch is None:
        raise InputError("no batch given: metrics need a batch of inputs and targets")
    if not archs:
        raise InputError("no architecture to score")
    if workers < 1:
        raise InputError(f"{workers} workers: give at least 1")
    inputs, targets = batch
    _check_batch(inputs, targets)
    job = Job(space, tuple(get_metrics(metrics)), inputs, targets, seed, loss, device)
    twin = {arch: space.canonical(arch) for arch in dict.fromkeys(archs)}
    provenance = job.provenance()
    if path is not None and Path(path).exists():
        return _finished(Path(path), tuple(twin), provenance)
    todo = list(dict.fromkeys(twin.values()))
    with _Journal(None if path is None else Path(f"{path}.partial"), provenance) as journal:
        wanted = set(todo)
        done = {arch: scores for arch, scores in journal.scores.items() if arch in wanted}
        todo = [arch for arch in todo if arch not in done]
        total = len(done) + len(todo)
        if progress:
            progress(len(done), total)
        _check_some_work(done, total, journal)
        for scores in _scored(job, todo, workers):
            journal.add(scores)
            done[scores[0]] = scores
            _check_some_work(done, total, journal)
            if progress:
                progress(len(done), total)
        names = tuple(m.name for m in job.metrics)
        rows = [[done[t][1][name] for name in names] for t in twin.values()]
        reasons = {arch: done[t][2] for arch, t in twin.items() if done[t][2]}
        table = ScoreTable(tuple(twin), names, np.array(rows, dtype=np.float64), reasons, provenance)
        if path is not None:
            table.save(path)
        journal.discard()
    return table


def _scored(job: Job, archs: list[str], workers: int) -> Iterator[Scores]:
    """Scores of `archs`, in any order."""
    workers = min(workers, len(archs))
    if workers <= 1:
        # As in the workers: the number of threads changes the last digits of a sum.
        with torch_threads(1):
            yield from map(job.score, archs)
        return
    try:
        pickle.dumps(job)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            f"scoring in {workers} processes needs spaces, metrics and losses defined at the top level of a module; "
            f"use 1 worker, or move it there: {_one_line(error)}"
        ) from error
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(job,))
    try:
        with _without_interrupts():  # Ctrl-C is the parent's to handle, also while the workers start
            scores = executor.map(_score_in_worker, archs)
        yield from scores
    except BrokenProcessPool as error:
        raise InputError(
            f"one of {workers} scoring processes died, most often for want of memory: use fewer workers or a smaller "
            "batch; a script that scores with several workers needs `if __name__ == '__main__':`"
        ) from error
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Ignores SIGINT; a process started inside goes on ignoring it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_job: Job | None = None


def _start_worker(job: Job) -> None:
    global _job
    _job = job
    torch.set_num_threads(1)
    keep_freed_memory()
    parent = multiprocessing.parent_process()
    assert parent is not None

    def leave_with_parent() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=leave_with_parent, daemon=True).start()


def _score_in_worker(arch: str) -> Scores:
    assert _job is not None
    return _job.score(arch)


class _Journal:
    """Scores as they come, a JSON line each under a line of provenance; a torn last line is dropped."""

    def __init__(self, path: Path | None, provenance: dict[str, Any]) -> None:
        self.path = path
        self.scores: dict[str, Scores] = {}
        self._file = None
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = 0
        if path.exists():
            text = path.read_bytes()
            lines = text[: text.rfind(b"\n") + 1].splitlines(keepends=True)
            try:
                entries = [json.loads(line) for line in lines]
                self.scores = {arch: (arch, scores, reasons) for arch, scores, reasons in entries[1:]}
            except ValueError as error:
                raise InputError(f"{path} is not a file of unfinished scores: move it away") from error
            if entries and (other := difference(entries[0], provenance)):
                raise InputError(f"{path} holds unfinished scores of another call ({other}): move it away")
            kept = sum(map(len, lines))
        self._file = path.open("r+b" if path.exists() else "wb")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise InputError(f"another process is writing to {path}: wait for it, or give another file") from error
        self._file.truncate(kept)
        self._file.seek(kept)
        if not kept:
            self._write(provenance)

    def _write(self, entry: Any) -> None:
        if self._file is not None:
            self._file.write(json.dumps(entry).encode() + b"\n")
            self._file.flush()

    def add(self, scores: Scores) -> None:
        self._write(scores)

    def discard(self) -> None:
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def __enter__(self) -> "_Journal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def _finished(path: Path, archs: tuple[str, ...], provenance: dict[str, Any]) -> ScoreTable:
    table = ScoreTable.load(path)
    # Finished scores stay good under another version or on another machine; only mixing them would not.
    made = {key: value for key, value in provenance.items() if key not in ("versions", "machine")}
    other = difference(table.provenance, made)
    if not other and set(archs) - set(table.archs):
        other = f"{len(set(archs) - set(table.archs))} of {len(archs)} architectures missing"
    if other:
        raise InputError(f"{path} holds the scores of another call ({other}): give another file, or move it away")
    return table.select(archs, provenance["metrics"])


def _check_some_work(done: dict[str, Scores], total: int, journal: _Journal) -> None:
    """Raises `InputError`, and forgets the failures, where none of the first architectures has any score."""
    if len(done) >= min(EARLY, total) and all(v is None for _, scores, _ in done.values() for v in scores.values()):
        journal.discard()
        _, _, reasons = next(iter(done.values()))
        raise InputError(f"no metric works on this batch: {next(iter(reasons.values()))}")


def _check_batch(inputs: Tensor, targets: Tensor | None) -> None:
    if inputs.ndim < 2 or len(inputs) == 0:
        raise InputError(f"batch inputs have shape {tuple(inputs.shape)}: expected n x ... with n at least 1")
    if inputs.is_floating_point() and not torch.isfinite(inputs).all():
        raise InputError("the batch's inputs hold NaN or infinite values")
    if targets is None:
        return
    if len(targets) != len(inputs):
        raise InputError(f"the batch has {len(inputs)} inputs but {len(targets)} targets")
    if targets.is_floating_point() and not torch.isfinite(targets).all():
        raise InputError("the batch's targets hold NaN or infinite values")


def _one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")

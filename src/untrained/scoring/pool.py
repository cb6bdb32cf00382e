"""Scoring a pool: in any order, in any number of processes, killed and resumed, always the same numbers."""

import pickle
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch.nn.functional as F

from untrained.errors import InputError, one_line
from untrained.metrics import ROBOT_METRICS, Given, get_metrics
from untrained.probe import Loss
from untrained.runtime.devices import usable_device
from untrained.runtime.interrupts import interruptible
from untrained.runtime.processes import unordered
from untrained.runtime.provenance import difference
from untrained.scores.table import ScoreTable
from untrained.scoring.journal import ScoreJournal, with_defaults
from untrained.scoring.one_network import (
    PRECISIONS,
    Batch,
    Job,
    Precision,
    Scores,
    check_batch,
)
from untrained.spaces import SearchSpace

Progress = Callable[[int, int], None]
"""Called with (architectures scored, architectures in all)."""

TRIES = 2
"""A network that was begun so often, and that no process lived to see the end of, is a failed one."""
EARLY = 8
"""If none of the first so many architectures gets any score, none will."""


def compute_scores(
    space: SearchSpace,
    archs: Sequence[str],
    metrics: str | Sequence[Given] = ROBOT_METRICS,
    batch: Batch | None = None,
    seed: int = 0,
    *,
    second_batch: Batch | None = None,
    loss: Loss = F.cross_entropy,
    strict: bool = False,
    precision: Precision | None = None,
    chunk: int | None = None,
    workers: int = 1,
    path: str | Path | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> ScoreTable:
    """Scores every architecture of `archs` with every metric on one batch.

    batch: (inputs n x ..., targets n or None). A score depends only on (space, architecture, seed, batch, metric):
    each network is initialised from its own string, and runs on one thread. Architectures with the same canonical twin
    are scored once. A metric that fails on a network gives NaN and a reason.

    metrics: names, `Metric`s or functions, see `get_metrics`.
    second_batch: like `batch`, other samples, for the metrics that compare two.
    loss: (what the network returns, targets) -> mean loss of the batch. A network may return several tensors (several
    heads) and the targets may be several: both reach the loss as they are.
    strict: count as the public implementations do: only Conv2d and Linear are layers.
    precision: "float32" or "float64" of network and batch, or "bfloat16" for networks that run under autocast; None
    leaves both as they come. The initial weights are the same in each.
    chunk: run so many samples at a time through each network, to save memory; see `Probe`. A metric that needs the
    whole batch at once has no score then.

    device: "cpu", "cuda", "cuda:1", ... or "auto", which takes CUDA where there is one. Apple's GPUs lack the double
    precision in which metrics sum. Several workers share a GPU.
    path: where to save the table (Parquet). Scores are kept in `path`.partial as they come, so a killed call goes on
    where it was when called again; a finished table of the same call is just read.

    Raises `InputError` where an architecture is not of the space, the batch is unusable, no metric works on it, a
    metric wants a second batch, or `path` holds another call's scores.
    """
    if batch is None:
        raise InputError("no batch given: metrics need a batch of inputs and targets")
    if not archs:
        raise InputError("no architecture to score")
    if workers < 1:
        raise InputError(f"{workers} workers: give at least 1")
    if chunk is not None and chunk < 1:
        raise InputError(f"a chunk of {chunk} samples: give at least 1")
    if precision not in PRECISIONS:
        raise InputError(f"unknown precision {precision!r}: choose from {', '.join(filter(None, PRECISIONS))}")
    check_batch(batch)
    chosen = tuple(get_metrics(metrics))
    pairs = [m.name for m in chosen if "second batch" in m.needs]
    if pairs and second_batch is None:
        raise InputError(f"metric {pairs[0]!r} compares two batches: give second_batch=(inputs, targets) too")
    if pairs and second_batch is not None:
        check_batch(second_batch, "the second batch")
        shapes = [tuple(inputs.shape[1:]) for inputs, _ in (batch, second_batch)]
        if shapes[0] != shapes[1]:
            raise InputError(f"the second batch has samples of shape {shapes[1]}, the first of {shapes[0]}")
    else:
        second_batch = None  # no score depends on it
    found = usable_device(device, double=True)
    device = found.type if device == "auto" else device
    job = Job(space, chosen, batch, seed, loss, device, second_batch, strict, precision, chunk)
    twin = {arch: space.canonical(arch) for arch in dict.fromkeys(archs)}
    provenance = job.provenance()
    if path is not None and Path(path).exists():
        return _finished(Path(path), tuple(twin), provenance)
    todo = list(dict.fromkeys(twin.values()))
    several = min(workers, len(todo)) > 1
    if several:
        _check_travels(job, workers)
    random.Random(0).shuffle(todo)  # the first few are to tell of all whether any score can be had
    with interruptible(), ScoreJournal(None if path is None else Path(f"{path}.partial"), provenance) as journal:
        wanted = set(todo)
        done = {arch: scores for arch, scores in journal.scores.items() if arch in wanted}
        todo = [arch for arch in todo if arch not in done]
        total = len(done) + len(todo)
        if progress:
            progress(len(done), total)
        _check_some_work(done, total, journal)
        for scores in _scored(job, todo, workers if several else 1, journal):
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


def _scored(job: Job, todo: Sequence[str], workers: int, journal: ScoreJournal) -> Iterator[Scores]:
    """The scores of each of `todo`; a network that its process does not survive has none, and says why.

    What an earlier call began and did not end comes last: alone in a process if there are several, else in this one, as
    a script for one worker need not have `if __name__ == "__main__"`.
    """
    rest = [arch for arch in todo if not journal.unended[arch]]
    suspects = [arch for arch in todo if journal.unended[arch]]
    if workers > 1:
        yield from unordered(job.score, rest, workers, suspects=suspects, died=job.failed, begin=journal.begin)
        return
    again = [arch for arch in suspects if journal.unended[arch] < TRIES]
    yield from unordered(job.score, rest + again, 1, begin=journal.begin)
    for arch in suspects:
        if arch not in again:
            yield job.failed(arch, f"the process died each of the {TRIES} times that it was scored")


def _check_travels(job: Job, workers: int) -> None:
    """Raises `InputError` where another process could not find what the job is made of."""
    prompt = not hasattr(sys.modules["__main__"], "__file__")
    for thing in (type(job.space), job.loss, *(m.function for m in job.metrics)):
        if prompt and thing.__module__ == "__main__":
            raise InputError(
                f"scoring in {workers} processes cannot find {getattr(thing, '__qualname__', thing)!r}, defined at a "
                "prompt or in a notebook: move it to a file, or use 1 worker"
            )
    try:
        pickle.dumps(job)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            f"scoring in {workers} processes needs spaces, metrics and losses defined at the top level of a module; "
            f"use 1 worker, or move it there: {one_line(error)}"
        ) from error


def _finished(path: Path, archs: tuple[str, ...], provenance: dict[str, Any]) -> ScoreTable:
    table = ScoreTable.load(path)
    # Finished scores stay good under another version or on another machine; only mixing them would not.
    made = {key: value for key, value in provenance.items() if key not in ("versions", "machine")}
    other = difference(with_defaults(table.provenance), made)
    if not other and set(archs) - set(table.archs):
        other = f"{len(set(archs) - set(table.archs))} of {len(archs)} architectures missing"
    if other:
        raise InputError(f"{path} holds the scores of another call ({other}): give another file, or move it away")
    return table.select(archs, provenance["metrics"])


def _check_some_work(done: dict[str, Scores], total: int, journal: ScoreJournal) -> None:
    """Raises `InputError`, and forgets the failures, where none of the first architectures has any score."""
    if len(done) >= min(EARLY, total) and all(v is None for _, scores, _ in done.values() for v in scores.values()):
        journal.discard()
        _, _, reasons = next(iter(done.values()))
        raise InputError(f"no metric has a score on any of {len(done)} networks: {next(iter(reasons.values()))}")

"""Scoring a pool: in any order, in any number of processes, killed, resumed and extended, always the same numbers."""

import functools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch.nn.functional as F

from untrained.errors import InputError, one_line, warn
from untrained.metrics import ROBOT_METRICS, Given, Metric, default_metrics, get_metrics
from untrained.probe import Loss, Probe
from untrained.runtime.devices import one_gpu, usable_device
from untrained.runtime.elsewhere import unordered_elsewhere
from untrained.runtime.executors import AnExecutor, Executors, executors_of, is_local
from untrained.runtime.interrupts import interruptible
from untrained.runtime.processes import unordered
from untrained.runtime.travel import Parcel
from untrained.scores.table import ScoreTable
from untrained.scoring.batch import Batch, as_batch, described_inputs
from untrained.scoring.cells import Cells
from untrained.scoring.journal import ScoreJournal, drop_finished, partial_of
from untrained.scoring.notes import Note, tell
from untrained.scoring.one_network import PRECISIONS, Job, NetworkScores, Precision, Task
from untrained.scoring.provenance import OF_A_COLUMN, check_same, merged, provenance
from untrained.spaces import SearchSpace, as_space

Progress = Callable[[int, int], None]
"""Called with (architectures scored, architectures in all)."""

TRIES = 2
"""A network that was begun so often, and that no process lived to see the end of, is a failed one."""
EARLY = 8
"""If none of the first so many architectures gets any score, none will."""
TRIED = 2
"""Networks on which the default metrics are tried."""


@dataclass(frozen=True)
class Scoring:
    """How to score networks: with which metrics, on which batch, on which device.

    Args:
        metrics: names, `Metric`s or functions, see `get_metrics`. By default RoBoT's six, or stand-ins for those that
            do not work on networks of this kind, see `default_metrics`.
        batch: (inputs n x ..., targets), see `as_batch`.
        second_batch: other samples in the same form, for the metrics that compare two.
        loss: (what the network returns, targets) -> mean loss of the batch; cross-entropy by default. A network may
            return several tensors (several heads) and the targets may be several: both reach the loss as they are.
        strict: count as the public implementations do: only Conv2d and Linear are layers.
        precision: "float32" or "float64" of network and batch, or "bfloat16" for networks that run under autocast; None
            leaves both as they come. The initial weights are the same in each.
        chunk: run so many samples at a time through each network, to save memory, see `Probe`. A metric that needs the
            whole batch at once has no score then.
        device: "cpu", "cuda", "cuda:1", ... or "auto", which takes CUDA if there is one. Apple's GPUs lack the double
            precision in which metrics sum. "cuda" gives the workers the GPUs in turn; several may share one.
        workers: processes that score. The scores do not depend on their number.
        executor: where to score instead, `workers` tasks at a time: a `concurrent.futures.Executor`, a function that
            makes one, or a name such as "ray"; "processes" for those of this package. The scores are the same to the
            bit.
        limit_seconds: how long one network may take. One that takes longer twice has no score, and says so. With a
            limit, networks are scored in a process of their own also by one worker.

    Example:
        >>> from untrained import NASBench201, Scoring, load_data
        >>> space = NASBench201(N=1, C=4, in_channels=1)
        >>> scoring = Scoring(["snip", "params"], load_data("digits").batch(8))
        >>> scoring.scores(space, space.pool(2)).values.shape
        (2, 2)
    """

    metrics: str | Sequence[Given] | None = None
    batch: Any = None
    second_batch: Any = None
    loss: Loss | None = None
    strict: bool = False
    precision: Precision | None = None
    chunk: int | None = None
    device: str = "cpu"
    workers: int = 1
    limit_seconds: float | None = None
    executor: AnExecutor | Executors | None = None

    def scores(
        self,
        space: SearchSpace,
        archs: Sequence[str],
        seed: int = 0,
        *,
        path: str | Path | None = None,
        begin: Callable[[], None] | None = None,
        progress: Progress | None = None,
        note: Note | None = None,
        known: ScoreTable | None = None,
    ) -> ScoreTable:
        """Scores every architecture with every metric.

        A score depends only on (space, architecture, seed, batch, metric): each network is initialised from its own
        string, and runs on one thread. Architectures with the same canonical twin are scored once. A metric that fails
        on a network gives NaN and a reason; a network that cannot be built leaves the pool.

        Args:
            space: builds the networks.
            archs: its architectures.
            seed: decides initial weights and the metrics' random draws.
            path: a file to keep the scores in (Parquet). They stand in `path`.partial as they come, so that a killed
                call loses none. A table that is there already, made with the same space, batch, loss, seed and
                settings, gains the architectures and metrics that it lacks, and only those are computed.
            begin: called once what stands in `path` is found to go with this call, before anything is computed.
            progress: called after each network.
            note: called with each line that the user should read: networks left out, metrics that failed on a part of
                the pool, default metrics replaced. By default they are warnings.
            known: what an earlier call with the same space, batch, loss, seed and settings gave; none of it is
                computed again.

        Returns:
            The architectures asked for that can be built, in the order given, and the metrics asked for.

        Raises:
            InputError: an architecture is not of the space, the batch is unusable, no metric works on it, no network
                can be built, a metric wants a second batch, or `path` holds scores that were made with something else.
        """
        note, space = note or warn, as_space(space)
        twin = {arch: space.canonical(arch) for arch in dict.fromkeys(archs)}
        job = self._job(space, twin, seed, note)
        with executors_of(self.executor, self.workers) as executors:
            pool = _Pool(job, twin, None if path is None else Path(path), self.limit_seconds, executors)
            if known is not None:
                pool.cells.add_table(known, space.canonical)
            table = pool.filled(self.workers, begin or (lambda: None), progress)
        tell(table, len(twin), note)
        return table

    def _job(self, space: SearchSpace, twin: Mapping[str, str], seed: int, note: Note) -> Job:
        """The job, all that is given being checked."""
        if self.batch is None:
            raise InputError("no batch to score networks on: give one, as Scoring(batch=(inputs, targets))")
        if not twin:
            raise InputError("no architecture to score")
        if self.workers < 1:
            raise InputError(f"{self.workers} workers: give at least 1")
        if self.limit_seconds is not None and not self.limit_seconds > 0:
            raise InputError(f"a limit of {self.limit_seconds} seconds: give more than 0")
        if self.limit_seconds is not None and not is_local(self.executor):
            raise InputError("a limit for each network ends its process, and an executor's are not ours to end")
        if self.chunk is not None and self.chunk < 1:
            raise InputError(f"a chunk of {self.chunk} samples: give at least 1")
        if self.precision not in PRECISIONS:
            known = ", ".join(filter(None, PRECISIONS))
            raise InputError(f"unknown precision {self.precision!r}: choose from {known}")
        found = usable_device(self.device, double=True)
        device = found.type if self.device == "auto" else self.device
        batch, loss = as_batch(self.batch), self.loss or F.cross_entropy
        job = Job(space, (), batch, seed, loss, device, None, self.strict, self.precision, self.chunk)
        if self.metrics is None:
            metrics, why = default_metrics(*_probes(job, twin.values()))
            if why:
                note(why)
        else:
            metrics = tuple(get_metrics(self.metrics))
        return replace(job, metrics=metrics, second_batch=self._second_batch(batch, metrics))

    def _second_batch(self, batch: Batch, metrics: Sequence[Metric]) -> Batch | None:
        pairs = [m.name for m in metrics if "second batch" in m.needs]
        if not pairs:
            return None  # no score depends on it
        if self.second_batch is None:
            raise InputError(f"metric {pairs[0]!r} compares two batches: give second_batch=(inputs, targets) too")
        second = as_batch(self.second_batch, "the second batch")
        shapes = [described_inputs(inputs)[1] for inputs, _ in (batch, second)]
        if shapes[0] != shapes[1]:
            raise InputError(f"the second batch has samples of shape {shapes[1]}, the first of {shapes[0]}")
        return second


def compute_scores(
    space: SearchSpace,
    archs: Sequence[str],
    metrics: str | Sequence[Given] | None = ROBOT_METRICS,
    batch: Any = None,
    seed: int = 0,
    *,
    second_batch: Any = None,
    loss: Loss = F.cross_entropy,
    strict: bool = False,
    precision: Precision | None = None,
    chunk: int | None = None,
    workers: int = 1,
    path: str | Path | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    executor: AnExecutor | None = None,
) -> ScoreTable:
    """Scores every architecture of a pool with every metric on one batch.

    Args:
        space: builds the networks.
        archs: its architectures.
        metrics: names, `Metric`s or functions, see `get_metrics`; None chooses some that work, see `Scoring`.
        batch: (inputs n x ..., targets n or None).
        seed: decides initial weights and the metrics' random draws.
        second_batch: as in `Scoring`, like all that follow.
        loss: (what the network returns, targets) -> mean loss of the batch.
        strict: only Conv2d and Linear are layers.
        precision: "float32", "float64" or "bfloat16".
        chunk: samples at a time.
        workers: processes.
        path: a file to keep the scores in, and to go on from; see `Scoring.scores`.
        device: what the networks run on.
        progress: called with (architectures scored, architectures in all).
        executor: where to score instead.

    Returns:
        The table of the architectures that can be built.

    Raises:
        InputError: as `Scoring.scores`.

    Example:
        >>> from untrained import NASBench201, compute_scores, load_data
        >>> space = NASBench201(N=1, C=4, in_channels=1)
        >>> compute_scores(space, space.pool(2), ["snip"], load_data("digits").batch(8)).metrics
        ('snip',)
    """
    scoring = Scoring(metrics, batch, second_batch, loss, strict, precision, chunk, device, workers, executor=executor)
    return scoring.scores(space, archs, seed, path=path, progress=progress)


class _Pool:
    """One call: what is asked for, what is there already, and the file that keeps it."""

    def __init__(
        self,
        job: Job,
        twin: Mapping[str, str],
        path: Path | None,
        limit: float | None,
        executors: Executors | None = None,
    ) -> None:
        self.job, self.twin, self.path, self.limit, self.executors = job, twin, path, limit, executors
        self.asked = {m.name: m.direction for m in job.metrics}
        self.wanted = provenance(job)
        self.cells = Cells()
        self.found = self._read(adding=False)

    def _canonical(self, arch: str) -> str:
        return self.twin.get(arch) or self.job.space.canonical(arch)

    def _read(self, *, adding: bool) -> ScoreTable | None:
        """Takes what stands in the finished table."""
        if self.path is None or not self.path.exists():
            return None
        table = ScoreTable.load(self.path)
        check_same(table.provenance, self.wanted, str(self.path), adding=adding)
        self.cells.add_table(table, self._canonical)
        return table

    @property
    def todo(self) -> list[str]:
        """The networks of which something is left to compute."""
        return [t for t in dict.fromkeys(self.twin.values()) if self.cells.task(t, self.asked).metrics]

    def filled(self, workers: int, begin: Callable[[], None], progress: Progress | None) -> ScoreTable:
        """The table asked for, its missing cells computed."""
        made_with = self.wanted
        if self.found is not None and not self.todo:
            begin()
            if self.path is not None:
                drop_finished(self.path, self.wanted, self.cells.knows)
            made_with = {**self.found.provenance, **{key: self.wanted[key] for key in OF_A_COLUMN}}
        else:
            self._fill(workers, begin, progress)
        return self.cells.table(self.twin, self.asked, made_with)

    def _fill(self, workers: int, begin: Callable[[], None], progress: Progress | None) -> None:
        if self.found is not None:
            check_same(self.found.provenance, self.wanted, str(self.path), adding=True)
        if min(workers, len(self.todo)) > 1 or self.limit is not None or self.executors is not None:
            _check_travels(self.job, workers)
        partial = None if self.path is None else partial_of(self.path)
        with interruptible(), ScoreJournal(partial, self.wanted) as journal:
            self.found = self._read(
                adding=True
            )  # once more: another process may have added to it before this one could
            begin()
            for scores in journal.scores:
                self.cells.add(scores)
            self._compute(journal, workers, progress)
            if self.path is not None:
                self._union(journal).save(self.path)
            journal.discard()

    def _compute(self, journal: ScoreJournal, workers: int, progress: Progress | None) -> None:
        todo, asked = self.todo, list(dict.fromkeys(self.twin.values()))
        done = [t for t in asked if t not in set(todo)]
        random.Random(0).shuffle(todo)  # the first few are to tell of all whether any score can be had
        works = self._works(done, len(asked), journal)
        if progress:
            progress(len(done), len(asked))
        for scores in self._scored([self.cells.task(t, self.asked) for t in todo], workers, journal):
            journal.add(scores)
            self.cells.add(scores)
            done.append(scores.architecture)
            works = works or self._works(done, len(asked), journal)
            if progress:
                progress(len(done), len(asked))

    def _scored(self, tasks: Sequence[Task], workers: int, journal: ScoreJournal) -> Iterator[NetworkScores]:
        """The scores of each network; one that its process does not survive has none, and says why.

        What an earlier call began and did not end comes last: alone in a process if there are several, else in this
        one, as a script for one worker need not have `if __name__ == "__main__"`.
        """
        rest = [task for task in tasks if not journal.unended[task.architecture]]
        suspects = [task for task in tasks if journal.unended[task.architecture]]
        score, failed = self.job.score, self.job.failed

        if self.executors is not None:
            yield from unordered_elsewhere(score, tasks, self.executors, workers, died=failed)
            return

        def begin(task: Task) -> None:
            journal.begin(task.architecture)

        if min(workers, len(tasks)) > 1 or self.limit is not None:
            options = {"died": failed, "begin": begin, "limit_seconds": self.limit}
            options["environment"] = one_gpu if self.job.device == "cuda" else None  # "cuda:1" is that one for all
            yield from unordered(score, rest, workers, suspects=suspects, **options)
            return
        again = [task for task in suspects if journal.unended[task.architecture] < TRIES]
        yield from unordered(score, rest + again, 1, begin=begin)
        for task in suspects:
            if task not in again:
                yield failed(task, f"the process died each of the {TRIES} times that it was scored")

    def _works(self, done: Sequence[str], total: int, journal: ScoreJournal) -> bool:
        """Whether a network has a score. Raises `InputError` if none of the first, or of all, has any."""
        built = [t for t in done if t not in self.cells.unbuilt]
        if any(self.cells.has_a_score(t, self.asked) for t in built):
            return True
        if done and len(done) - len(built) == total:
            self._forget(journal)
            raise InputError(f"none of the {total} networks can be built: {self.cells.unbuilt[done[0]]}")
        if built and (len(built) >= EARLY or len(done) == total):
            self._forget(journal)
            why = next(iter(self.cells.reasons[built[0]].values()))
            raise InputError(f"no metric has a score on any of {len(built)} networks: {why}")
        return False

    def _forget(self, journal: ScoreJournal) -> None:
        """Removes a journal that holds failures only."""
        if not any(value is not None for values in self.cells.values.values() for value in values.values()):
            journal.discard()

    def _union(self, journal: ScoreJournal) -> ScoreTable:
        """All that is known: what was there keeps its place, what is new follows."""
        archs, made_with = dict[str, str](), [*journal.provenances, self.wanted]
        if self.found is not None:
            made_with.insert(0, self.found.provenance)
            there = (*self.found.archs, *self.found.provenance.get("unbuilt", {}))
            archs |= {arch: self._canonical(arch) for arch in there}
        archs.update(self.twin)
        twins = set(archs.values())
        archs |= {t: t for t in (*self.cells.values, *self.cells.unbuilt) if t not in twins}
        whole = functools.reduce(merged, made_with)
        columns = {name: whole["directions"].get(name, 1) for name in whole["metrics"]}
        if self.found is not None:
            columns |= dict(zip(self.found.metrics, self.found.directions, strict=True))
        return self.cells.table(archs, columns, whole)


def _probes(job: Job, archs: Any) -> list[Probe]:
    """A few networks of the pool that can be built, with the batch."""
    probes, why = list[Probe](), ""
    for arch in random.Random(0).sample(found := list(dict.fromkeys(archs)), len(found)):
        try:
            probes.append(job.probe(arch, job.network(arch)))
        except (Exception, SystemExit) as error:  # whatever a space of the user's raises
            why = why or one_line(error)
        if len(probes) == TRIED:
            break
    if not probes:
        raise InputError(f"none of the {len(found)} networks can be built: {why}")
    return probes


def _check_travels(job: Job, workers: int) -> None:
    """Raises `InputError` if the job cannot be sent to another process."""
    try:
        Parcel(job)
    except Exception as error:  # pickling fails in many ways
        raise InputError(
            f"scoring in {workers} processes: the space, a metric or the loss cannot be sent there: use 1 worker "
            f"({one_line(error)})"
        ) from error

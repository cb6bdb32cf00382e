"""`bench`: every sampler searches every benchmark with every seed, in processes; a killed bench can go on."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from untrained.benching.run import COLUMNS, Opened, Run, open_benchmark, run_search
from untrained.benchmarks import Benchmark, data_folder, get_benchmarks
from untrained.errors import InputError
from untrained.runtime.files import written_whole
from untrained.runtime.interrupts import interruptible
from untrained.runtime.journal import Journal
from untrained.runtime.processes import unordered
from untrained.runtime.provenance import difference
from untrained.runtime.seeding import check_seed
from untrained.samplers import SAMPLERS, sampler_info

METADATA = b"untrained"
SCHEMA = pa.schema(
    {
        "benchmark": pa.string(),
        "task": pa.string(),
        "objective": pa.string(),
        "sampler": pa.string(),
        "seed": pa.int64(),
        "query": pa.int64(),
        "architecture": pa.string(),
        "value": pa.float64(),
        "state": pa.string(),
        "phase": pa.string(),
        "cost": pa.float64(),
        "rank": pa.int64(),
        "regret": pa.float64(),
        "test": pa.float64(),
        "seconds": pa.float64(),
    }
)
"""The columns of a bench, with one row for each query; `untrained.benching.run.COLUMNS` says what they hold."""

ORDER = ("benchmark", "task", "objective", "sampler", "seed", "query")

RunKey = tuple[str, str, int]
"""(key of the benchmark, sampler, seed)."""

Rows = dict[str, list[Any]]
OnRun = Callable[[int, int], None]
"""Called with (searches done, searches in all)."""


@dataclass(frozen=True)
class Ran:
    """A benchmark that was searched.

    Args:
        benchmark: The benchmark.
        budget: The queries of each search.
        pool: How many architectures a search could choose from.
        metrics: The metrics that samplers learned from.
        notes: What a reader of the figures must know, such as metrics that were left out.
    """

    benchmark: Benchmark
    budget: int
    pool: int
    metrics: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class BenchResult:
    """The searches of a bench.

    Args:
        table: One row for each query, with the columns of `SCHEMA`, sorted by `ORDER`.
        ran: The benchmarks that were searched, in the order in which they were asked for.
        skipped: (what, why) for each benchmark, and each benchmark with a sampler, that could not run.

    Example:
        >>> BenchResult(SCHEMA.empty_table(), ran=(), skipped=(("nasbench201", "no file"),)).table.num_rows
        0
    """

    table: pa.Table
    ran: tuple[Ran, ...]
    skipped: tuple[tuple[str, str], ...] = ()


def bench(
    benchmarks: Sequence[str | Benchmark],
    samplers: Sequence[str] | None = None,
    seeds: Sequence[int] = range(10),
    *,
    budget: int | None = None,
    metrics: Sequence[str] | None = None,
    extra_metrics: Sequence[str] = (),
    data_dir: str | Path | None = None,
    path: str | Path | None = None,
    workers: int = 1,
    on_run: OnRun | None = None,
) -> BenchResult:
    """Lets every sampler search every benchmark with every seed.

    If a file of a benchmark is missing, or a sampler needs more than a table has, it is skipped with its reason.

    Args:
        benchmarks: Names (see `get_benchmarks`) or benchmarks of your own.
        samplers: Names, as `sampler_info` takes them; all of `SAMPLERS` if None. `single` stands for each metric of the
            table on its own.
        seeds: One search for each seed.
        budget: Queries of each search; T of the benchmark if None.
        metrics: Metrics in place of the benchmark's own.
        extra_metrics: Metrics besides them; `params` and `flops` are counted if a table lacks them.
        data_dir: Folder of the tables; the one that UNTRAINED_DATA names if None.
        path: Parquet file to write. Each finished search is added to `path`.partial, so a killed call goes on from
            there when it is repeated. Searches that `path` already holds are not made again.
        workers: Processes. They change no column but `seconds`.
        on_run: Called with (searches done, searches in all) after each search.

    Returns:
        Every query, and what was skipped.

    Raises:
        InputError: If an argument is not what it should be, if nothing can run, or if `path` holds searches with
            another budget or other tables.

    Example:
        >>> from untrained import Benchmark
        >>> _ = Path("mine.csv").write_text("arch,acc,snip\\na,91,1\\nb,93,3\\nc,92,2\\n")
        >>> mine = Benchmark("mine", "flowers", "acc", "mine.csv", "mine.csv", metrics=("snip",))
        >>> result = bench([mine], ["random", "single"], seeds=range(5), budget=2, data_dir=".")
        >>> result.table.num_rows
        20
    """
    if workers < 1:
        raise InputError(f"{workers} workers: give at least 1")
    if budget is not None and budget < 1:
        raise InputError(f"budget {budget}: give at least 1 query")
    if not isinstance(seeds, Iterable):
        raise InputError(f"seeds {seeds!r}: give several, as range({seeds!r})")
    seeds = list(dict.fromkeys(seeds))
    if not seeds:
        raise InputError("no seed: give at least one")
    for seed in seeds:
        check_seed(seed)
    chosen: list[Benchmark] = []
    for entry in benchmarks:
        chosen += get_benchmarks([entry]) if isinstance(entry, str) else [entry]
    folder = data_folder(data_dir) if any(map(_needs_folder, chosen)) else Path()
    names, extra = None if metrics is None else tuple(metrics), tuple(extra_metrics)
    skipped: list[tuple[str, str]] = []
    ran = dict[str, tuple[Opened, list[Run]]]()
    for benchmark in {b.key: b for b in chosen}.values():
        if missing := next((f for f in (benchmark.table, benchmark.scores) if not (folder / f).is_file()), None):
            skipped.append((benchmark.key, f"no file {str(folder / missing)!r} (untrained data says how to get it)"))
            continue
        opened = open_benchmark(benchmark, folder, names, extra)
        runs: list[Run] = []
        for sampler in _samplers(samplers, opened.scores.metrics):
            if missing := opened.missing(sampler):
                skipped.append((f"{benchmark.key} {sampler}", f"needs {missing}"))
                continue
            if budget is not None and budget > (most := len(opened.scores)):
                raise InputError(
                    f"budget {budget} is above the {most} architectures of {benchmark.key}: give at most {most}"
                )
            spend = min(budget or benchmark.budget, len(opened.scores))
            runs += [Run(benchmark, folder, sampler, seed, spend, names, extra) for seed in seeds]
        if runs:
            ran[benchmark.key] = opened, runs
    if not ran:
        what, why = skipped[0]
        others = f"; and {len(skipped) - 1} more" if len(skipped) > 1 else ""
        raise InputError(f"nothing to bench: {what}: {why}{others}")
    settings = {key: {"budget": runs[0].budget, **opened.identity} for key, (opened, runs) in ran.items()}
    with interruptible("search"), _store(None if path is None else Path(path), settings) as store:
        wanted = {(key, run.sampler, run.seed): run for key, (_, runs) in ran.items() for run in runs}
        todo = [run for key, run in wanted.items() if key not in store.done]
        finished = len(wanted) - len(todo)
        if on_run:
            on_run(finished, len(wanted))
        for run, rows in unordered(_run, todo, workers, died=_died):
            store.add((run.benchmark.key, run.sampler, run.seed), rows)
            finished += 1
            if on_run:
                on_run(finished, len(wanted))
        store.write()
        table = _table({key: store.done[key] for key in wanted})
    return BenchResult(table, tuple(_ran(opened, runs) for opened, runs in ran.values()), tuple(skipped))


def key_of(columns: Mapping[str, Sequence[Any]], row: int) -> str:
    """Makes the key of the benchmark in a row of a bench, given the columns of `SCHEMA`."""
    return "/".join(columns[name][row] for name in ORDER[:3])


def _ran(opened: Opened, runs: Sequence[Run]) -> Ran:
    shortest, longest = min(opened.benchmark.fidelities, default=0), max(opened.benchmark.fidelities, default=0)
    early = [
        f"{sampler} trains for {shortest} epochs, and on to {longest} while its pruner lets it: {longest} are its value"
        for sampler in dict.fromkeys(run.sampler for run in runs)
        if sampler_info(sampler).pruner is not None
    ]
    left_out = [f"{name} left out: it {why}" for name, why in opened.scores.provenance["left_out"].items()]
    notes = (*opened.benchmark.notes, *left_out, *early)
    return Ran(opened.benchmark, runs[0].budget, len(opened.scores), opened.scores.metrics, notes)


def _needs_folder(benchmark: Benchmark) -> bool:
    return not (Path(benchmark.table).is_absolute() and Path(benchmark.scores).is_absolute())


def _samplers(names: Sequence[str] | None, metrics: Sequence[str]) -> list[str]:
    """The samplers that were asked for; one that takes a metric is repeated for each of `metrics`."""
    expanded: list[str] = []
    for name in SAMPLERS if names is None else names:
        takes = name in SAMPLERS and SAMPLERS[name].takes_metric
        expanded += [f"{name}:{metric}" for metric in metrics] if takes else [name]
    for name in expanded:
        sampler_info(name)
    return list(dict.fromkeys(expanded))


def _run(run: Run) -> tuple[Run, Rows]:
    return run, run_search(run)


def _died(run: Run, why: str) -> tuple[Run, Rows]:
    raise InputError(f"{run.benchmark.key} by {run.sampler} with seed {run.seed}: {why}, twice: leave it out")


def _table(done: Mapping[RunKey, Rows]) -> pa.Table:
    tables = []
    for (key, sampler, seed), rows in done.items():
        n = len(rows["query"])
        benchmark, task, objective = key.split("/", 2)
        who = {"benchmark": benchmark, "task": task, "objective": objective, "sampler": sampler, "seed": seed}
        tables.append(pa.table({name: [value] * n for name, value in who.items()} | rows, schema=SCHEMA))
    return pa.concat_tables(tables).combine_chunks().sort_by([(name, "ascending") for name in ORDER])


class _Store:
    """Finished searches: those of the Parquet file, and those that are added to it."""

    def __init__(self, path: Path | None, settings: Mapping[str, Any]) -> None:
        self.path = path
        self.settings: dict[str, Any] = dict(settings)
        self.done: dict[RunKey, Rows] = {}
        self.journal: Journal | None = None
        if path is None:
            return
        if path.suffix != ".parquet":
            raise InputError(f"{str(path)!r} is not a .parquet file")
        self.journal = Journal(Path(f"{path}.partial"))
        try:
            if path.exists():  # read under the lock: before that, another process may add to it
                self._read(path)
            self._resume(self.journal)
        except BaseException:
            self.journal.close()
            raise

    def _resume(self, journal: Journal) -> None:
        for entry in journal.entries:
            try:
                held, (key, sampler, seed), rows = entry
            except (TypeError, ValueError) as error:
                raise InputError(f"{journal.path} is not a file of unfinished results: move it away") from error
            self._take(journal.path, {key: held})
            self.done[key, sampler, seed] = rows

    def _read(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                table = pq.read_table(file)
            held = json.loads((table.schema.metadata or {})[METADATA])
            table = table.select(SCHEMA.names).cast(SCHEMA)
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise InputError(f"{str(path)!r} is not a file of untrained bench: give another file") from error
        self._take(path, held)
        columns = table.to_pydict()
        for i in range(table.num_rows):
            run = key_of(columns, i), columns["sampler"][i], columns["seed"][i]
            rows = self.done.setdefault(run, {name: [] for name in COLUMNS})
            for name in rows:
                rows[name].append(columns[name][i])

    def _take(self, path: Path, held: Mapping[str, Any]) -> None:
        for key, there in held.items():
            if other := difference(there, self.settings.setdefault(key, there)):
                raise InputError(f"{path} holds other searches ({key}: {other}): give another file")

    def add(self, key: RunKey, rows: Rows) -> None:
        self.done[key] = rows
        if self.journal is not None:
            self.journal.add((self.settings[key[0]], key, rows))

    def write(self) -> None:
        if self.path is None or self.journal is None:
            return
        table = _table(self.done).replace_schema_metadata({METADATA: json.dumps(self.settings, sort_keys=True)})
        with written_whole(self.path) as temporary, temporary.open("wb") as file:  # Arrow takes UTF-8 paths only
            pq.write_table(table, file)
        self.journal.discard()


@contextmanager
def _store(path: Path | None, settings: Mapping[str, Any]) -> Iterator[_Store]:
    store = _Store(path, settings)
    try:
        yield store
    finally:
        if store.journal is not None:
            store.journal.close()
